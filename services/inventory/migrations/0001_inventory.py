"""Stock per article, and the receipts of the inventory service."""

from alembic import op

from messaging.idempotent_receiver.table import receipts_table

revision = "0001"
down_revision = None

TABLES = """
create table inventory.stock (
  sku text primary key,
  available bigint not null check (available >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  sold bigint not null default 0 check (sold >= 0),
  received bigint not null,
  check (available + reserved + sold = received)
) with (fillfactor = 50);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(receipts_table("inventory") + TABLES)
