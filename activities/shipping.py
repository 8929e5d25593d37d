"""The shipping service as activities."""

from typing import Protocol

from temporalio import activity

from models.activities.shipping import CancelShipment, CreateShipment, Recalled, Shipment


class ShippingService(Protocol):
    """What these activities need of the service."""

    async def create(self, request: CreateShipment) -> Shipment:
        """Hand one parcel over."""
        ...

    async def find(self, request: CreateShipment) -> Shipment | None:
        """Return the parcel if it was handed over, and book it."""
        ...

    async def cancel(self, request: CancelShipment) -> Recalled:
        """Take back the parcel handed over under the key, if any was."""
        ...


class ShippingActivities:
    """Hand a parcel to the carrier, and take it back."""

    def __init__(self, shipping: ShippingService) -> None:
        self._shipping = shipping

    @activity.defn
    async def create_shipment(self, request: CreateShipment) -> Shipment:
        """Hand the articles to the carrier; refused when the carrier doesn't go there."""
        return await self._shipping.create(request)

    @activity.defn
    async def find_shipment(self, request: CreateShipment) -> Shipment | None:
        """Return the parcel without an answer if it was handed over."""
        return await self._shipping.find(request)

    @activity.defn
    async def cancel_shipment(self, request: CancelShipment) -> Recalled:
        """Take the parcel back, if one was handed over."""
        return await self._shipping.cancel(request)
