"""An index of the orders that have ended and still hold what was personal: `prune` looks for the oldest of them."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the index."""
    op.execute("""
create index to_prune on orders.orders (closed_at) where closed_at is not null and body ? 'payment'
""")
