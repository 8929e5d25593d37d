"""Dead letters and their audit."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table dead_letters.letters (
  letter_id bigint generated always as identity primary key,
  channel text not null,
  message_id text not null,
  process_id text,
  correlation_id text,
  place text not null,
  original bytea not null,
  error_type text not null,
  cause text not null,
  fingerprint text not null,
  attempts int not null check (attempts >= 0),
  total_attempts int not null,
  returned int not null default 0,
  blocks boolean not null,
  status text not null default 'open' check (status in ('open', 'redriving', 'redriven', 'discarded')),
  parent_id bigint references dead_letters.letters,
  died_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);
create unique index one_alive on dead_letters.letters (channel, message_id) where status in ('open', 'redriving');
create index lineage on dead_letters.letters (channel, message_id, letter_id);
create index blocking on dead_letters.letters (process_id, letter_id) where status in ('open', 'redriving');
create index grouped on dead_letters.letters (fingerprint, letter_id) where status in ('open', 'redriving');
create table dead_letters.audit (
  entry bigint generated always as identity primary key,
  letter_id bigint not null references dead_letters.letters,
  at timestamptz not null default now(),
  action text not null check (action in ('died', 'redriving', 'redriven', 'returned', 'discarded')),
  actor text not null check (actor <> ''),
  reason text not null
);
create index of_letter on dead_letters.audit (letter_id, entry);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
