"""Faults by a late run: beside the run that goes back, a lost one does all steps and settles the parcel."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from models.activities.inventory import ReserveInventory
from models.activities.payments import ChargePayment, SettlePayment
from models.activities.shipping import CreateShipment, SettleShipment
from models.errors import OrderError, Unavailable
from models.names import key
from models.order import Payment
from postgres.pipeline import Connection
from runtime.settings import Settings
from services.assembly import Services
from tests.faults.injection.injecting import SECONDS_BETWEEN_LOOKS, Rule
from tests.faults.injection.others import waiting

if TYPE_CHECKING:
    from tests.faults.injection.attempts import Attempt


async def settle(attempt: "Attempt", rule: Rule, connection: Connection | None) -> None:
    """Let a late run do all steps and settle the parcel, as far as the participants let it."""
    await _late_run(attempt, rule, connection, pays=False)


async def settle_and_pay(attempt: "Attempt", rule: Rule, connection: Connection | None) -> None:
    """Let the late run earn the money, too."""
    await _late_run(attempt, rule, connection, pays=True)


async def settle_and_fail(attempt: "Attempt", rule: Rule, connection: Connection | None) -> None:
    """Let the first attempt fail after that: the late run comes between two attempts."""
    await settle(attempt, rule, connection)
    if attempt.notes.first(f"{rule.name}.failed", "hit"):
        raise Unavailable(f"injected: {rule.name}")


async def settle_and_hang(attempt: "Attempt", rule: Rule, connection: Connection | None) -> None:
    """Let no attempt have an answer after that."""
    await settle(attempt, rule, connection)
    await asyncio.get_running_loop().create_future()


async def _late_run(attempt: "Attempt", rule: Rule, connection: Connection | None, *, pays: bool) -> None:
    """Run the steps through the real services, until they have ended or wait for a lock of this session.

    Every attempt does so, before it continues itself: the one that struck may have been abandoned in the middle.
    """
    running = asyncio.create_task(_run(attempt, rule, pays=pays))
    while connection is not None and not running.done():
        if await waiting(attempt.database, connection):
            return
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    await asyncio.shield(running)


async def _run(attempt: "Attempt", rule: Rule, *, pays: bool) -> None:
    """Do the steps, and record what the parcel's settlement answered."""
    # Imported only in a worker process: the module handles the signals of its process.
    from tests.faults.injection.attempts import CURRENT  # noqa: PLC0415
    from worker import services_on  # noqa: PLC0415

    CURRENT.set(None)
    services = services_on(attempt.databases, Settings())
    order_id = rule.order_id
    await _done(services, order_id)
    ship, charge = key(order_id, "ship"), key(order_id, "charge")
    late = await _outcome(services.shipping.settle(SettleShipment(key=ship, order_id=order_id)))
    if pays and late == "answer":
        await services.payments.settle(SettlePayment(key=charge, order_id=order_id))
    attempt.notes.first(rule.name, "ended", late=late)


async def _done(services: Services, order_id: str) -> None:
    order, total = await services.orders.stored(order_id)
    assert isinstance(order.payment, Payment)
    reserve = ReserveInventory(key=key(order_id, "reserve"), order_id=order_id, lines=order.lines)
    charge = ChargePayment(key=key(order_id, "charge"), order_id=order_id, amount=total, token=order.payment.token)
    ship = CreateShipment(key=key(order_id, "ship"), order_id=order_id, lines=order.lines, ship_to=order.ship_to)
    await services.inventory.reserve(reserve)
    await services.payments.charge(charge)
    await _outcome(services.shipping.create(ship))


async def _outcome(call: Awaitable[object]) -> str:
    try:
        await call
    except OrderError as error:
        return f"error: {type(error).__name__}"
    return "answer"
