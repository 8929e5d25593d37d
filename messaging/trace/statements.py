"""The SQL of the trace of choreographed orders."""

BEGIN = b"""
insert into trace.processes (process_id, due_at, deadline_at)
values (%(process_id)s, now() + %(patience)s * interval '1 second', now() + %(deadline)s * interval '1 second')
on conflict (process_id) do nothing
returning process_id
"""

# No row when the process has ended.
ADVANCE = b"""
update trace.processes set
  due_at = clock_timestamp() + %(patience)s * interval '1 second',
  timed_out = timed_out or %(times_out)s,
  ended_at = case when %(ends)s then now() end
where process_id = %(process_id)s and ended_at is null
returning process_id
"""

_FIELDS = b"""event_id, process_id, publisher, type, correlation_id, causation_id, redrives, at, total, tracking,
  reason, problem"""
# Events of processes that were purged, or never began, leave no trace.
RECORD = (
    b"""
with given as (
  select given.* from json_populate_recordset(null::trace.events, %(events)s::json) as given
  join trace.processes using (process_id)
),
kept as (
  insert into trace.events as held ("""
    + _FIELDS
    + b""")
  select """
    + _FIELDS
    + b""" from given
  on conflict (event_id) do update set redrives = excluded.redrives, problem = excluded.problem
  where held.redrives < excluded.redrives or held.problem is distinct from excluded.problem
  returning process_id
)
update trace.processes as process
set due_at = greatest(due_at, clock_timestamp() + %(patience)s * interval '1 second')
from (select distinct process_id from kept) as moved
where process.process_id = moved.process_id and process.ended_at is null
"""
)

_EVENT = b"""
select json_build_object('event_id', event_id, 'process_id', process_id, 'publisher', publisher, 'type', type,
  'correlation_id', correlation_id, 'causation_id', causation_id, 'redrives', redrives, 'at', at, 'total', total,
  'tracking', tracking, 'reason', reason, 'problem', problem)::text
from trace.events
"""
OF_PROCESS = _EVENT + b"where process_id = %(process_id)s"
EVENT = _EVENT + b"where event_id = %(event_id)s"
ENDED = b"select process_id from trace.processes where process_id = %(process_id)s and ended_at is not null"
REDRIVEN = b"update trace.events set redrives = %(redrives)s, problem = null where event_id = %(event_id)s"

HALT = b"""
insert into trace.undelivered (event_id, subscriber, process_id)
select event_id, %(subscriber)s, process_id from trace.events where event_id = %(event_id)s
on conflict (event_id, subscriber) do nothing
"""
HALTED = b"""
select true from trace.undelivered
where event_id = %(event_id)s and subscriber = %(subscriber)s and not given_up
"""
FREE = b"delete from trace.undelivered where event_id = %(event_id)s and subscriber = %(subscriber)s"
# The subscriber never receives the event; the watcher then takes the order back.
GIVE_UP = b"""
update trace.undelivered set given_up = true where event_id = %(event_id)s and subscriber = %(subscriber)s
"""
GIVEN_UP = b"select event_id from trace.undelivered where process_id = %(process_id)s and given_up"

# A limit is part of the text: PostgreSQL plans a parameter as a tenth of the table, and would sort all of it.
_LIMIT = b"{limit}"


def limited(statement: bytes, limit: int) -> bytes:
    """Return a statement of this module with its limit."""
    return statement.replace(_LIMIT, str(int(limit)).encode())


# A process with a dead letter waits for an operator, so it is never overdue. No index can be used for a comparison with
# `clock_timestamp()`, which may change from row to row.
_WAITS = b"""
      and not exists (
        select from trace.undelivered where undelivered.process_id = process.process_id and not given_up
      )
"""
OVERDUE = (
    b"""
select process_id from (
  (
    select process_id, due_at from trace.processes as process
    where ended_at is null and due_at < now()"""
    + _WAITS
    + b"""    order by due_at limit {limit}
  ) union (
    select process_id, due_at from trace.processes as process
    where ended_at is null and not timed_out and deadline_at < now()"""
    + _WAITS
    + b"""    order by deadline_at limit {limit}
  )
) as overdue
order by due_at limit {limit}
"""
)
# The row lock makes two watchers, or a watcher and the end of the process, decide one after the other.
STILL_OVERDUE = (
    b"""
select coalesce(deadline_at < clock_timestamp(), false) and not timed_out from trace.processes as process
where process_id = %(process_id)s and ended_at is null
  and (due_at < clock_timestamp() or (deadline_at < clock_timestamp() and not timed_out))"""
    + _WAITS
    + b"""for no key update of process
"""
)
PATIENT = b"""
update trace.processes set due_at = clock_timestamp() + %(patience)s * interval '1 second'
where process_id = %(process_id)s
"""

# Processes that nothing moved on in time, and that don't wait for an operator.
SILENT = (
    b"""
select process_id, due_at from trace.processes as process
where ended_at is null and due_at < now() - %(seconds)s * interval '1 second'"""
    + _WAITS
    + b"""order by due_at limit %(limit)s
"""
)

# So long after their end that none of their events can be delivered again.
PURGE = b"""
delete from trace.processes where process_id in (
  select process_id from trace.processes as process
  where ended_at < clock_timestamp() - %(seconds)s * interval '1 second'
    and not exists (
      select from trace.undelivered where undelivered.process_id = process.process_id and not given_up
    )
  order by ended_at limit {limit} for update skip locked
)
returning process_id
"""
