"""The SQL of the evidence: each statement returns the fields of one record, in the record's order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.faults.evidence import messages, records

# An order's id is the part of its keys before the colon.
_OF_KEY = b"where (%(only)s::text[] is null or split_part(key, ':', 1) = any(%(only)s::text[]))"
_OF_ORDER = b"where (%(only)s::text[] is null or order_id = any(%(only)s::text[]))"
_OF_PROCESS = b"where (%(only)s::text[] is null or process_id = any(%(only)s::text[]))"

ORDERS = (
    b"""
select order_id,
  case when exists (select from trace.processes where process_id = order_id) then 'choreographed'
    else 'orchestrated' end,
  status, reason, total, body_hash, coalesce((
    select jsonb_object_agg(line ->> 'sku', (line ->> 'quantity')::int)
    from jsonb_array_elements(body -> 'lines') as line
  ), '{}'), extract(epoch from created_at)::float8, extract(epoch from closed_at)::float8,
  coalesce(body #>> '{payment,method}', 'card')
from orders.orders """
    + _OF_ORDER
)
SLIPS = b"""
select 'slip.' || slip_id, 'slip', status, reason, null::bigint, body_hash, '{}'::jsonb,
  extract(epoch from created_at)::float8, extract(epoch from closed_at)::float8, 'card'
from slips.slips where (%(only)s::text[] is null or 'slip.' || slip_id = any(%(only)s::text[]))"""

_RECEIPTS = b"""
select '%s', key, status, undos, extract(epoch from created_at)::float8, coalesce((
  select jsonb_object_agg(line ->> 'sku', (line ->> 'quantity')::int)
  from jsonb_array_elements(answer -> 'lines') as line
), '{}') from %s.receipts """
RECEIPTS = b" union all ".join(
    _RECEIPTS % (service, service) + _OF_KEY for service in (b"inventory", b"payments", b"shipping", b"wrapping")
)
LEDGER = (
    b"""
select entry, key, order_id, kind, debit, credit, amount, extract(epoch from at)::float8 from payments.ledger """
    + _OF_ORDER
    + b" order by entry"
)


def _calls(party: bytes) -> bytes:
    read = b"select seq, extract(epoch from at)::float8, key, operation, outcome from " + party + b".calls "
    return read + _OF_KEY + b" order by seq"


def _entries(party: bytes) -> bytes:
    read = b"select key, status, reference, coalesce((detail ->> 'amount')::bigint, 0) from " + party + b".entries "
    return read + _OF_KEY


PARCELS = (
    b"""
select key, order_id, tracking, extract(epoch from handed_over_at)::float8, extract(epoch from recalled_at)::float8
from shipping.parcels """
    + _OF_ORDER
)
TRANSFERS = b"select key, order_id, status, amount from payments.transfers " + _OF_ORDER
_PARTICIPANTS = (b"orders", b"inventory", b"payments", b"shipping")
_EVENTS = b"""
select event_id, process_id, '%s', type, causation_id, redrives, extract(epoch from at)::float8,
  extract(epoch from published_at)::float8
from %s.outbox """
EVENTS = b" union all ".join(_EVENTS % (each, each) + _OF_PROCESS for each in _PARTICIPANTS)
_CONSUMED = b"""
select '%s', event_id, process_id, type, follows, extract(epoch from at)::float8 from %s.inbox """
CONSUMED = b" union all ".join(_CONSUMED % (each, each) + _OF_PROCESS for each in _PARTICIPANTS)
TRACED = b"select event_id, process_id, publisher, type, causation_id, redrives from trace.events " + _OF_PROCESS
ALERTS = (
    b"""
select key, order_id, step, direction, failure, at_risk, extract(epoch from raised_at)::float8,
  extract(epoch from sent_at)::float8, extract(epoch from given_up_at)::float8
from operators.alerts """
    + _OF_ORDER
)
LETTERS = b"""
select channel, message_id, coalesce(correlation_id, message_id), status, cause, attempts,
  extract(epoch from died_at)::float8, (
    select coalesce(jsonb_agg(jsonb_build_array(action, actor, reason) order by entry), '[]')
    from dead_letters.audit where audit.letter_id = letters.letter_id
  ), length(original) > 0, letter_id
from dead_letters.letters
where (%(only)s::text[] is null or coalesce(correlation_id, message_id) = any(%(only)s::text[]))"""


def _letter(*row: Any) -> messages.Letter:
    return replace(messages.Letter(*row), audit=tuple(messages.Audit(*line) for line in row[-3]))


# Evidence field → record type of its rows, and the query that reads them.
TABLES: dict[str, tuple[Callable[..., Any], bytes]] = {
    "orders": (records.OrderRow, ORDERS + b" union all " + SLIPS),
    "receipts": (records.Receipt, RECEIPTS),
    "ledger": (records.LedgerEntry, LEDGER),
    "provider_calls": (records.RecordedCall, _calls(b"card_provider")),
    "provider_entries": (records.BookEntry, _entries(b"card_provider")),
    "carrier_calls": (records.RecordedCall, _calls(b"carrier")),
    "carrier_entries": (records.BookEntry, _entries(b"carrier")),
    "parcels": (records.Parcel, PARCELS),
    "transfers": (records.Transfer, TRANSFERS),
    "events": (messages.EventRow, EVENTS),
    "consumed": (messages.Consumed, CONSUMED),
    "traced": (messages.TracedRow, TRACED),
    "alerts": (messages.RecordedAlert, ALERTS),
    "letters": (_letter, LETTERS),
}

NOW = b"select extract(epoch from clock_timestamp())::float8"
STOCK = b"select sku, available, reserved, sold, received from inventory.stock"
BALANCES = b"""
select account,
  coalesce((select sum(amount) from payments.ledger where debit = account), 0)::bigint,
  coalesce((select sum(amount) from payments.ledger where credit = account), 0)::bigint
from unnest(array['card_clearing', 'bank', 'held', 'revenue']) as account"""
CAPTURED = b"""
select coalesce(sum((detail ->> 'amount')::bigint) filter (where status in ('taken', 'taken_back')), 0)::bigint,
  coalesce(sum((detail ->> 'amount')::bigint) filter (where status = 'taken_back'), 0)::bigint
from card_provider.entries"""
# As the queries of tests/conservation.py: these return rows only when something is wrong, at every moment.
BESIDES = {
    "an order's effect is final before its parcel": b"""
        select key, status from (
          select key, status from inventory.receipts union all select key, status from payments.receipts
        ) as receipt where status = 'settled' and key not like 'slip.%%' and not exists (
          select from shipping.receipts as parcel
          where parcel.key = split_part(receipt.key, ':', 1) || ':ship' and parcel.status = 'settled'
        )"""
}
OUTCOMES = b"select status, count(*)::int from orders.orders where closed_at is not null group by status"
