"""Request and reply of the activity that alerts operators."""

from models.activities.base import Reply, Request


class Alert(Request):
    """A parked effect: its step, its failure, and the amount at risk in minor units."""

    step: str
    direction: str
    failure: str
    at_risk: int
    currency: str


class Alerted(Reply):
    """The alert is recorded; `new` is whether this call recorded it."""

    new: bool
