"""Stock per article: what is available, reserved for orders in flight, and sold. Never below zero."""

from dataclasses import dataclass

from models.errors import OutOfStock
from models.steps import Released, ReleaseInventory, Reservation, ReserveInventory
from services.database import Database, Pipeline
from services.receiver import Receiver, Settling

# Lines are locked in the order of their SKU, here and below, so that no two orders wait for each other.
#
# An update sets every column from `held`, the row as it is now that it is locked: PostgreSQL first tries an update on
# the row as it was when the statement began, and would find that one breaking a CHECK which the real one keeps.
_VERDICT = """
wanted as (
  select sku, quantity from unnest(%(skus)s::text[], %(quantities)s::bigint[]) as wanted (sku, quantity)
),
held as materialized (
  select stock.* from gate cross join inventory.stock join wanted on wanted.sku = stock.sku
  order by stock.sku for update of stock
),
verdict as (
  select min(wanted.sku) filter (where coalesce(held.available, 0) < wanted.quantity)
      || ': not enough in stock' as refusal,
    %(answer)s::jsonb as answer
  from wanted left join held on held.sku = wanted.sku
)
"""

_RESERVED = """,
reserved as (
  update inventory.stock set (available, reserved, sold, received) =
    row(held.available - wanted.quantity, held.reserved + wanted.quantity, held.sold, held.received)
  from claim cross join wanted join held on held.sku = wanted.sku
  where stock.sku = held.sku and claim.status = 'done'
)
"""

_RELEASED = """,
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

_SOLD = """,
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

_RECEIVER = Receiver(
    "inventory", refused_as=OutOfStock, verdict=_VERDICT, done=_RESERVED, undone=_RELEASED, settled=_SOLD
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

    async def settle(self, pipeline: Pipeline, key: str) -> Settling:
        """Sell what was set aside under the key, in the caller's transaction; sent, and still to be ended."""
        return await _RECEIVER.settle(pipeline, key)

    async def heard_of(self, key: str) -> bool:
        """Tell whether a do or an undo ever came under the key; raise Unavailable."""
        query = b"select true from inventory.receipts where key = %(key)s"
        return await self._db.row(query, {"key": key}) is not None

    async def levels(self) -> dict[str, Level]:
        """Return the stock of every article, by SKU."""
        query = b"select sku, available, reserved, sold, received from inventory.stock order by sku"
        return {sku: Level(*counts) for sku, *counts in await self._db.rows(query)}
