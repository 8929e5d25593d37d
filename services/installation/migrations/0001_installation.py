"""The namespace of Temporal that a database belongs to: at most one row."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table installation.binding (
  only_one boolean primary key default true check (only_one),
  installation_id text not null,
  namespace text not null,
  namespace_id text not null,
  server text not null,
  database_id text not null,
  bound_at timestamptz not null default now()
);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLES)
