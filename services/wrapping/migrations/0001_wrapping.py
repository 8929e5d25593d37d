"""Wrappings and unwrappings, and the receipts of the wrapping service."""

from alembic import op

from messaging.idempotent_receiver.table import receipts_table

revision = "0001"
down_revision = None

TABLES = """
create table wrapping.work (
  key text not null,
  kind text not null check (kind in ('wrap', 'unwrap')),
  paper text not null,
  at timestamptz not null default now(),
  primary key (key, kind)
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(receipts_table("wrapping") + TABLES)
