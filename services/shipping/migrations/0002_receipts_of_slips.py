"""An index for the recovery of slips: the receipts of one slip."""

from alembic import op

from messaging.idempotent_receiver.receipts import index_of_slips

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the index."""
    op.execute(index_of_slips("shipping"))
