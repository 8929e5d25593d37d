"""The catalogue, the orders, and the read model of process states."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
-- The price's limit keeps the largest order (100 lines of 1000 pieces) within the range of Money.
create table orders.catalogue (
  sku text primary key,
  price bigint not null check (price between 1 and 10000000),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  active boolean not null default true
);
create table orders.orders (
  order_id text primary key,
  style text not null default 'orchestrated' check (style in ('orchestrated', 'choreographed')),
  body jsonb,
  body_hash text,
  total bigint check (total > 0),
  currency text,
  status text not null,
  reason text not null default '',
  created_at timestamptz not null default now(),
  closed_at timestamptz,
  check ((body is null) = (body_hash is null) and (body is null) = (total is null)),
  check (body is not null or closed_at is not null)
);
create index by_status on orders.orders (status, created_at, order_id);
create index still_open on orders.orders (created_at, order_id) where closed_at is null;
-- For `prune`: orders that ended and still hold personal data.
create index to_prune on orders.orders (closed_at) where closed_at is not null and body ? 'payment';
create table orders.process_states (
  order_id text primary key,
  process_id text not null,
  status text not null,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  state jsonb not null
);
create index process_states_by_status on orders.process_states (status, started_at, order_id);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
