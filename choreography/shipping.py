"""The reactions of the shipping service: ship a paid order, and recall the parcel of an order that timed out."""

from choreography.reaction import AttemptsExhausted, Delivery, Reply, do_or_undo, with_reason, within_time_limit
from models.activities.shipping import CancelShipment, CreateShipment, FindParcel, SettleShipment
from models.choreography import EventType
from models.errors import AlreadySettled, ShipmentRefused
from models.names import key


async def ship(delivery: Delivery) -> Reply:
    """Hand the parcel to the carrier: ShipmentCreated or ShipmentRefused; raise Unavailable to request redelivery."""
    order, shipping = delivery.data.order, delivery.services.shipping
    request = CreateShipment(
        key=key(order.order_id, "ship"), order_id=order.order_id, lines=order.lines, ship_to=order.ship_to
    )
    try:
        shipment = await do_or_undo(
            delivery,
            do=lambda: shipping.create(request),
            find=lambda: shipping.find(request),
            stop=lambda services: services.shipping.stop(_undo(delivery)),
            undo=lambda: _take_back(delivery),
        )
    except (ShipmentRefused, AttemptsExhausted) as refused:
        return EventType.SHIPMENT_REFUSED, with_reason(delivery.data, "ship", refused)
    # In the transaction of the event, after which an order only goes forward.
    await shipping.settle(SettleShipment(key=request.key, order_id=order.order_id))
    return EventType.SHIPMENT_CREATED, delivery.data.model_copy(update={"tracking": shipment.tracking})


async def recall(delivery: Delivery) -> Reply:
    """Recall the parcel, if any: ShipmentRecalled; ShipmentCreated, so that the order goes on, when it is final."""
    try:
        await _take_back(delivery)
    except AlreadySettled:
        order_id = delivery.data.order.order_id
        found = await delivery.outside.shipping.find_by_key(FindParcel(key=key(order_id, "ship"), order_id=order_id))
        if found is None:
            raise
        return EventType.SHIPMENT_CREATED, delivery.data.model_copy(update={"tracking": found.tracking, "reason": ""})
    return EventType.SHIPMENT_RECALLED, delivery.data


async def _take_back(delivery: Delivery) -> None:
    # Outside of the transaction: the receipt that stops a late shipment must commit before the carrier is called.
    await within_time_limit(delivery.outside.shipping.cancel(_undo(delivery), delivery.services.db))


def _undo(delivery: Delivery) -> CancelShipment:
    order_id = delivery.data.order.order_id
    return CancelShipment(key=key(order_id, "ship"), order_id=order_id)
