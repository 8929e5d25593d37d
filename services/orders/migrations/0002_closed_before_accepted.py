"""The body's hash of an order that was closed before it was accepted: another order may still have its id."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.execute("alter table orders.orders add column refused_hash text")
