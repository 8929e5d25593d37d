"""An index of the alerts that nobody was told of yet: the reconciler looks for them every time."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the index."""
    op.execute("""
create index untold on operators.alerts (raised_at) where told_at is null and given_up_at is null
""")
