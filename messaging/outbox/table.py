"""The tables `outbox` and `inbox`: each service has its own, in its schema."""


def outbox_tables(schema: str) -> str:
    """Return the SQL that creates a schema's outbox and inbox, for a migration of the schema.

    `problem` says why an event can't be published. `follows` is the type of the event that followed in this service,
    null when it was too late for any.
    """
    return f"""
create table {schema}.outbox (
  event_id text primary key,
  process_id text not null,
  type text not null,
  version int not null,
  payload jsonb not null,
  correlation_id text not null,
  causation_id text,
  redrives int not null default 0,
  at timestamptz not null default clock_timestamp(),
  published_at timestamptz,
  problem text
) with (fillfactor = 70);
create index outbox_unpublished on {schema}.outbox (at) where published_at is null and problem is null;
create index outbox_of_process on {schema}.outbox (process_id);
create index outbox_age on {schema}.outbox using brin (at);
create table {schema}.inbox (
  event_id text primary key,
  process_id text not null,
  type text not null,
  follows text,
  at timestamptz not null default clock_timestamp()
);
create index inbox_of_process on {schema}.inbox (process_id);
"""
