"""The shipping service as activities."""

from temporalio import activity

from models.steps import CancelShipment, CreateShipment, Recalled, Shipment
from services.shipping import Shipping


class ShippingActivities:
    """Hand a parcel to the carrier, and take it back."""

    def __init__(self, shipping: Shipping) -> None:
        self._shipping = shipping

    @activity.defn
    async def create_shipment(self, request: CreateShipment) -> Shipment:
        """Hand the articles to the carrier; refused when the carrier doesn't go there."""
        return await self._shipping.create(request)

    @activity.defn
    async def find_shipment(self, request: CreateShipment) -> Shipment | None:
        """Tell whether a parcel without an answer was handed over."""
        return await self._shipping.find(request)

    @activity.defn
    async def cancel_shipment(self, request: CancelShipment) -> Recalled:
        """Take the parcel back, if one was handed over."""
        return await self._shipping.cancel(request)
