"""The types of processes that the reconciler sweeps: where their open processes stand, and how each is started.

Only what the services of orders and slips have themselves: a worker of `orders` can't read another service's receipts.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from activities.lost_slips import charges_of
from models.base import Message
from models.errors import Final
from models.money import Money
from models.names import (
    ORDER_WORKFLOW,
    RECOVERY_WORKFLOW,
    SLIP_RECOVERY_WORKFLOW,
    SLIP_WORKFLOW,
    ProcessKind,
)
from models.order import Order
from models.problems import first_problem
from models.recovery import OpenProcess
from models.slips.slip import RoutingSlip, Stop

M = TypeVar("M", bound=Message)
_REVISIONS: TypeAdapter[tuple[tuple[Stop, ...], ...]] = TypeAdapter(tuple[tuple[Stop, ...], ...])


class OpenProcessesService(Protocol):
    """The port to the service that accepts the processes of one type."""

    async def page(self, after: str | None, limit: int, grace: float) -> list[str]:
        """Return the ids of up to `limit` open processes older than `grace` seconds, in order, after the id `after`."""
        ...

    async def ages(self, age: float) -> tuple[int, int]:
        """Return the number of open processes, and of those older than `age` seconds."""
        ...

    async def read(self, found: str, /) -> OpenProcess | None:
        """Return an open process, None when it is closed or unknown."""
        ...

    async def outcome(self, found: str, /) -> tuple[str, str] | None:
        """Return the status and the reason of a closed process, None while it is open."""
        ...


class ProcessType(Protocol):
    """One type of process; `workflow` starts a process, and `recovery` completes or undoes a lost one."""

    kind: ProcessKind
    workflow: str
    recovery: str
    open: OpenProcessesService

    def body_of(self, found: OpenProcess) -> Message:
        """Return the accepted body, which is the input of `workflow`; raise Final when it can't be read."""
        ...

    def at_risk(self, found: OpenProcess) -> Money | None:
        """Return what the effects of a process may cost at most, as far as its own record says; raise Final."""
        ...


class OrderType:
    """Orders that a workflow runs."""

    kind, workflow, recovery = ProcessKind.ORDER, ORDER_WORKFLOW, RECOVERY_WORKFLOW

    def __init__(self, orders: OpenProcessesService) -> None:
        self.open = orders

    def body_of(self, found: OpenProcess) -> Order:
        """Return the order."""
        return parsed(Order, "order", found.body)

    def at_risk(self, found: OpenProcess) -> Money | None:
        """Return the price: the order may have been charged."""
        return found.total


class SlipType:
    """Routing slips."""

    kind, workflow, recovery = ProcessKind.SLIP, SLIP_WORKFLOW, SLIP_RECOVERY_WORKFLOW

    def __init__(self, slips: OpenProcessesService) -> None:
        self.open = slips

    def body_of(self, found: OpenProcess) -> RoutingSlip:
        """Return the slip."""
        return parsed(RoutingSlip, "slip", found.body)

    def at_risk(self, found: OpenProcess) -> Money | None:
        """Return the sum of the amounts that are in the slip; one that an earlier stop answers is not known here."""
        try:
            revisions = revisions_of(found)
        except Final:
            revisions = ()
        return charges_of(self.body_of(found), revisions)


def revisions_of(found: OpenProcess) -> tuple[tuple[Stop, ...], ...]:
    """Return the stops ahead after each recorded revision of a slip; raise Final when they can't be read."""
    try:
        return _REVISIONS.validate_json(found.revisions)
    except ValidationError as error:
        raise Final(f"the recorded revisions can't be read: {': '.join(first_problem(error))}") from None


class _Services(Protocol):
    """The services that accept processes, as services.assembly has them."""

    @property
    def open_orders(self) -> OpenProcessesService: ...
    @property
    def open_slips(self) -> OpenProcessesService: ...


def order_type(services: _Services) -> OrderType:
    """Return the type of the orders."""
    return OrderType(services.open_orders)


def slip_type(services: _Services) -> SlipType:
    """Return the type of the slips."""
    return SlipType(services.open_slips)


def process_types(services: _Services) -> Sequence[ProcessType]:
    """Return every type of process that a workflow runs, in the order in which a round examines them."""
    return order_type(services), slip_type(services)


def parsed(kind: type[M], what: str, body: str) -> M:
    """Return a stored body as a message; raise Final when it can't be read."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        field, problem = first_problem(error)
        raise Final(f"the stored {what} can't be read: {field or what}: {problem}") from None
