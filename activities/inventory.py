"""The inventory service as activities."""

from typing import Protocol

from temporalio import activity

from models.activities.inventory import Released, ReleaseInventory, Reservation, ReserveInventory


class InventoryService(Protocol):
    """What these activities need of the service."""

    async def reserve(self, request: ReserveInventory) -> Reservation:
        """Set all lines aside or none."""
        ...

    async def release(self, request: ReleaseInventory) -> Released:
        """Put back what was set aside under the key, if anything was."""
        ...


class InventoryActivities:
    """Reserve stock, and release it."""

    def __init__(self, inventory: InventoryService) -> None:
        self._inventory = inventory

    @activity.defn
    async def reserve_inventory(self, request: ReserveInventory) -> Reservation:
        """Set the articles aside; refused when there are not enough."""
        return await self._inventory.reserve(request)

    @activity.defn
    async def release_inventory(self, request: ReleaseInventory) -> Released:
        """Give back what was set aside, if anything was."""
        return await self._inventory.release(request)
