"""Parcels: those handed over to the carrier, and those recalled."""

from messaging.idempotent_receiver.admission import AcceptedProcesses, Admission
from messaging.idempotent_receiver.receipts import receipts_of
from messaging.idempotent_receiver.receiver import Receiver
from models.activities.base import Settled
from models.activities.shipping import CancelShipment, CreateShipment, FindParcel, Recalled, SettleShipment, Shipment
from models.errors import AlreadyUndone, KeyReused, ShipmentRefused, Unavailable
from models.recovery import EffectReceipt
from postgres.connection import begun
from postgres.database import Database
from providers.ports import Carrier

_HANDED_OVER = """,
parcel as (
  insert into shipping.parcels (key, order_id, tracking)
  select key, %(order_id)s, %(tracking)s from claim where status = 'done'
)
"""

# The carrier may have taken the parcel without its answer having been received: then this is the parcel's first row.
_RECALLED = b"""
insert into shipping.parcels as parcel (key, order_id, tracking, recalled_at)
values (%(key)s, %(order_id)s, %(tracking)s, now())
on conflict (key) do update set recalled_at = coalesce(parcel.recalled_at, now())
"""

_IN_FORCE = "exists (select from shipping.parcels where key = %(key)s and recalled_at is null)"

_KNOWN = b"select status, answer::text from shipping.receipts where key = %(key)s"

_RECEIVER = Receiver("shipping", refused_as=ShipmentRefused, done=_HANDED_OVER, in_force=_IN_FORCE)


class Shipping:
    """Hands parcels over to the carrier, and recalls them."""

    def __init__(
        self, db: Database, carrier: Carrier, processes: AcceptedProcesses, outside: Database | None = None
    ) -> None:
        """`outside` is the database for what is read before the carrier is called, which no transaction includes."""
        self._db, self._outside = db, outside or db
        self._carrier, self._admission = carrier, Admission("create_shipment", processes)

    async def create(self, request: CreateShipment) -> Shipment:
        """Hand one parcel over; raise ShipmentRefused, NotAccepted, KeyReused, AlreadyUndone, Unavailable."""
        if not await self._admission.do(request):
            return Shipment.model_validate_json(await _RECEIVER.repeated(self._outside, request))
        if answer := await _RECEIVER.recorded(self._outside, request):
            return Shipment.model_validate_json(answer)
        try:
            tracking = await self._carrier.create(request.key, request.lines, request.ship_to)
        except ShipmentRefused as refused:
            return await self._record(request, None, str(refused))
        return await self._record(request, tracking)

    async def find(self, request: CreateShipment) -> Shipment | None:
        """Return the shipment if the carrier has the parcel, and record it; return None otherwise."""
        if not await self._admission.do(request):
            answer = await _RECEIVER.recorded(self._db, request)
            return Shipment.model_validate_json(answer) if answer else None
        tracking = await self._carrier.find(request.key)
        return await self._record(request, tracking) if tracking else None

    async def find_by_key(self, request: FindParcel) -> Shipment | None:
        """Return the shipment of a key, as `find` does, for a caller that doesn't know the parcel's articles.

        Raises NotAccepted, AlreadyUndone when the parcel was recalled or its key was stopped, Unavailable.
        """
        await self._admission.undo(request)
        row = await self._db.row(_KNOWN, {"key": request.key})
        status, answer = row or (None, None)
        if status in {"undone", "tombstone"}:
            raise AlreadyUndone(f"{request.key}: was undone and can't be done any more")
        if status is not None:
            return None if status == "refused" else Shipment.model_validate_json(answer)
        tracking = await self._carrier.find(request.key)
        try:
            return await self._record(request, tracking) if tracking else None
        except KeyReused as late:
            # A late attempt of the shipment wrote the receipt meanwhile; a retry reads it.
            raise Unavailable(str(late)) from late

    async def _record(
        self, request: CreateShipment | FindParcel, tracking: str | None, refusal: str | None = None
    ) -> Shipment:
        """Record the carrier's answer once, and return the first recorded answer."""
        answer = Shipment(tracking=tracking).model_dump_json(exclude={"attempt"}) if tracking else None
        values = {"order_id": request.order_id, "tracking": tracking}
        with begun():  # by the carrier's call
            stored = await _RECEIVER.do(self._db, request, refusal=refusal, answer=answer, **values)
        return Shipment.model_validate_json(stored)

    async def stop(self, request: CancelShipment) -> None:
        """Refuse any later booking of the key's parcel, even of one that the carrier has.

        Raises NotAccepted, AlreadySettled, Unavailable.
        """
        await self._admission.undo(request)
        await _RECEIVER.undo(self._db, request)

    async def cancel(self, request: CancelShipment, unit: Database | None = None) -> Recalled:
        """Recall the key's parcel, if there is one; raise NotAccepted, AlreadySettled, Unavailable.

        The parcel is recorded in the transaction `unit`, if given.
        """
        # The receipt is written first, as for a refund: after it no late parcel is booked.
        await self.stop(request)
        with begun():
            tracking = await self._carrier.cancel(request.key)
            if tracking is None:
                return Recalled()
            values = {"key": request.key, "order_id": request.order_id, "tracking": tracking}
            await (unit or self._db).rows(_RECALLED, values)
        return Recalled(tracking=tracking)

    async def receipts_of(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of an order or a slip, oldest first; `process` is its name in keys; raise Unavailable."""
        return await receipts_of(self._db, "shipping", process, "ship")

    async def settle(self, request: SettleShipment) -> Settled:
        """Make the key's parcel final; raise NotAccepted, NotFound, Final, Unavailable."""
        await self._admission.settle(request)
        await _RECEIVER.settle(self._db, request)
        return Settled()
