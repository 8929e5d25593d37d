"""The SQL of services/slips/slips.py and services/slips/closing.py."""

# A slip that was closed before it was accepted keeps its id from the same body only.
ACCEPT = b"""
insert into slips.slips as held (slip_id, body, body_hash, status)
values (%(slip_id)s, %(body)s::jsonb, %(hash)s, 'running')
on conflict (slip_id) do update set body = excluded.body, body_hash = excluded.body_hash, status = excluded.status,
  reason = '', refused_hash = null, created_at = now(), closed_at = null
where held.body is null and held.refused_hash is distinct from excluded.body_hash
returning slip_id
"""

READ = b"""
select slip_id, status, reason, body_hash, created_at, closed_at, body is not null and not body ? 'itinerary'
from slips.slips where slip_id = %(slip_id)s
"""

# The body, the stops ahead after each revision, whether the slip has ended, and whether its effects stay.
ACCEPTED = b"""
select body::text, (
  select coalesce(jsonb_agg(ahead order by version), '[]')::text from slips.revisions where slip_id = %(slip_id)s
), closed_at is not null, closed_at is not null and status in ('completed', 'terminated')
from slips.slips where slip_id = %(slip_id)s and body is not null
"""

# A slip that was never accepted can be closed as undone: a late accept of the same body is then refused.
CLOSE = b"""
insert into slips.slips as held (slip_id, status, reason, refused_hash, closed_at)
select %(slip_id)s, %(outcome)s, %(reason)s, %(hash)s, now()
where %(outcome)s not in ('completed', 'terminated') or exists (select from slips.slips where slip_id = %(slip_id)s)
on conflict (slip_id) do update set status = excluded.status, reason = excluded.reason, closed_at = now()
where held.closed_at is null and held.body_hash = %(hash)s
returning slip_id
"""
