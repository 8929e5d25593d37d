"""The book of the simulated card provider."""

from alembic import op

from providers.simulated.tables import book_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.execute(book_tables("card_provider"))
