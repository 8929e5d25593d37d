"""Stock per article: what is available, reserved for orders in flight, and sold. Never below zero."""

from collections.abc import Mapping
from dataclasses import dataclass

from messaging.idempotent_receiver.receiver import Receiver
from messaging.idempotent_receiver.settlement import Settlement
from models.activities.inventory import Released, ReleaseInventory, Reservation, ReserveInventory
from models.errors import OutOfStock
from postgres.database import Database
from postgres.pipeline import Pipeline
from services.inventory import statements

_RECEIVER = Receiver(
    "inventory",
    refused_as=OutOfStock,
    verdict=statements.VERDICT,
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
    """Sets stock aside for an order, gives it back, or sells it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def reserve(self, request: ReserveInventory) -> Reservation:
        """Set all lines aside or none; raise OutOfStock naming the SKU, KeyReused, AlreadyUndone, Unavailable."""
        answer = Reservation(lines=request.lines).model_dump_json(exclude={"attempt"})
        skus = [line.sku for line in request.lines]
        quantities = [line.quantity for line in request.lines]
        stored = await _RECEIVER.do(self._db, request, skus=skus, quantities=quantities, answer=answer)
        return Reservation.model_validate_json(stored)

    async def release(self, request: ReleaseInventory) -> Released:
        """Put back what was set aside under the key, if anything was; raise AlreadySettled, Unavailable."""
        undone = await _RECEIVER.undo(self._db, request)
        if undone.answer is None or not undone.was_done:
            return Released()
        return Released.model_validate_json(undone.answer)

    async def settle(self, pipeline: Pipeline, key: str) -> Settlement:
        """Sell what was set aside under the key, in the caller's transaction; sent, and still to be ended."""
        return await _RECEIVER.settle(pipeline, key)

    async def receive(self, pieces: Mapping[str, int]) -> None:
        """Put articles that were never in stock on the shelf, so many pieces of each SKU; raise Unavailable."""
        await self._db.rows(statements.RECEIVE, {"skus": list(pieces), "pieces": list(pieces.values())})

    async def has_receipt(self, key: str) -> bool:
        """Tell whether a do or an undo ever came under the key; raise Unavailable."""
        query = b"select true from inventory.receipts where key = %(key)s"
        return await self._db.row(query, {"key": key}) is not None

    async def levels(self) -> dict[str, Level]:
        """Return the stock of every article, by SKU."""
        query = b"select sku, available, reserved, sold, received from inventory.stock order by sku"
        return {sku: Level(*counts) for sku, *counts in await self._db.rows(query)}
