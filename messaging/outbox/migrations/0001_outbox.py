"""The transactional outbox: events, their processes, the consumers of each event, and failed deliveries."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table outbox.processes (
  process_id text primary key,
  sequence int not null default 0,
  undoing boolean not null default false,
  began_at timestamptz not null default now(),
  due_at timestamptz not null,
  deadline_at timestamptz,
  ended_at timestamptz
) with (fillfactor = 70);
create index unfinished on outbox.processes (due_at) where ended_at is null;
create index finished on outbox.processes (ended_at) where ended_at is not null;

create table outbox.events (
  event_id text primary key,
  process_id text not null references outbox.processes on delete cascade,
  sequence int not null,
  type text not null,
  version int not null,
  payload jsonb not null,
  correlation_id text not null,
  causation_id text,
  redrives int not null default 0,
  at timestamptz not null default clock_timestamp(),
  published_at timestamptz,
  unique (process_id, sequence)
) with (fillfactor = 70);
create index unpublished on outbox.events (process_id, sequence) where published_at is null;

create table outbox.consumed (
  consumer text not null,
  event_id text not null references outbox.events on delete cascade,
  at timestamptz not null default clock_timestamp(),
  primary key (event_id, consumer)
);

-- Deliveries that failed permanently: they block the events of their process. Their dead letters hold the cause.
create table outbox.undelivered (
  event_id text not null references outbox.events on delete cascade,
  subscriber text not null,
  process_id text not null,
  primary key (event_id, subscriber)
);
create index undelivered_of_process on outbox.undelivered (process_id);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
