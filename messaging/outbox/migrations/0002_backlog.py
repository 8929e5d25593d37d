"""Indexes with which a relay and a watcher read a batch, however many events and processes wait."""

from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES = """
create index oldest_unpublished on outbox.events (at) where published_at is null;
create index deadlines on outbox.processes (deadline_at) where ended_at is null and not undoing;
"""


def upgrade() -> None:
    """Create the indexes."""
    op.execute(INDEXES)
