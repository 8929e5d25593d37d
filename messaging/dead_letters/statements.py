"""The SQL of messaging/dead_letters/dead_letters.py. A statement that changes a letter also writes its audit entry."""

COLUMNS = """letter_id, channel, message_id, process_id, correlation_id, place, original, error_type, cause,
  fingerprint, attempts, total_attempts, returned, blocks, at_risk, currency, status, parent_id, died_at"""

# A message has at most one letter that isn't closed. A message that fails during its redrive reopens that letter; one
# that fails after it was redriven gets a new letter, whose parent is the letter before.
RECORD = b"""
with parent as (
  select letter_id, total_attempts from dead_letters.letters
  where channel = %(channel)s and message_id = %(message_id)s order by letter_id desc limit 1
),
died as (
  insert into dead_letters.letters as held (channel, message_id, process_id, correlation_id, place, original,
    error_type, cause, fingerprint, attempts, total_attempts, blocks, at_risk, currency, parent_id)
  select %(channel)s, %(message_id)s, %(process_id)s, %(correlation_id)s, %(place)s, %(original)s,
    %(error_type)s, %(cause)s, %(fingerprint)s, %(attempts)s,
    %(attempts)s + coalesce((select total_attempts from parent), 0), %(blocks)s, %(at_risk)s,
    %(currency)s, (select letter_id from parent)
  on conflict (channel, message_id) where status in ('open', 'redriving') do update set
    status = 'open', error_type = excluded.error_type, cause = excluded.cause, fingerprint = excluded.fingerprint,
    attempts = excluded.attempts, total_attempts = held.total_attempts + excluded.attempts,
    returned = held.returned + 1, died_at = now(), changed_at = now()
  where held.status = 'redriving'
  returning letter_id, case when returned = 0 then 'died' else 'returned' end as action
),
noted as (
  insert into dead_letters.audit (letter_id, action, actor, reason)
  select letter_id, action, 'system', %(cause)s from died
)
select letter_id from died
"""
ALIVE = b"""
select letter_id from dead_letters.letters
where channel = %(channel)s and message_id = %(message_id)s and status in ('open', 'redriving')
"""
_ALL = f"select {COLUMNS} from dead_letters.letters "  # noqa: S608 - constant columns
READ = _ALL.encode() + b"where letter_id = %(letter_id)s"
AUDIT = b"select at, action, actor, reason from dead_letters.audit where letter_id = %(letter_id)s order by entry"
OPEN = (
    _ALL.encode()
    + b"""
where status in ('open', 'redriving') and letter_id > %(after)s
  and (%(fingerprint)s::text is null or fingerprint = %(fingerprint)s)
order by letter_id limit %(limit)s
"""
)
GROUPS = b"""
select fingerprint, channel, error_type, (array_agg(cause order by letter_id))[1], count(*), min(died_at),
  count(distinct process_id)
from dead_letters.letters where status in ('open', 'redriving')
group by fingerprint, channel, error_type order by count(*) desc, fingerprint
"""
BLOCKED = b"""
select true from dead_letters.letters
where process_id = %(process_id)s and status in ('open', 'redriving') and blocks
  and (%(channel)s::text is null or channel = %(channel)s)
limit 1
"""
BLOCKED_AMONG = b"""
select distinct process_id from dead_letters.letters
where process_id = any(%(process_ids)s) and status in ('open', 'redriving') and blocks
"""
OF_PROCESS = (
    _ALL.encode()
    + b"""
where process_id = %(process_id)s and channel = %(channel)s and status in ('open', 'redriving') order by letter_id
"""
)
# A redrive holds its letter; one that crashed holds it for five minutes. Older blocking letters are redriven first.
TAKE = b"""
with taken as (
  update dead_letters.letters as letter set status = 'redriving', attempts = 0, changed_at = now()
  where letter_id = %(letter_id)s
    and (status = 'open' or status = 'redriving' and changed_at < now() - interval '5 minutes')
    and not exists (
      select from dead_letters.letters as before
      where before.channel = letter.channel and before.process_id = letter.process_id
        and before.letter_id < letter.letter_id and before.status in ('open', 'redriving') and before.blocks
    )
  returning letter_id
),
noted as (
  insert into dead_letters.audit (letter_id, action, actor, reason)
  select letter_id, 'redriving', %(actor)s, %(reason)s from taken
)
select letter_id from taken
"""
END = b"""
with ended as (
  update dead_letters.letters set status = %(to)s, changed_at = now()
  where letter_id = %(letter_id)s and status = %(from)s
  returning letter_id
),
noted as (
  insert into dead_letters.audit (letter_id, action, actor, reason)
  select letter_id, %(to)s, %(actor)s, %(reason)s from ended
)
select letter_id from ended
"""
