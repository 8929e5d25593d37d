"""The SQL of services/inventory/inventory.py; each effect is made in one statement with its receipt."""

# Lines are locked in the order of their SKU, here and below, so that two orders can't deadlock.
#
# An update sets every column from `held`, the current version of the locked row: PostgreSQL first computes an update on
# the version of the statement's snapshot, which could violate a CHECK although the current version doesn't.
DECISION = """
wanted as (
  select sku, quantity from unnest(%(skus)s::text[], %(quantities)s::bigint[]) as wanted (sku, quantity)
),
held as materialized (
  select stock.* from gate cross join inventory.stock join wanted on wanted.sku = stock.sku
  order by stock.sku for update of stock
),
decision as (
  select min(wanted.sku) filter (where coalesce(held.available, 0) < wanted.quantity)
      || ': not enough in stock' as refusal,
    %(answer)s::jsonb as answer
  from wanted left join held on held.sku = wanted.sku
)
"""

RESERVED = """,
reserved as (
  update inventory.stock set (available, reserved, sold, received) =
    row(held.available - wanted.quantity, held.reserved + wanted.quantity, held.sold, held.received)
  from claim cross join wanted join held on held.sku = wanted.sku
  where stock.sku = held.sku and claim.status = 'done'
)
"""

RELEASED = """,
line as materialized (
  select line.sku, line.quantity
  from undone, jsonb_to_recordset(undone.answer -> 'lines') as line (sku text, quantity bigint)
  where undone.status = 'undone' and undone.undos = 1
),
held as materialized (
  select stock.*, line.quantity from line join inventory.stock on stock.sku = line.sku
  order by stock.sku for update of stock
),
released as (
  update inventory.stock set (available, reserved, sold, received) =
    row(held.available + held.quantity, held.reserved - held.quantity, held.sold, held.received)
  from held where stock.sku = held.sku
)
"""

SOLD = """,
line as materialized (
  select line.sku, line.quantity
  from settled, jsonb_to_recordset(settled.answer -> 'lines') as line (sku text, quantity bigint)
),
held as materialized (
  select stock.*, line.quantity from line join inventory.stock on stock.sku = line.sku
  order by stock.sku for update of stock
),
sold as (
  update inventory.stock set (available, reserved, sold, received) =
    row(held.available, held.reserved - held.quantity, held.sold + held.quantity, held.received)
  from held where stock.sku = held.sku
)
"""

RECEIVE = b"""
insert into inventory.stock (sku, available, received)
select sku, received, received from unnest(%(skus)s::text[], %(pieces)s::bigint[]) as article (sku, received)
order by sku
on conflict (sku) do nothing
"""
