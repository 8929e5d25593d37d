"""Bank transfers, an account for them, and the read model of process states."""

from alembic import op

revision = "0003"
down_revision = "0002"

ACCOUNTS = "'card_clearing', 'bank', 'held', 'revenue'"


def upgrade() -> None:
    """Create the tables of transfers and of process states."""
    for side in ("debit", "credit"):
        op.execute(f"""
alter table payments.ledger drop constraint ledger_{side}_check;
alter table payments.ledger add constraint ledger_{side}_check check ({side} in ({ACCOUNTS}));
""")
    op.execute("""
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
create table orders.process_states (
  order_id text primary key,
  process_id text not null,
  status text not null,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  state jsonb not null
);
create index process_states_by_status on orders.process_states (status, started_at, order_id);
""")
