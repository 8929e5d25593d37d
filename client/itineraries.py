"""Check an itinerary before it is sent, by the code of its workflow; a separate module because the import is slow."""

from models.slips.slip import RoutingSlip
from workflows.routing_slip.itinerary import Itinerary


def check_itinerary(slip: RoutingSlip) -> None:
    """Raise InvalidInput, naming the stop, when the workflow would refuse the slip."""
    Itinerary(slip)
