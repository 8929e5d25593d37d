"""Checking an itinerary before it is sent: by the same code as its workflow, which costs an import of workflows."""

from models.slips.slip import RoutingSlip
from workflows.routing_slip.itinerary import Itinerary


def check_itinerary(slip: RoutingSlip) -> None:
    """Do nothing when a workflow could follow the slip; else raise InvalidInput with the stop at fault."""
    Itinerary(slip)
