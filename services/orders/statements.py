"""The SQL of services/orders/orders.py: each statement uses a primary key, except BY_STATUS, which has an index."""

_RECORD = """order_id, style, status, total, currency, reason, body_hash, created_at, closed_at,
  body is not null and not body ? 'payment' as pruned"""

# A refusal isn't stored: the order had no effect, and may become valid after a change of the catalogue. An order that
# was accepted before stays accepted at its old price, even when the catalogue has changed since.
ACCEPT = f"""
with wanted as (
  select position, sku, quantity
  from unnest(%(skus)s::text[], %(quantities)s::bigint[]) with ordinality as wanted (sku, quantity, position)
),
priced as (
  select position, wanted.sku, article.price * quantity as amount
  from wanted left join orders.catalogue as article
    on article.sku = wanted.sku and article.active and article.currency = %(currency)s
),
decision as (
  select sum(amount)::bigint as total, coalesce(
    (select string_agg(
        'lines[' || position - 1 || '].sku: ' || sku || ' is not in the catalogue', '; ' order by position
      ) from priced where amount is null),
    'total: is ' || sum(amount) || ' by the catalogue, not ' || nullif(%(total)s::bigint, sum(amount))
  ) as refusal
  from priced
),
accepted as (
  insert into orders.orders as held (order_id, style, body, body_hash, total, currency, status)
  select %(order_id)s, %(style)s, %(body)s::jsonb, %(hash)s, total, %(currency)s, 'running' from decision
  where refusal is null
  -- An order that was closed before it was accepted keeps its id from the same body only.
  on conflict (order_id) do update set style = excluded.style, body = excluded.body, body_hash = excluded.body_hash,
    total = excluded.total, currency = excluded.currency, status = excluded.status, reason = '', refused_hash = null,
    created_at = now(), closed_at = null
  where held.body is null and held.refused_hash is distinct from excluded.body_hash
  returning {_RECORD}
),
known as (
  select true as new, * from accepted
  union all
  select false, {_RECORD} from orders.orders where order_id = %(order_id)s and not exists (select from accepted)
)
select decision.refusal, known.* from decision left join known on true
""".encode()  # noqa: S608 - constant columns, as below

# An order that was never accepted can be closed as undone: a late accept of the same body is then refused.
CLOSE = b"""
insert into orders.orders as held (order_id, status, reason, refused_hash, closed_at)
select %(order_id)s, %(outcome)s, %(reason)s, %(hash)s, now()
where %(outcome)s <> 'completed' or exists (select from orders.orders where order_id = %(order_id)s)
on conflict (order_id) do update set status = excluded.status, reason = excluded.reason, closed_at = now()
where held.closed_at is null and held.body_hash = %(hash)s and held.style = %(style)s
returning body_hash
"""

READ = f"select {_RECORD} from orders.orders where order_id = %(order_id)s".encode()  # noqa: S608
READ_BODY = b"""
select body::text, total, currency, closed_at is not null, status = 'completed' from orders.orders
where order_id = %(order_id)s and body is not null
"""

OF_IDS = f"select {_RECORD} from orders.orders where order_id = any(%(order_ids)s)".encode()  # noqa: S608
OPEN_OF_STYLE = f"""
select {_RECORD} from orders.orders
where closed_at is null and style = %(style)s and (%(before)s::timestamptz is null or created_at <= %(before)s)
order by created_at desc, order_id desc limit %(limit)s
""".encode()  # noqa: S608

BY_STATUS = f"""
select {_RECORD} from orders.orders
where status = %(status)s and (%(after)s::text is null or (created_at, order_id) >
  (select created_at, order_id from orders.orders where order_id = %(after)s))
order by created_at, order_id limit %(limit)s
""".encode()  # noqa: S608
