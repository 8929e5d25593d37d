"""What operators were told: one row for each effect that began to wait for a person."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table of alerts."""
    op.execute("""
create schema operators;
create table operators.alerts (
  key text primary key,
  order_id text not null,
  step text not null,
  direction text not null,
  failure text not null,
  at_risk bigint not null,
  raised_at timestamptz not null default now(),
  told_at timestamptz
);
""")
