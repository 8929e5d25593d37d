"""What a service with its own database asks the orders: what was accepted of an order or a slip."""

from models.accepted import AcceptedProcess
from models.base import Message


class FindAccepted(Message):
    """The process by its name in keys, and the activity of the asking service: only its steps are answered."""

    process: str
    activity: str


class FoundAccepted(Message):
    """The accepted process, None when there is none."""

    accepted: AcceptedProcess | None
