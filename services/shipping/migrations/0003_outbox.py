"""The outbox and the inbox of choreographed orders."""

from alembic import op

from messaging.outbox.table import outbox_tables

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    op.execute(outbox_tables("shipping"))
