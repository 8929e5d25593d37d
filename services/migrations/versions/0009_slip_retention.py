"""An index of the slips that have ended and still hold what was personal: `prune` looks for the oldest of them."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the index."""
    op.execute("""
create index to_prune on slips.slips (closed_at) where closed_at is not null and body ? 'itinerary'
""")
