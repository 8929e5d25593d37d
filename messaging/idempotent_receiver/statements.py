"""The SQL of the idempotent receiver; receiver.py explains why it is correct under concurrency.

An effect must join `claim`, `undone` or `settled`, never read them in a subquery: when a row has changed since the
statement began, PostgreSQL rechecks the row with the rows joined to it, but can't run such a subquery again.
"""

# The first CTE of every statement that writes.
GATE = "gate as materialized (select pg_advisory_xact_lock(hashtextextended({scope} || %(key)s, 0)))"

# For a service that decides before the statement, and passes its decision as parameters.
DECIDED_BEFORE = "decision as (select %(refusal)s::text as refusal, %(answer)s::jsonb as answer)"

# `decision` has one row: a refusal or null, and the answer to store.
DO = """
with {gate},
{decision},
claim as (
  insert into {schema}.receipts (key, request_hash, status, answer)
  select %(key)s, %(hash)s,
    case when refusal is null then 'done' else 'refused' end,
    case when refusal is null then answer else jsonb_build_object('error', {error}, 'message', refusal) end
  from decision
  on conflict (key) do nothing
  returning key, status, answer, request_hash
)
{effects}
select status, answer::text, request_hash, answer ->> 'error', answer ->> 'message' from claim
"""

READ = """
select status, answer::text, request_hash, answer ->> 'error', answer ->> 'message'
from {schema}.receipts where key = %(key)s
"""

# Only the undo that turned done into undone returns undos = 1; effects of an undo check both. If `in_force` is true and
# there is no receipt, the receipt was pruned: the statement returns no row, and the effect counts as settled.
UNDO = """
with {gate},
undone as (
  insert into {schema}.receipts as receipt (key, status, undos)
  select %(key)s, 'tombstone', 1 from gate
  where not {in_force} or exists (select from {schema}.receipts where key = %(key)s)
  on conflict (key) do update set
    status = case receipt.status when 'done' then 'undone' else receipt.status end,
    undos = receipt.undos + 1
  returning key, status, undos, answer
)
{effects}
select status, answer::text from undone
"""

SETTLE = """
with {gate},
settled as (
  update {schema}.receipts as receipt set status = 'settled'
  from gate where receipt.key = %(key)s and receipt.status = 'done'
  returning receipt.key, receipt.answer
)
{effects}
select key from settled
"""
