"""The append-only ledger, bank transfers, and the receipts of the payments service."""

from alembic import op

from messaging.idempotent_receiver.table import receipts_table

revision = "0001"
down_revision = None

TABLES = """
create table payments.ledger (
  entry bigint generated always as identity,
  key text not null,
  kind text not null check (kind in ('charge', 'refund', 'settle')),
  debit text not null check (debit in ('card_clearing', 'bank', 'held', 'revenue')),
  credit text not null check (credit in ('card_clearing', 'bank', 'held', 'revenue')),
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
create table payments.transfers (
  key text primary key,
  order_id text not null,
  reference text not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  request_hash text not null,
  status text not null default 'expected' check (status in ('expected', 'settled', 'returned', 'void')),
  event_id text,
  expected_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  check ((status in ('settled', 'returned')) = (event_id is not null))
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(receipts_table("payments") + TABLES)
