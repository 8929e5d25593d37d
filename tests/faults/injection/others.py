"""Faults that others cause: an order for the same articles, a late do that crosses its undo, a key that is reused."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from models.activities.inventory import Reservation, ReserveInventory
from models.activities.payments import ChargePayment, ExpectTransfer
from models.activities.shipping import CreateShipment
from models.names import key
from postgres.database import Database
from postgres.pipeline import Connection
from services.inventory.inventory import Inventory
from tests.faults.injection.injecting import SECONDS_BETWEEN_LOOKS, Rule

if TYPE_CHECKING:
    from tests.faults.injection.attempts import Attempt

# Below what a statement waits for a lock: a worker that stands still for so long does so because of that statement.
SECONDS_TO_STAND_STILL = 2.5

_WAITING = b"""
with recursive waiting as (
  select pid from pg_stat_activity where %(pid)s = any(pg_blocking_pids(pid))
  union
  select other.pid from pg_stat_activity as other join waiting on waiting.pid = any(pg_blocking_pids(other.pid))
)
select count(*) from waiting
"""
_ANSWER = b"select answer::text from inventory.receipts where key = %(key)s"
_LAST_ARTICLE = b"select from inventory.stock where sku = %(sku)s for update"


async def _waiting(database: Database, connection: Connection) -> int:
    """Return how many sessions wait for what this one has locked, or for one that does."""
    ((count,),) = await Database.rows(database, _WAITING, {"pid": connection.info.backend_pid})
    return int(count)


async def rival(attempt: "Attempt", rule: Rule, connection: Connection | None) -> None:
    """Keep what is locked until another order waits for it, and note how long this process stood still meanwhile."""
    assert connection is not None
    assert attempt.database is not None
    still, before = 0.0, time.monotonic()
    while still < SECONDS_TO_STAND_STILL and not await _waiting(attempt.database, connection):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        still, before = max(still, time.monotonic() - before), time.monotonic()
    attempt.notes.first(rule.name, "ended", late="answer", still=still)


async def cross(attempt: "Attempt", rule: Rule, _connection: Connection | None) -> None:
    """Have the do come once more right before its undo, while somebody holds the last of the articles of its order."""
    assert attempt.database is not None
    again, waits = key(rule.order_id, "reserve"), asyncio.Event()
    ((answer,),) = await Database.rows(attempt.database, _ANSWER, {"key": again})
    lines = Reservation.model_validate_json(answer).lines
    request = ReserveInventory(key=again, order_id=rule.order_id, lines=lines)
    attempt.beside(rule, asyncio.create_task(_crossed(attempt.database, request, waits)))
    await waits.wait()


async def _crossed(database: Database, request: ReserveInventory, waits: asyncio.Event) -> Reservation:
    try:
        async with Database.transaction(database) as somebody:
            await Database.rows(database, _LAST_ARTICLE, {"sku": request.lines[-1].sku}, somebody)
            late = asyncio.create_task(Inventory(database).reserve(request))
            # First the do waits for the article, then the undo for the do: or both for each other, if they may.
            while not late.done() and (count := await _waiting(database, somebody)) < 2:
                if count:
                    waits.set()
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        return await late
    finally:
        waits.set()


def reused(request: Any) -> Any:
    """Return another request under the same key."""
    if isinstance(request, ReserveInventory):
        first, *others = request.lines
        more = first.model_copy(update={"quantity": first.quantity + 1})
        return request.model_copy(update={"lines": (more, *others)})
    if isinstance(request, ChargePayment | ExpectTransfer):
        more_money = request.amount.model_copy(update={"amount": request.amount.amount + 1})
        return request.model_copy(update={"amount": more_money})
    if isinstance(request, CreateShipment):
        elsewhere = request.ship_to.model_copy(update={"postcode": "69009"})
        return request.model_copy(update={"ship_to": elsewhere})
    raise TypeError(f"{type(request).__name__}: there is no other request to make of it")
