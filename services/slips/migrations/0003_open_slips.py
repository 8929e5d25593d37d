"""An index for the reconciler: the slips that were accepted and not closed."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the index."""
    op.execute("create index still_open on slips.slips (created_at, slip_id) where closed_at is null")
