"""The inventory service as activities."""

from temporalio import activity

from models.steps import Released, ReleaseInventory, Reservation, ReserveInventory
from services.inventory import Inventory


class InventoryActivities:
    """Reserve stock, and release it."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    @activity.defn
    async def reserve_inventory(self, request: ReserveInventory) -> Reservation:
        """Set the articles aside; refused when there are not enough."""
        return await self._inventory.reserve(request)

    @activity.defn
    async def release_inventory(self, request: ReleaseInventory) -> Released:
        """Give back what was set aside, if anything was."""
        return await self._inventory.release(request)
