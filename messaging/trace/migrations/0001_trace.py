"""The trace of choreographed orders: their events, their deadlines, and their deliveries that failed."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table trace.processes (
  process_id text primary key,
  timed_out boolean not null default false,
  began_at timestamptz not null default now(),
  due_at timestamptz not null,
  deadline_at timestamptz,
  ended_at timestamptz
) with (fillfactor = 70);
create index unfinished on trace.processes (due_at) where ended_at is null;
create index deadlines on trace.processes (deadline_at) where ended_at is null and not timed_out;
create index finished on trace.processes (ended_at) where ended_at is not null;

create table trace.events (
  event_id text primary key,
  process_id text not null references trace.processes on delete cascade,
  publisher text not null,
  type text not null,
  correlation_id text not null,
  causation_id text,
  redrives int not null,
  at timestamptz not null,
  total jsonb,
  tracking text,
  reason text not null,
  problem text
);
create index events_of_process on trace.events (process_id);

-- Deliveries that failed permanently: their process waits for an operator. Their dead letters hold the cause.
create table trace.undelivered (
  event_id text not null references trace.events on delete cascade,
  subscriber text not null,
  process_id text not null,
  given_up boolean not null default false,
  primary key (event_id, subscriber)
);
create index undelivered_of_process on trace.undelivered (process_id) where not given_up;
"""

# Before each service had an outbox of its own, one schema had the events of all.
COMMON = """
do $$
declare still_open boolean;
begin
  if to_regclass('outbox.processes') is not null then
    execute 'select exists (select from outbox.processes where ended_at is null)' into still_open;
    if still_open then
      raise exception 'choreographed orders are still open: wait for their end with the version before this one';
    end if;
  end if;
end
$$;
drop schema if exists outbox cascade;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(COMMON + TABLES)
