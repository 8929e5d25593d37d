"""Alerts that only the log has, because no notifier was configured."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.execute("alter table operators.alerts add column logged_only boolean not null default false")
