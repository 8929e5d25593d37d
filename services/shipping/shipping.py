"""Parcels: what was handed to the carrier for an order, and what was taken back."""

from messaging.idempotent_receiver.receiver import Receiver
from messaging.idempotent_receiver.settlement import Settlement
from models.activities.shipping import CancelShipment, CreateShipment, Recalled, Shipment
from models.errors import ShipmentRefused
from postgres.database import Database
from postgres.pipeline import Pipeline
from providers.ports import Carrier

_HANDED_OVER = """,
parcel as (
  insert into shipping.parcels (key, order_id, tracking)
  select key, %(order_id)s, %(tracking)s from claim where status = 'done'
)
"""

# The parcel may have been handed over without our ever hearing of it: then this row is its first.
_TAKEN_BACK = b"""
insert into shipping.parcels as parcel (key, order_id, tracking, recalled_at)
values (%(key)s, %(order_id)s, %(tracking)s, now())
on conflict (key) do update set recalled_at = coalesce(parcel.recalled_at, now())
"""

_STANDS = "exists (select from shipping.parcels where key = %(key)s and recalled_at is null)"

_RECEIVER = Receiver("shipping", refused_as=ShipmentRefused, done=_HANDED_OVER, stands=_STANDS)


class Shipping:
    """Hands parcels to the carrier and takes them back."""

    def __init__(self, db: Database, carrier: Carrier) -> None:
        self._db = db
        self._carrier = carrier

    async def create(self, request: CreateShipment) -> Shipment:
        """Hand one parcel over; raise ShipmentRefused, KeyReused, AlreadyUndone, Unavailable."""
        try:
            tracking = await self._carrier.create(request.key, request.lines, request.ship_to)
        except ShipmentRefused as refused:
            return await self._keep(request, None, str(refused))
        return await self._keep(request, tracking)

    async def find(self, request: CreateShipment) -> Shipment | None:
        """Tell whether the parcel was handed over, and book it if it was; None when the carrier has none."""
        tracking = await self._carrier.find(request.key)
        return await self._keep(request, tracking) if tracking else None

    async def _keep(self, request: CreateShipment, tracking: str | None, refusal: str | None = None) -> Shipment:
        """Write down what the carrier answered, once, and return what was written down first."""
        answer = Shipment(tracking=tracking).model_dump_json(exclude={"attempt"}) if tracking else None
        values = {"order_id": request.order_id, "tracking": tracking}
        stored = await _RECEIVER.do(self._db, request, refusal=refusal, answer=answer, **values)
        return Shipment.model_validate_json(stored)

    async def stop(self, request: CancelShipment) -> None:
        """Book no parcel under the key from here on, whatever the carrier took; raise AlreadySettled, Unavailable."""
        await _RECEIVER.undo(self._db, request)

    async def cancel(self, request: CancelShipment, unit: Database | None = None) -> Recalled:
        """Take back the parcel handed over under the key, if any was; raise AlreadySettled, Unavailable.

        The parcel is booked in the transaction of `unit`, if one is given.
        """
        # Our receipt first, as with a refund: no late parcel is booked from here on.
        await self.stop(request)
        tracking = await self._carrier.cancel(request.key)
        if tracking is None:
            return Recalled()
        values = {"key": request.key, "order_id": request.order_id, "tracking": tracking}
        await (unit or self._db).rows(_TAKEN_BACK, values)
        return Recalled(tracking=tracking)

    async def settle(self, pipeline: Pipeline, key: str) -> Settlement:
        """Leave the parcel with the carrier for good, in the caller's transaction; sent, and still to be ended."""
        return await _RECEIVER.settle(pipeline, key)
