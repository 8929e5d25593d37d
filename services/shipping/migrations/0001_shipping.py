"""Parcels, and the receipts of the shipping service."""

from alembic import op

from messaging.idempotent_receiver.table import receipts_table

revision = "0001"
down_revision = None

TABLES = """
create table shipping.parcels (
  key text primary key,
  order_id text not null,
  tracking text not null unique,
  handed_over_at timestamptz not null default now(),
  recalled_at timestamptz
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(receipts_table("shipping") + TABLES)
