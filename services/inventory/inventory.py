"""Stock per article: available, reserved for running orders, and sold pieces. No count is ever below zero."""

from collections.abc import Mapping
from dataclasses import dataclass

from messaging.idempotent_receiver.admission import AcceptedProcesses, Admission
from messaging.idempotent_receiver.receipts import receipts_of
from messaging.idempotent_receiver.receiver import Receiver
from models.activities.base import Settled
from models.activities.inventory import Released, ReleaseInventory, Reservation, ReserveInventory, SettleStock
from models.errors import OutOfStock
from models.recovery import EffectReceipt
from postgres.database import Database
from services.inventory import statements

_RECEIVER = Receiver(
    "inventory",
    refused_as=OutOfStock,
    decision=statements.DECISION,
    done=statements.RESERVED,
    undone=statements.RELEASED,
    settled=statements.SOLD,
)


@dataclass(frozen=True)
class Level:
    """The stock of one article, in pieces: available + reserved + sold = received."""

    available: int
    reserved: int
    sold: int
    received: int


class Inventory:
    """Reserves stock for an order, releases it, or sells it."""

    def __init__(self, db: Database, processes: AcceptedProcesses) -> None:
        self._db, self._admission = db, Admission("reserve_inventory", processes)

    async def reserve(self, request: ReserveInventory) -> Reservation:
        """Reserve all lines or none.

        Raises OutOfStock that names the SKU, NotAccepted, KeyReused, AlreadyUndone, Unavailable.
        """
        if not await self._admission.do(request):
            return Reservation.model_validate_json(await _RECEIVER.repeated(self._db, request))
        answer = Reservation(lines=request.lines).model_dump_json(exclude={"attempt"})
        skus = [line.sku for line in request.lines]
        quantities = [line.quantity for line in request.lines]
        stored = await _RECEIVER.do(self._db, request, skus=skus, quantities=quantities, answer=answer)
        return Reservation.model_validate_json(stored)

    async def release(self, request: ReleaseInventory) -> Released:
        """Release the key's reservation, if there is one; raise NotAccepted, AlreadySettled, Unavailable."""
        await self._admission.undo(request)
        undone = await _RECEIVER.undo(self._db, request)
        if undone.answer is None or not undone.was_done:
            return Released()
        return Released.model_validate_json(undone.answer)

    async def settle(self, request: SettleStock) -> Settled:
        """Sell the key's reservation; raise NotAccepted, NotFound, Final, Unavailable."""
        await self._admission.settle(request)
        await _RECEIVER.settle(self._db, request)
        return Settled()

    async def receipts_of(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of an order or a slip, oldest first; `process` is its name in keys; raise Unavailable."""
        return await receipts_of(self._db, "inventory", process, "reserve")

    async def receive(self, pieces: Mapping[str, int]) -> None:
        """Add new articles, `pieces`: SKU → number; articles already known stay unchanged; raise Unavailable."""
        await self._db.rows(statements.RECEIVE, {"skus": list(pieces), "pieces": list(pieces.values())})

    async def levels(self) -> dict[str, Level]:
        """Return the stock of every article: SKU → level."""
        query = b"select sku, available, reserved, sold, received from inventory.stock order by sku"
        return {sku: Level(*counts) for sku, *counts in await self._db.rows(query)}
