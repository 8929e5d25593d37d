"""The SQL of the outbox. Each statement of a process locks its row first, so its events commit in their order."""

BEGIN = b"""
insert into outbox.processes (process_id, due_at, deadline_at)
values (%(process_id)s, now() + %(patience)s * interval '1 second', now() + %(deadline)s * interval '1 second')
on conflict (process_id) do nothing
returning process_id
"""

SUPERSEDED = b"""
select process_id from outbox.processes
where process_id = %(process_id)s and (undoing or ended_at is not null)
"""

# No row when the process ended, or when it is being undone and the event neither is part of the undoing nor ends it.
APPEND = b"""
with process as (
  update outbox.processes set
    sequence = sequence + 1,
    undoing = (undoing or %(undoes)s) and not %(forward)s,
    due_at = clock_timestamp() + %(patience)s * interval '1 second',
    ended_at = case when %(ends)s then now() end
  where process_id = %(process_id)s and ended_at is null and (%(backward)s or %(forward)s or not undoing)
  returning process_id, sequence
),
event as (
  insert into outbox.events
    (event_id, process_id, sequence, type, version, payload, correlation_id, causation_id)
  select %(event_id)s, process_id, sequence, %(type)s, %(version)s, %(payload)s::jsonb, %(correlation_id)s,
    %(causation_id)s
  from process
  returning process_id
)
select pg_notify('outbox', process_id) from event
"""

CONSUMED = b"select consumer from outbox.consumed where event_id = %(event_id)s and consumer = %(consumer)s"
CONSUME = b"""
insert into outbox.consumed (event_id, consumer) values (%(event_id)s, %(consumer)s)
on conflict (event_id, consumer) do nothing
returning consumer
"""

# Every field of models.choreography.DomainEvent, by name.
_EVENT = b"""
select json_build_object('event_id', event_id, 'process_id', process_id, 'sequence', sequence, 'type', type,
  'version', version, 'payload', payload, 'correlation_id', correlation_id, 'causation_id', causation_id,
  'redrives', redrives, 'at', at)::text
from outbox.events as event
"""

# A limit is part of the text: PostgreSQL plans a parameter as a tenth of the table, and would sort all of it.
_LIMIT = b"{limit}"


def limited(statement: bytes, limit: int) -> bytes:
    """Return a statement of this module with its limit."""
    return statement.replace(_LIMIT, str(int(limit)).encode())


# The first unpublished event of each process, whatever its number and age: a high-water mark would skip an event that
# was committed late. The row lock keeps other relays from this event and from the later events of its process, but
# still lets consumers insert foreign keys to the row. Read in the order of the index, until the limit is reached.
HEADS = (
    _EVENT
    + b"""
where published_at is null and not exists (
  select from outbox.events as earlier
  where earlier.process_id = event.process_id and earlier.sequence < event.sequence and earlier.published_at is null
) and not exists (select from outbox.undelivered where undelivered.process_id = event.process_id)
order by at limit {limit}
for no key update of event skip locked
"""
)

MARK = b"update outbox.events set published_at = clock_timestamp() where event_id = any(%(event_ids)s)"
# Counted up to a limit, because the relay asks after each batch.
LAG = b"""
select (select count(*) from (select from outbox.events where published_at is null limit {limit}) as waiting),
  coalesce(extract(epoch from clock_timestamp() - (select min(at) from outbox.events where published_at is null)), 0)
    ::float8
"""

READ = _EVENT + b"where event_id = %(event_id)s"
OF_PROCESS = _EVENT + b"where process_id = %(process_id)s order by sequence"
UNPUBLISHED = b"select event_id from outbox.events where process_id = %(process_id)s and published_at is null limit 1"

# Processes that don't wait for an operator: the first event that waits for a relay, or else the last event, which
# nothing followed in time.
SILENT = b"""
with silent as (
  (select distinct on (process_id) process_id, type, at as since, false as published from outbox.events
   where published_at is null and at < clock_timestamp() - %(seconds)s * interval '1 second'
   order by process_id, sequence)
  union all
  select process.process_id, last.type, process.due_at, true from outbox.processes as process
  cross join lateral (
    select type, published_at from outbox.events as event where event.process_id = process.process_id
    order by sequence desc limit 1
  ) as last
  where process.ended_at is null and process.due_at < clock_timestamp() - %(seconds)s * interval '1 second'
    and last.published_at is not null
)
select process_id, type, since, published from silent
where not exists (select from outbox.undelivered where undelivered.process_id = silent.process_id)
order by since limit %(limit)s
"""

HALT = b"""
insert into outbox.undelivered (event_id, subscriber, process_id)
values (%(event_id)s, %(subscriber)s, %(process_id)s)
on conflict (event_id, subscriber) do nothing
"""
HALTED = b"select true from outbox.undelivered where event_id = %(event_id)s and subscriber = %(subscriber)s"
# The subscriber never receives the event but counts as having consumed it; the watcher handles the missing reaction.
GIVE_UP = b"""
with freed as (
  delete from outbox.undelivered where event_id = %(event_id)s and subscriber = %(subscriber)s
  returning event_id, subscriber
), published as (
  -- Otherwise the relay would try again to publish an event of an unknown type.
  update outbox.events as event set published_at = coalesce(published_at, clock_timestamp())
  from freed where event.event_id = freed.event_id
)
insert into outbox.consumed (event_id, consumer) select event_id, subscriber from freed
on conflict (event_id, consumer) do nothing
"""
# The event is published again with a higher number of redrives, since Temporal refuses an activity id it has seen.
REDRIVE = b"""
with freed as (
  delete from outbox.undelivered where event_id = %(event_id)s and subscriber = %(subscriber)s returning event_id
),
again as (
  update outbox.events as event set published_at = null, redrives = redrives + 1
  from freed where event.event_id = freed.event_id
  returning event.process_id
)
select pg_notify('outbox', process_id) from again
"""
AGAIN = b"""
with again as (
  update outbox.events set published_at = null, redrives = redrives + 1 where event_id = %(event_id)s
  returning process_id
)
select pg_notify('outbox', process_id) from again
"""

# A process with a dead letter waits for an operator, so it is never overdue. No index can be used for a comparison with
# `clock_timestamp()`, which may change from row to row.
OVERDUE = b"""
select process_id from (
  (
    select process_id, due_at from outbox.processes as process
    where ended_at is null and due_at < now()
      and not exists (select from outbox.undelivered where undelivered.process_id = process.process_id)
    order by due_at limit {limit}
  ) union (
    select process_id, due_at from outbox.processes as process
    where ended_at is null and not undoing and deadline_at < now()
      and not exists (select from outbox.undelivered where undelivered.process_id = process.process_id)
    order by deadline_at limit {limit}
  )
) as overdue
order by due_at limit {limit}
"""
# The row lock makes two watchers, or a watcher and a handler, decide one after the other.
STILL_OVERDUE = b"""
select coalesce(deadline_at < clock_timestamp(), false) and not undoing, undoing from outbox.processes
where process_id = %(process_id)s and ended_at is null
  and (due_at < clock_timestamp() or (deadline_at < clock_timestamp() and not undoing))
for no key update
"""
PATIENT = b"""
update outbox.processes set due_at = clock_timestamp() + %(patience)s * interval '1 second'
where process_id = %(process_id)s
"""

# Deletes whole processes, so long after their end that none of their events can be delivered again.
PURGE = b"""
delete from outbox.processes where process_id in (
  select process_id from outbox.processes as process
  where ended_at < clock_timestamp() - %(seconds)s * interval '1 second'
    and not exists (select from outbox.undelivered where undelivered.process_id = process.process_id)
    and not exists (
      select from outbox.events as event where event.process_id = process.process_id and published_at is null
    )
  order by ended_at limit %(limit)s for update skip locked
)
returning process_id
"""
