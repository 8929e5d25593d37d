"""The activities of the shipping service."""

from typing import Protocol

from temporalio import activity

from models.activities.base import Settled
from models.activities.receipts import FindReceipts, Receipts
from models.activities.shipping import CancelShipment, CreateShipment, FindParcel, Recalled, SettleShipment, Shipment
from models.recovery import EffectReceipt


class ShippingService(Protocol):
    """The port to the shipping service."""

    async def create(self, request: CreateShipment) -> Shipment:
        """Hand one parcel per key to the carrier; raise ShipmentRefused."""
        ...

    async def find(self, request: CreateShipment) -> Shipment | None:
        """Return the parcel if the carrier has it, and record it; otherwise return None."""
        ...

    async def find_by_key(self, request: FindParcel) -> Shipment | None:
        """Return the parcel under a key if the carrier has it."""
        ...

    async def cancel(self, request: CancelShipment) -> Recalled:
        """Recall the parcel under the key, if any."""
        ...

    async def settle(self, request: SettleShipment) -> Settled:
        """Make the parcel under the key final."""
        ...

    async def receipts_of(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of an order or a slip, oldest first."""
        ...


class ShippingActivities:
    """Activities that hand a parcel to the carrier and recall it."""

    def __init__(self, shipping: ShippingService) -> None:
        self._shipping = shipping

    @activity.defn
    async def create_shipment(self, request: CreateShipment) -> Shipment:
        """Hand the articles to the carrier; raise ShipmentRefused when it doesn't deliver to the address."""
        return await self._shipping.create(request)

    @activity.defn
    async def find_shipment(self, request: CreateShipment) -> Shipment | None:
        """Return the parcel of a call without an answer, None if the carrier doesn't have it."""
        return await self._shipping.find(request)

    @activity.defn
    async def find_parcel(self, request: FindParcel) -> Shipment | None:
        """Return the parcel under a key, None if the carrier doesn't have it; raise AlreadyUndone after its undo."""
        return await self._shipping.find_by_key(request)

    @activity.defn
    async def cancel_shipment(self, request: CancelShipment) -> Recalled:
        """Recall the parcel, if any."""
        return await self._shipping.cancel(request)

    @activity.defn
    async def settle_shipment(self, request: SettleShipment) -> Settled:
        """Make the parcel final; an undo is refused from then on."""
        return await self._shipping.settle(request)

    @activity.defn
    async def find_shipment_receipts(self, request: FindReceipts) -> Receipts:
        """Return what is known of the process of the calling workflow."""
        return Receipts(receipts=tuple(await self._shipping.receipts_of(request.order_id)))
