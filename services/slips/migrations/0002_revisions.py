"""Revisions of slips, and the body's hash of a slip that was closed before it was accepted."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
create table slips.revisions (
  slip_id text not null references slips.slips on delete cascade,
  version int not null,
  ahead jsonb not null,
  at timestamptz not null default now(),
  primary key (slip_id, version)
);
alter table slips.slips add column refused_hash text;
"""


def upgrade() -> None:
    """Create the table and add the column."""
    op.execute(TABLES)
