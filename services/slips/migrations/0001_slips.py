"""Routing slips."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table slips.slips (
  slip_id text primary key,
  body jsonb,
  body_hash text,
  status text not null check (
    status in ('running', 'completed', 'terminated', 'compensated', 'cancelled', 'failed')
  ),
  reason text not null default '',
  created_at timestamptz not null default now(),
  closed_at timestamptz,
  check ((body is null) = (body_hash is null)),
  check (body is not null or closed_at is not null)
);
-- For `prune`: slips that ended and still hold personal data.
create index to_prune on slips.slips (closed_at) where closed_at is not null and body ? 'itinerary';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLES)
