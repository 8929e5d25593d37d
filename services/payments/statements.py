"""The SQL of payments and transfers: the effects that the idempotent receiver makes together with a receipt."""

# A sale is permanent in the ledger.
IN_FORCE = "exists (select from payments.ledger where key = %(key)s and kind = 'settle')"

CHARGED = """,
entry as (
  insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select key, 'charge', 'card_clearing', 'held', %(amount)s, %(currency)s, %(order_id)s
  from claim where status = 'done'
)
"""

SETTLED = """,
entry as (
  insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select charge.key, 'settle', 'held', 'revenue', charge.amount, charge.currency, charge.order_id
  from settled join payments.ledger as charge on charge.key = settled.key and charge.kind = 'charge'
)
"""

# Charge and refund, each once: the provider may have charged without its answer having been received.
REFUNDED = b"""
insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id) values
  (%(key)s, 'charge', 'card_clearing', 'held', %(amount)s, %(currency)s, %(order_id)s),
  (%(key)s, 'refund', 'held', 'card_clearing', %(amount)s, %(currency)s, %(order_id)s)
on conflict (key, kind) do nothing
"""

EXPECT_TRANSFER = b"""
insert into payments.transfers (key, order_id, reference, amount, currency, request_hash)
values (%(key)s, %(order_id)s, %(reference)s, %(amount)s, %(currency)s, %(hash)s)
on conflict (key) do nothing
"""

FIND_TRANSFER = b"""
select transfers.request_hash, receipt.status from payments.transfers left join payments.receipts as receipt using (key)
where key = %(key)s
"""

# A transfer may arrive that was never expected, when its order failed before that step.
TRANSFER_BOOKED = """,
entry as (
  insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select key, 'charge', 'bank', 'held', %(amount)s, %(currency)s, %(order_id)s from claim where status = 'done'
),
transfer as (
  insert into payments.transfers (key, order_id, reference, amount, currency, request_hash, status, event_id)
  select key, %(order_id)s, %(reference)s, %(amount)s, %(currency)s, %(expected)s, 'settled', %(event_id)s
  from claim where status = 'done'
  on conflict (key) do update set status = excluded.status, event_id = excluded.event_id, changed_at = now()
)
"""

# Based on the receipt, whose current version shows whether there was a booking to undo.
TRANSFER_RETURNED = """,
entry as (
  insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select key, 'refund', 'held', 'bank', (answer -> 'amount' ->> 'amount')::bigint, answer -> 'amount' ->> 'currency',
    %(order_id)s
  from undone where status = 'undone' and undos = 1
),
transfer as (
  update payments.transfers set changed_at = now(),
    status = case undone.status when 'undone' then 'returned' else 'void' end
  from undone where transfers.key = undone.key and undone.undos = 1 and undone.status <> 'settled'
)
"""
