"""The types of processes that the reconciler sweeps: where their open processes stand, and how each is started."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from models.base import Message
from models.errors import Final
from models.money import Money
from models.names import (
    ORDER_WORKFLOW,
    RECOVERY_WORKFLOW,
    SLIP_RECOVERY_WORKFLOW,
    SLIP_WORKFLOW,
    ProcessKind,
    key,
    slip_process,
)
from models.order import Order
from models.problems import first_problem
from models.recovery import EffectReceipt, OpenProcess
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


class ReceiptsService(Protocol):
    """The port to the service of an order's first effect."""

    async def has_receipt(self, key: str) -> bool:
        """Return whether the service has received a do or an undo with the key."""
        ...


class SlipReceiptsService(Protocol):
    """The port to a service that a slip may call."""

    async def receipts_of_slip(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of a slip, oldest first."""
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

    async def untouched(self, process_id: str) -> bool:
        """Return whether no service has received a step of the process: then a start repeats no effect."""
        ...

    async def at_risk(self, process_id: str, found: OpenProcess, /) -> Money | None:
        """Return what the effects of a process that can't be recovered may cost, None when there are none."""
        ...


class OrderType:
    """Orders that a workflow runs."""

    kind, workflow, recovery = ProcessKind.ORDER, ORDER_WORKFLOW, RECOVERY_WORKFLOW

    def __init__(self, orders: OpenProcessesService, inventory: ReceiptsService) -> None:
        self.open, self._inventory = orders, inventory

    def body_of(self, found: OpenProcess) -> Order:
        """Return the order."""
        return parsed(Order, "order", found.body)

    async def untouched(self, process_id: str) -> bool:
        """Return whether the first step has no receipt."""
        return not await self._inventory.has_receipt(key(process_id, "reserve"))

    async def at_risk(self, process_id: str, found: OpenProcess) -> Money | None:
        """Return the price of an order that was begun: it may have been charged."""
        return None if await self.untouched(process_id) else found.total


class SlipType:
    """Routing slips; `services`: the activity that has an effect → the service with its receipts."""

    kind, workflow, recovery = ProcessKind.SLIP, SLIP_WORKFLOW, SLIP_RECOVERY_WORKFLOW

    def __init__(self, slips: OpenProcessesService, services: Mapping[str, SlipReceiptsService]) -> None:
        self.open, self._services = slips, services

    def body_of(self, found: OpenProcess) -> RoutingSlip:
        """Return the slip."""
        return parsed(RoutingSlip, "slip", found.body)

    async def receipts(self, process_id: str) -> list[tuple[str, EffectReceipt]]:
        """Return the receipts of a slip, oldest first, each with the activity that wrote it."""
        found = [
            (activity, receipt)
            for activity, service in self._services.items()
            for receipt in await service.receipts_of_slip(slip_process(process_id))
        ]
        return sorted(found, key=lambda each: each[1].at)

    async def untouched(self, process_id: str) -> bool:
        """Return whether the slip has no receipt anywhere."""
        return not await self.receipts(process_id)

    async def at_risk(self, process_id: str, _found: OpenProcess) -> Money | None:
        """Return the sum of the charges that are in force."""
        charged = [each.amount for _, each in await self.receipts(process_id) if each.amount and each.status == "done"]
        if not charged:
            return None
        return Money(amount=sum(each.amount for each in charged), currency=charged[0].currency)


def revisions_of(found: OpenProcess) -> tuple[tuple[Stop, ...], ...]:
    """Return the stops ahead after each recorded revision of a slip; raise Final when they can't be read."""
    try:
        return _REVISIONS.validate_json(found.revisions)
    except ValidationError as error:
        raise Final(f"the recorded revisions can't be read: {': '.join(first_problem(error))}") from None


class _Services(Protocol):
    """The services that processes call, as services.assembly has them."""

    @property
    def open_orders(self) -> OpenProcessesService: ...
    @property
    def open_slips(self) -> OpenProcessesService: ...
    @property
    def inventory(self) -> "_Inventory": ...
    @property
    def payments(self) -> SlipReceiptsService: ...
    @property
    def shipping(self) -> SlipReceiptsService: ...
    @property
    def wrapping(self) -> SlipReceiptsService: ...


class _Inventory(ReceiptsService, SlipReceiptsService, Protocol): ...


def order_type(services: _Services) -> OrderType:
    """Return the type of the orders."""
    return OrderType(services.open_orders, services.inventory)


def slip_type(services: _Services) -> SlipType:
    """Return the type of the slips."""
    by_activity: dict[str, SlipReceiptsService] = {
        "reserve_inventory": services.inventory,
        "charge_payment": services.payments,
        "wrap_gift": services.wrapping,
        "create_shipment": services.shipping,
    }
    return SlipType(services.open_slips, by_activity)


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
