"""Routing slips, and the wrapping desk that some of them visit."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables of slips and of the wrapping desk."""
    op.execute("""
create schema slips;
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
create schema wrapping;
create table wrapping.receipts (
  key text primary key,
  request_hash text,
  status text not null check (status in ('done', 'refused', 'undone', 'tombstone')),
  answer jsonb,
  undos int not null default 0,
  created_at timestamptz not null default now(),
  check (status = 'tombstone' or (request_hash is not null and answer is not null))
);
create table wrapping.work (
  key text not null,
  kind text not null check (kind in ('wrap', 'unwrap')),
  paper text not null,
  at timestamptz not null default now(),
  primary key (key, kind)
);
""")
