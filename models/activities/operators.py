"""What the activity that alerts operators is asked, and what it answers."""

from models.activities.base import Reply, Request


class Alert(Request):
    """An effect waits for a person: which, why, and the amount at risk in minor units."""

    step: str
    direction: str
    failure: str
    at_risk: int
    currency: str


class Alerted(Reply):
    """Whether this alert was heard of for the first time."""

    new: bool
