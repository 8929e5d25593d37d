"""The shipping service's part: it ships what is paid, and takes the parcel of an order that ran out of time back."""

from choreography.reaction import TRIES, Heard, Reply, answered, because, give_up, landed
from models.errors import ShipmentRefused, Unavailable
from models.names import key
from models.order_events import EventType
from models.steps import CancelShipment, CreateShipment
from services.shipping import Shipping


async def ship(heard: Heard) -> Reply:
    """Hand the parcel over: ShipmentCreated or ShipmentRefused; raise Unavailable to be asked again."""
    order, shipping = heard.facts.order, Shipping(heard.unit, heard.parties.carrier)
    asked = CreateShipment(
        key=key(order.order_id, "ship"), order_id=order.order_id, lines=order.lines, ship_to=order.ship_to
    )
    given_up = Unavailable("every attempt failed")
    if heard.attempt <= TRIES:
        try:
            shipment = await answered(shipping.create(asked))
        except ShipmentRefused as refused:
            return EventType.SHIPMENT_REFUSED, because(heard.facts, "ship", refused)
        except Unavailable as error:
            if heard.attempt < TRIES:
                raise
            given_up = error
        else:
            return EventType.SHIPMENT_CREATED, heard.facts.model_copy(update={"tracking": shipment.tracking})
    if await landed(shipping.find(asked)):
        return EventType.SHIPMENT_CREATED, heard.facts
    await give_up(heard, lambda alone: Shipping(alone, heard.parties.carrier).stop(_undo(heard)))
    await _take_back(heard)
    return EventType.SHIPMENT_REFUSED, because(heard.facts, "ship", given_up)


async def recall(heard: Heard) -> Reply:
    """Take the parcel back, if there is one: ShipmentRecalled."""
    await _take_back(heard)
    return EventType.SHIPMENT_RECALLED, heard.facts


async def _take_back(heard: Heard) -> None:
    # Not on the unit alone: the receipt must stop a late parcel before the carrier is asked.
    shipping = Shipping(heard.parties.db, heard.parties.carrier)
    await answered(shipping.cancel(_undo(heard), heard.unit))


def _undo(heard: Heard) -> CancelShipment:
    order_id = heard.facts.order.order_id
    return CancelShipment(key=key(order_id, "ship"), order_id=order_id)
