"""The SQL of a simulated provider's book: each call is one statement, which finds by key, decides and logs."""

DO = """
with entry as (
  insert into {schema}.entries as held
    (key, request_hash, detail, status, reference, calls, failures, undo_failures)
  values (%(key)s, %(hash)s, %(detail)s, case when %(failures)s > 0 then 'failing' else %(status)s end,
    %(reference)s, 1, %(failures)s, %(undo_failures)s)
  on conflict (key) do update set
    calls = held.calls + (held.request_hash is not distinct from %(hash)s)::int,
    status = case
      when held.status = 'failing' and held.request_hash = %(hash)s and held.calls >= held.failures
      then %(status)s else held.status end
  returning *
),
decided as (
  select *, case
    when status in ('void', 'taken_back') then 'too late'
    when request_hash <> %(hash)s then 'key reused'
    when status = 'failing' then 'unavailable'
    when calls > failures + 1 then 'repeated'
    else status end as outcome
  from entry
),
logged as (insert into {schema}.calls (key, operation, outcome) select key, %(operation)s, outcome from decided)
select outcome, status, reference, undo_reference, detail, calls from decided
"""

UNDO = """
with entry as (
  insert into {schema}.entries as held (key, status, undo_calls) values (%(key)s, 'void', 1)
  on conflict (key) do update set
    undo_calls = held.undo_calls + 1,
    status = case
      when held.status = 'taken' and held.undo_calls >= held.undo_failures then 'taken_back'
      when held.status = 'failing' then 'void'
      else held.status end,
    undo_reference = case
      when held.status = 'taken' and held.undo_calls >= held.undo_failures then %(reference)s
      else held.undo_reference end
  returning *
),
decided as (
  select *, case
    when status = 'taken' then 'unavailable'
    when status <> 'taken_back' then 'nothing to undo'
    when undo_reference <> %(reference)s then 'repeated'
    else status end as outcome
  from entry
),
logged as (insert into {schema}.calls (key, operation, outcome) select key, %(operation)s, outcome from decided)
select outcome, status, reference, undo_reference, detail, calls from decided
"""

FIND = """
with entry as (select * from {schema}.entries where key = %(key)s),
logged as (
  insert into {schema}.calls (key, operation, outcome)
  select %(key)s, 'find', case when exists (select from entry) then 'found' else 'not found' end
)
select 'found', status, reference, undo_reference, detail, calls from entry
"""
