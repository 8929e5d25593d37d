"""The four services' schemas, and the books of the simulated card provider and carrier."""

from alembic import op

revision = "0001"
down_revision = None

SERVICES = ("inventory", "payments", "shipping")
PARTIES = ("card_provider", "carrier")

RECEIPTS = """
create schema {0};
create table {0}.receipts (
  key text primary key,
  request_hash text,
  status text not null check (status in ('done', 'refused', 'undone', 'tombstone', 'settled')),
  answer jsonb,
  undos int not null default 0,
  created_at timestamptz not null default now(),
  check (status = 'tombstone' or (request_hash is not null and answer is not null))
);
"""

INVENTORY = """
create table inventory.stock (
  sku text primary key,
  available bigint not null check (available >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  sold bigint not null default 0 check (sold >= 0),
  received bigint not null,
  check (available + reserved + sold = received)
) with (fillfactor = 50);
"""

PAYMENTS = """
create table payments.ledger (
  entry bigint generated always as identity,
  key text not null,
  kind text not null check (kind in ('charge', 'refund', 'settle')),
  debit text not null check (debit in ('card_clearing', 'held', 'revenue')),
  credit text not null check (credit in ('card_clearing', 'held', 'revenue')),
  amount bigint not null check (amount > 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  order_id text not null,
  at timestamptz not null default now(),
  primary key (key, kind),
  check (debit <> credit)
);
create function payments.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger only grows: % is refused', lower(tg_op);
end $$;
create trigger only_grows before update or delete or truncate on payments.ledger
  for each statement execute function payments.refuse_change();
"""

SHIPPING = """
create table shipping.parcels (
  key text primary key,
  order_id text not null,
  tracking text not null unique,
  handed_over_at timestamptz not null default now(),
  recalled_at timestamptz
);
"""

# The price's limit keeps the dearest order (100 lines of 1000) within what Money can hold.
ORDERS = """
create schema orders;
create table orders.catalogue (
  sku text primary key,
  price bigint not null check (price between 1 and 10000000),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  active boolean not null default true
);
create table orders.orders (
  order_id text primary key,
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
"""

BOOK = """
create schema {0};
create table {0}.entries (
  key text primary key,
  request_hash text,
  detail jsonb,
  status text not null check (status in ('failing', 'taken', 'refused', 'void', 'taken_back')),
  reference text,
  undo_reference text,
  calls int not null default 0,
  undo_calls int not null default 0,
  failures int not null default 0,
  undo_failures int not null default 0
);
create table {0}.calls (
  seq bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  key text not null,
  operation text not null,
  outcome text not null
);
"""


def upgrade() -> None:
    """Create everything."""
    for service in SERVICES:
        op.execute(RECEIPTS.format(service))
    for tables in (INVENTORY, PAYMENTS, SHIPPING, ORDERS):
        op.execute(tables)
    for party in PARTIES:
        op.execute(BOOK.format(party))
