"""The activities of the inventory service."""

from typing import Protocol

from temporalio import activity

from models.activities.base import Settled
from models.activities.inventory import Released, ReleaseInventory, Reservation, ReserveInventory, SettleStock
from models.activities.receipts import FindReceipts, Receipts
from models.recovery import EffectReceipt


class InventoryService(Protocol):
    """The port to the inventory service."""

    async def reserve(self, request: ReserveInventory) -> Reservation:
        """Reserve all lines or none, once per key; raise OutOfStock."""
        ...

    async def release(self, request: ReleaseInventory) -> Released:
        """Release the reservation under the key, if any."""
        ...

    async def settle(self, request: SettleStock) -> Settled:
        """Sell the reservation under the key."""
        ...

    async def receipts_of(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of an order or a slip, oldest first."""
        ...


class InventoryActivities:
    """Activities that reserve and release stock."""

    def __init__(self, inventory: InventoryService) -> None:
        self._inventory = inventory

    @activity.defn
    async def reserve_inventory(self, request: ReserveInventory) -> Reservation:
        """Reserve the articles; raise OutOfStock when there are not enough."""
        return await self._inventory.reserve(request)

    @activity.defn
    async def release_inventory(self, request: ReleaseInventory) -> Released:
        """Release the reservation, if any."""
        return await self._inventory.release(request)

    @activity.defn
    async def settle_stock(self, request: SettleStock) -> Settled:
        """Sell the reserved articles; an undo is refused from then on."""
        return await self._inventory.settle(request)

    @activity.defn
    async def find_stock_receipts(self, request: FindReceipts) -> Receipts:
        """Return what is known of the process of the calling workflow."""
        return Receipts(receipts=tuple(await self._inventory.receipts_of(request.order_id)))
