"""The SQL of an outbox and its inbox, for the schema of any service."""

from typing import LiteralString

from psycopg.sql import SQL, Identifier

APPEND: LiteralString = """
with event as (
  insert into {schema}.outbox (event_id, process_id, type, version, payload, correlation_id, causation_id)
  values (%(event_id)s, %(process_id)s, %(type)s, %(version)s, %(payload)s::jsonb, %(correlation_id)s,
    %(causation_id)s)
  returning at
)
select at, pg_notify('outbox', {name}) from event
"""

CONSUMED: LiteralString = "select follows from {schema}.inbox where event_id = %(event_id)s"
CONSUME: LiteralString = """
insert into {schema}.inbox (event_id, process_id, type, follows)
values (%(event_id)s, %(process_id)s, %(type)s, %(follows)s)
on conflict (event_id) do nothing
returning event_id
"""
SUPERSEDED: LiteralString = """
select event_id from {schema}.inbox where process_id = %(process_id)s and type = any(%(going_back)s) limit 1
"""

# Every field of models.choreography.DomainEvent, by name.
_EVENT: LiteralString = """
select json_build_object('event_id', event_id, 'process_id', process_id, 'type', type, 'version', version,
  'payload', payload, 'correlation_id', correlation_id, 'causation_id', causation_id, 'redrives', redrives,
  'at', at)::text, published_at is not null, problem
from {schema}.outbox as event
"""

# A limit is part of the text: PostgreSQL plans a parameter as a tenth of the table, and would sort all of it.
LIMIT = b"'limit'"

# Whatever their age: a high-water mark would skip an event that was committed late. The row lock keeps other relays
# from these events. Read in the order of the index, until the limit is reached.
WAITING: LiteralString = (
    _EVENT + "where published_at is null and problem is null order by at limit 'limit' for update of event skip locked"
)
MARK: LiteralString = "update {schema}.outbox set published_at = clock_timestamp() where event_id = any(%(event_ids)s)"
SET_ASIDE: LiteralString = "update {schema}.outbox set problem = %(problem)s where event_id = %(event_id)s"
# Counted up to a limit, because the relay asks after each batch.
LAG: LiteralString = """
with waiting as (
  select at from {schema}.outbox where published_at is null and problem is null order by at limit 'limit'
)
select count(*), coalesce(extract(epoch from clock_timestamp() - min(at)), 0)::float8 from waiting
"""
READ: LiteralString = _EVENT + "where event_id = any(%(event_ids)s)"
# The event is published again with a higher number of redrives, since Temporal refuses an activity id it has seen.
AGAIN: LiteralString = """
with again as (
  update {schema}.outbox set published_at = null, problem = null, redrives = redrives + 1
  where event_id = %(event_id)s
  returning redrives
)
select redrives, pg_notify('outbox', {name}) from again
"""
UNPUBLISHED: LiteralString = """
select distinct on (process_id) process_id, type, at from {schema}.outbox
where published_at is null and problem is null and at < clock_timestamp() - %(seconds)s * interval '1 second'
  and (%(process_id)s::text is null or process_id = %(process_id)s)
order by process_id, at limit %(limit)s
"""

# Processes whose events are all this old; the caller asks whether they have ended.
OLD: LiteralString = """
select distinct process_id from {schema}.outbox as event
where at < clock_timestamp() - %(seconds)s * interval '1 second' and process_id > %(after)s
  and not exists (
    select from {schema}.outbox as later where later.process_id = event.process_id
      and (later.published_at is null or later.at >= clock_timestamp() - %(seconds)s * interval '1 second')
  )
order by process_id limit %(limit)s
"""
PURGE: LiteralString = """
with consumed as (delete from {schema}.inbox where process_id = any(%(process_ids)s)),
published as (delete from {schema}.outbox where process_id = any(%(process_ids)s) returning event_id)
select count(*) from published
"""


def of_schema(statement: LiteralString, schema: str) -> bytes:
    """Return a statement of this module for a schema."""
    return SQL(statement).format(schema=Identifier(schema), name=schema).as_bytes(None)


def limited(statement: bytes, limit: int) -> bytes:
    """Return a statement with its limit."""
    return statement.replace(LIMIT, str(int(limit)).encode())
