"""Alerts to operators: one row for each effect that waits, or waited, for an operator."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table operators.alerts (
  key text primary key,
  order_id text not null,
  step text not null,
  direction text not null,
  failure text not null,
  at_risk bigint not null,
  currency text not null,
  raised_at timestamptz not null default now(),
  sent_at timestamptz,
  given_up_at timestamptz
);
create index unsent on operators.alerts (raised_at) where sent_at is null and given_up_at is null;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLES)
