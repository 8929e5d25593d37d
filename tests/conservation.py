"""Conservation of stock and money: invariants that hold for the database of every test."""

from postgres.database import Database
from postgres.pipeline import Connection

# Meaning of a violation → query that returns the violating rows. These hold at every moment.
ALWAYS = {
    "reserved stock differs from the sum of the open receipts": b"""
        select sku, reserved, coalesce(total, 0) from inventory.stock left join (
          select line.sku, sum(line.quantity) as total from inventory.receipts,
            jsonb_to_recordset(answer -> 'lines') as line (sku text, quantity bigint)
          where status = 'done' group by line.sku) as open using (sku)
        where reserved <> coalesce(total, 0)""",
    "sold stock differs from the sum of the settled receipts": b"""
        select sku, sold, coalesce(total, 0) from inventory.stock left join (
          select line.sku, sum(line.quantity) as total from inventory.receipts,
            jsonb_to_recordset(answer -> 'lines') as line (sku text, quantity bigint)
          where status = 'settled' group by line.sku) as settled using (sku)
        where sold <> coalesce(total, 0)""",
    "ledger entries don't match the receipt": b"""
        select ledger.key, kinds, status from payments.receipts full join (
          select key, string_agg(kind, ' ' order by kind) as kinds from payments.ledger group by key
        ) as ledger using (key)
        where case receipts.status
          when 'done' then kinds is distinct from 'charge'
          when 'settled' then kinds is distinct from 'charge settle'
          when 'refused' then kinds is not null
          when 'undone' then kinds is null or kinds not in ('charge', 'charge refund')
          when 'tombstone' then kinds is not null and kinds <> 'charge refund'
          else true end""",
    "entries of one charge differ in amount": b"""
        select key from payments.ledger group by key, currency having min(amount) <> max(amount)""",
    "the provider captured an order's money twice, or refunded money that it never captured": b"""
        select key from card_provider.calls where outcome in ('taken', 'taken_back') group by key
        having count(*) filter (where outcome = 'taken') <> 1
          or count(*) filter (where outcome = 'taken_back') > 1
          or max(seq) filter (where outcome = 'taken') > min(seq) filter (where outcome = 'taken_back')""",
    "an undone slip has an open effect": b"""
        select slip_id, receipt.key from slips.slips join (
          select key, status from inventory.receipts union all select key, status from payments.receipts
          union all select key, status from shipping.receipts union all select key, status from wrapping.receipts
        ) as receipt on split_part(receipt.key, ':', 1) = 'slip.' || slip_id
        where slips.status in ('compensated', 'cancelled') and receipt.status in ('done', 'settled')""",
    "a completed or terminated slip is not settled": b"""
        select slip_id, receipt.key from slips.slips join (
          select key, status from inventory.receipts union all select key, status from payments.receipts
          union all select key, status from shipping.receipts union all select key, status from wrapping.receipts
        ) as receipt on split_part(receipt.key, ':', 1) = 'slip.' || slip_id
        where slips.status in ('completed', 'terminated') and receipt.status not in ('settled', 'tombstone')""",
    "the wrapping work doesn't match its receipt": b"""
        select key, kinds, status from wrapping.receipts full join (
          select key, string_agg(kind, ' ' order by kind) as kinds from wrapping.work group by key
        ) as work using (key)
        where case when status in ('done', 'settled') then kinds is distinct from 'wrap'
          when status = 'undone' then kinds is distinct from 'unwrap wrap' else kinds is not null end""",
}

# These hold only when no order is in flight.
AT_REST = {
    "the provider's entries and the payments ledger disagree": b"""
        select key, entry.status, kinds from card_provider.entries as entry full join (
          select key, sum(amount) filter (where kind = 'charge') as amount,
            string_agg(kind, ' ' order by kind) filter (where kind <> 'settle') as kinds
          from payments.ledger where 'card_clearing' in (debit, credit) group by key
        ) as ledger using (key)
        where case entry.status
          when 'taken' then kinds is distinct from 'charge' or (detail ->> 'amount')::bigint <> amount
          when 'taken_back' then kinds is distinct from 'charge refund' or (detail ->> 'amount')::bigint <> amount
          else kinds is not null end""",
    "the transfers and the payments ledger disagree": b"""
        select key, transfers.status, kinds from payments.transfers full join (
          select key, string_agg(kind, ' ' order by kind) as kinds
          from payments.ledger where 'bank' in (debit, credit) group by key
        ) as ledger using (key)
        where case transfers.status
          when 'settled' then kinds is distinct from 'charge'
          when 'returned' then kinds is distinct from 'charge refund'
          else kinds is not null end""",
    "a refund was started, and neither finished nor waived": b"""
        select receipt.key, order_id from payments.receipts as receipt join payments.ledger using (key)
        where receipt.status = 'undone' and not exists (
          select from payments.ledger as refund where refund.key = receipt.key and refund.kind = 'refund'
        ) and not exists (
          select from orders.orders where orders.order_id = ledger.order_id and orders.status = 'failed'
        ) and not exists (
          select from slips.slips where 'slip.' || slip_id = ledger.order_id and slips.status = 'failed'
        )""",
    "the carrier's entries and the shipping parcels disagree": b"""
        select key, entry.status, recalled_at from carrier.entries as entry full join shipping.parcels using (key)
        where case entry.status
          when 'taken' then tracking is distinct from reference or recalled_at is not null
          when 'taken_back' then tracking is distinct from reference or recalled_at is null
          else tracking is not null end""",
    "an undone order has an open effect": b"""
        select orders.order_id, receipt.key from orders.orders join (
          select key from inventory.receipts where status in ('done', 'settled')
          union all select key from payments.receipts where status in ('done', 'settled')
          union all select key from shipping.receipts where status in ('done', 'settled')
        ) as receipt on split_part(receipt.key, ':', 1) = order_id
        where orders.status in ('compensated', 'cancelled')""",
    "a completed order is not settled": b"""
        select orders.order_id, receipt.key from orders.orders join (
          select key, status from inventory.receipts union all select key, status from payments.receipts
          union all select key, status from shipping.receipts
        ) as receipt on split_part(receipt.key, ':', 1) = order_id
        where orders.status = 'completed' and receipt.status <> 'settled'""",
}


async def assert_conserved(db: Database, *, at_rest: bool = True) -> None:
    """Check stock, ledger and the external systems' entries.

    Orders may be in flight when `at_rest` is False: then only the invariants of every moment are checked.
    """
    async with db.transaction() as connection:
        # All queries read one snapshot, so that orders in flight don't cause false violations.
        await db.rows(b"set transaction isolation level repeatable read, read only", {}, connection)
        wrong = await _found(db, connection, ALWAYS | AT_REST if at_rest else ALWAYS)
    assert not wrong, "\n".join(wrong)


async def _found(db: Database, connection: Connection, checks: dict[str, bytes]) -> list[str]:
    """Return the violations, one line per row."""
    wrong = []
    for meaning, query in checks.items():
        wrong += [f"{meaning}: {row}" for row in await db.rows(query, None, connection)]
    return wrong
