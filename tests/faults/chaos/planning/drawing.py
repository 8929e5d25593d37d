"""The orders and routing slips of a run, drawn at random: their kind, their time, and the act on each."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from models.order import Order
from models.slips.slip import RoutingSlip
from runtime.settings import PROJECT
from tests.faults.chaos.planning.kinds import KINDS, Act, FaultKind

TAIL_KINDS = ("fine", "fine", "fine", "repeated", "flaky")
# Placed several times at the same moment.
REPEATED = "repeated"
CUSTOMER = {"name": "Kanarien Vogel", "street": "1 Volieren Weg", "city": "Lyon", "country": "FR"}
# Words of the customers that must not appear in an id, log, failure or summary.
CANARIES = ("Kanarien", "Volieren")

SECONDS_OF_A_SLOW_ORDER = 40.0
CHOREOGRAPHED, EXPRESS = 0.3, 0.35
SLIPS_AN_ORDER = 0.05
ITINERARIES = ("digital-goods.json", "gift.json", "gift.json")
SLIP_TOKENS = ("tok_ok", "tok_ok", "tok_declined", "tok_flaky_1", "tok_hang_after")
SLIP_POSTCODES = ("69001", "00000", "00001")


@dataclass(frozen=True)
class PlannedOrder:
    """An order, the second at which it is placed, and the act on it `after` seconds.

    A `patient` customer asks until an answer arrives; with `within` the customer waits so many seconds for the outcome
    in the same call. An operator decides with `verb` when the order is parked. A `calm` order comes after all faults,
    and must complete.
    """

    at: float
    kind: str
    order: Order
    choreographed: bool
    copies: int
    act: Act
    after: float
    within: float
    patient: bool
    calm: bool
    verb: str


@dataclass(frozen=True)
class PlannedSlip:
    """A routing slip, and the second at which it is placed."""

    at: float
    slip: RoutingSlip


def draw_orders(
    chance: random.Random, seed: int, rate: float, heals_at: float, seconds: float
) -> Iterator[PlannedOrder]:
    """Yield the orders: of every kind until `heals_at`, then only kinds that must complete."""
    kinds = _dealt(chance, round(rate * heals_at), until=max(0.3, 1 - SECONDS_OF_A_SLOW_ORDER / heals_at))
    tail = [chance.choice(TAIL_KINDS) for _ in range(round(rate * (seconds - heals_at)))]
    times = [heals_at * number / len(kinds) for number in range(len(kinds))]
    times += [heals_at + (seconds - heals_at) * number / len(tail) for number in range(len(tail))]
    for number, (kind, at) in enumerate(zip([*kinds, *tail], times, strict=True)):
        yield _order(chance, f"c{seed}-{number:05}-{kind}", kind, at, calm=number >= len(kinds))


def _dealt(chance: random.Random, count: int, until: float) -> list[str]:
    """Return `count` kinds by their shares, at least one of each; the slow ones early, so that they end in time."""
    whole = sum(kind.share for kind in KINDS.values())
    dealt = [name for name, kind in KINDS.items() for _ in range(max(1, round(count * kind.share / whole)))]
    chance.shuffle(dealt)
    slow = [name for name in dealt if KINDS[name].slow]
    quick = [name for name in dealt if not KINDS[name].slow]
    for name in slow:
        quick.insert(chance.randrange(int(len(dealt) * until)), name)
    return quick


def _order(chance: random.Random, order_id: str, name: str, at: float, *, calm: bool) -> PlannedOrder:
    kind = KINDS[name]
    choreographed = chance.random() < CHOREOGRAPHED and not kind.alone
    order = Order.model_validate(_body(chance, order_id, kind))
    express = chance.random() < EXPRESS and not choreographed
    return PlannedOrder(
        at,
        name,
        order.model_copy(update={"express": express}),
        choreographed,
        copies=chance.randint(2 if name == REPEATED else 1, kind.copies),
        act=kind.act,
        after=chance.uniform(0.05, 3.0),
        within=0 if calm else chance.choice((0, 0, 0, 0, 1.0, 5.0)),
        patient=calm or chance.random() < 0.8,
        calm=calm,
        verb=chance.choice(("retry", "retry", "skip", "waive")),
    )


def _body(chance: random.Random, order_id: str, kind: FaultKind) -> dict[str, object]:
    skus = chance.sample(range(1, 21), chance.randint(1, 3))
    lines = [{"sku": f"SKU-{number}", "quantity": chance.randint(1, 2)} for number in skus]
    if kind.scarce:
        lines.append({"sku": "SKU-RARE", "quantity": chance.randint(1, 2)})
    payment: dict[str, object] = {"method": "card", "token": chance.choice(kind.tokens)}
    if kind.transfer_seconds:
        payment = {"method": "bank_transfer", "reference": "ref_1", "deadline_seconds": kind.transfer_seconds}
    return {
        "order_id": order_id,
        "customer_id": f"c-{chance.randint(1, 50)}",
        "currency": "EUR",
        "lines": tuple(lines),
        "payment": payment,
        "ship_to": CUSTOMER | {"postcode": chance.choice(kind.postcodes)},
    }


def draw_slips(chance: random.Random, seed: int, rate: float, ends: float) -> Iterator[PlannedSlip]:
    """Yield routing slips at even intervals: some fail at their charge, some at their last stop."""
    count = round(rate * ends * SLIPS_AN_ORDER)
    for number in range(count):
        drawn = json.loads((PROJECT / "itineraries" / chance.choice(ITINERARIES)).read_text())
        drawn["slip_id"] = f"c{seed}-{number:04}"
        drawn["variables"]["token"] = chance.choice(SLIP_TOKENS)
        if "ship_to" in drawn["variables"]:
            drawn["variables"]["ship_to"] = CUSTOMER | {"postcode": chance.choice(SLIP_POSTCODES)}
        yield PlannedSlip(ends * number / count, RoutingSlip.model_validate_json(json.dumps(drawn)))
