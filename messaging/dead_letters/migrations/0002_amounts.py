"""What the effect behind a dead letter may cost."""

from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = """
alter table dead_letters.letters add column at_risk bigint not null default 0;
alter table dead_letters.letters add column currency text not null default '';
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(COLUMNS)
