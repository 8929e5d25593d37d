"""The reactions of the shipping service: ship a paid order, and recall the parcel of an order that timed out."""

from collections.abc import Mapping

from choreography.participant import Participant
from choreography.reaction import (
    AttemptsExhausted,
    Delivery,
    Reaction,
    Reply,
    TooLate,
    do_or_undo,
    with_reason,
    within_time_limit,
)
from messaging.idempotent_receiver.admission import AcceptedProcesses
from messaging.outbox.outbox import Outbox
from models.activities.shipping import CancelShipment, CreateShipment, FindParcel, SettleShipment, Shipment
from models.choreography import EventType
from models.errors import AlreadySettled, Final, ShipmentRefused
from models.names import key
from postgres.connection import begun
from postgres.database import Database
from providers.ports import Carrier
from services.shipping.shipping import Shipping


async def ship(delivery: Delivery[Shipping]) -> Reply:
    """Hand the parcel to the carrier: ShipmentCreated or ShipmentRefused; raise Unavailable to request redelivery."""
    order, shipping = delivery.data.order, delivery.service
    request = CreateShipment(
        key=key(order.order_id, "ship"), order_id=order.order_id, lines=order.lines, ship_to=order.ship_to
    )
    try:
        shipment = await do_or_undo(
            delivery,
            do=lambda: shipping.create(request),
            find=lambda: shipping.find(request),
            stop=lambda alone: alone.stop(_undo(delivery)),
            undo=lambda: _take_back(delivery),
        )
    except (ShipmentRefused, AttemptsExhausted) as refused:
        return EventType.SHIPMENT_REFUSED, with_reason(delivery.data, "ship", refused)
    # In the transaction of the event, after which an order only goes forward.
    with begun():  # by the carrier
        await shipping.settle(SettleShipment(key=request.key, order_id=order.order_id))
    return EventType.SHIPMENT_CREATED, delivery.data.model_copy(update={"tracking": shipment.tracking})


async def recall(delivery: Delivery[Shipping]) -> Reply:
    """Recall the parcel, if any: ShipmentRecalled; ShipmentCreated, so that the order goes on, when it is final."""
    try:
        await _take_back(delivery)
    except AlreadySettled:
        found = await _final(delivery)
        return EventType.SHIPMENT_CREATED, delivery.data.model_copy(update={"tracking": found.tracking, "reason": ""})
    return EventType.SHIPMENT_RECALLED, delivery.data


async def _final(delivery: Delivery[Shipping]) -> Shipment:
    """Return the parcel that can't be recalled; raise TooLate when its order is complete, so that nothing follows."""
    order_id = delivery.data.order.order_id
    try:
        found = await delivery.outside.find_by_key(FindParcel(key=key(order_id, "ship"), order_id=order_id))
    except AlreadySettled as complete:
        raise TooLate from complete
    if found is None:
        raise Final(f"{order_id}: its parcel is final, and the carrier does not have it")
    return found


async def _take_back(delivery: Delivery[Shipping]) -> None:
    # Outside of the transaction: the receipt that stops a late shipment must commit before the carrier is called.
    await within_time_limit(delivery.outside.cancel(_undo(delivery), delivery.unit))


def _undo(delivery: Delivery[Shipping]) -> CancelShipment:
    order_id = delivery.data.order.order_id
    return CancelShipment(key=key(order_id, "ship"), order_id=order_id)


REACTIONS: Mapping[EventType, Reaction[Shipping]] = {
    EventType.PAYMENT_CHARGED: ship,
    EventType.ORDER_TIMED_OUT: recall,
}


def participant(db: Database, carrier: Carrier, accepted: AcceptedProcesses) -> Participant[Shipping]:
    """Return the service as a participant, with its own database."""
    service = Shipping(db, carrier, accepted)
    return Participant(db, Outbox("shipping"), REACTIONS, service, lambda unit: Shipping(unit, carrier, accepted, db))
