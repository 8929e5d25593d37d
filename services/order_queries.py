"""The SQL of services/orders.py: each statement goes by a primary key, but the listing, which has its own index."""

# A refusal isn't kept: nothing was taken, and the same order may be fine once the catalogue has changed.
ACCEPT = b"""
with wanted as (
  select position, sku, quantity
  from unnest(%(skus)s::text[], %(quantities)s::bigint[]) with ordinality as wanted (sku, quantity, position)
),
priced as (
  select position, wanted.sku, article.price * quantity as amount
  from wanted left join orders.catalogue as article
    on article.sku = wanted.sku and article.active and article.currency = %(currency)s
),
verdict as (
  select sum(amount)::bigint as total, coalesce(
    (select 'lines[' || position - 1 || '].sku: ' || sku || ' is not in the catalogue'
      from priced where amount is null order by position limit 1),
    'total: is ' || sum(amount) || ' by the catalogue, not ' || nullif(%(total)s::bigint, sum(amount))
  ) as refusal
  from priced
),
accepted as (
  insert into orders.orders (order_id, body, body_hash, total, currency, status)
  select %(order_id)s, %(body)s::jsonb, %(hash)s, total, %(currency)s, 'running' from verdict
  where refusal is null
  on conflict (order_id) do nothing
  returning total
)
select accepted.total, verdict.refusal from verdict left join accepted on true
"""

# An order that was never accepted can still be closed as undone: a late accept then finds it closed.
CLOSE = b"""
insert into orders.orders as held (order_id, status, reason, closed_at)
values (%(order_id)s, %(outcome)s, %(reason)s, now())
on conflict (order_id) do update set status = excluded.status, reason = excluded.reason, closed_at = now()
where held.closed_at is null
returning body_hash
"""

READ = b"""
select order_id, status, total, currency, reason, body_hash, created_at, closed_at,
  body is not null and not body ? 'payment' from orders.orders
where order_id = %(order_id)s
"""

BY_STATUS = b"""
select order_id, status, total, currency, reason, body_hash, created_at, closed_at,
  body is not null and not body ? 'payment' from orders.orders
where status = %(status)s and (%(after)s::text is null or (created_at, order_id) >
  (select created_at, order_id from orders.orders where order_id = %(after)s))
order by created_at, order_id limit %(limit)s
"""
