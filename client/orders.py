"""The Python API of the order saga. `orders.connect()` returns a client for the settings in the environment."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

from client import commands
from client.books import Books, read_books
from client.choreographed import ChoreographedClient
from client.connection import Connection
from client.dead_letters import DeadLettersClient
from client.diagnosis.stuck import StuckReport, find_stuck
from client.handles import exists, handle_of, process_named
from client.history.recorded import RecordedHistory, history_of
from client.placing import OrderRun, Placed, RunOptions, place, place_within, recorded_run
from client.progress import Outcome, Seen, end_of, follow
from client.resolving import AT_ONCE, ParkedFilter, ParkedStep, Resolution, Selection, resolve_each, select
from client.settling import settled
from client.slips import SlipsClient
from client.state_store.listing import ListPage, list_orders, place_in
from client.state_store.state_store import StateStore
from client.status import ProcessStatus, status_of
from client.upkeep import Pruned, prune
from models.commands import CancelOrder, CommandAccepted, Resolve, UndoPlan
from models.errors import Conflict, NotFound
from models.external_events import EventAccepted, ExternalEvent
from models.names import ProcessKind, ProcessName
from models.order import Order
from models.process import OrderResult, ProcessState, Status
from models.slips.slip import SlipCommandAccepted

_AS_IT_IS = RunOptions()


class OrdersClient:
    """Client for orders and routing slips.

    A process is named by its id (`o-1`), its workflow id (`order-o-1`, `slip-s-1`) or its path (`orders/o-1`,
    `slips/s-1`); a path is never ambiguous. Every call may raise Unavailable: Temporal, the database or a worker does
    not answer. A call that takes a `process` or an `order` raises Conflict when the name is ambiguous.
    """

    def __init__(self, connection: Connection, defaults: RunOptions = _AS_IT_IS) -> None:
        self.connection, self._defaults = connection, defaults

    @cached_property
    def slips(self) -> SlipsClient:
        """The client for routing slips."""
        return SlipsClient(self.connection)

    @cached_property
    def choreographed(self) -> ChoreographedClient:
        """The client for choreographed orders."""
        return ChoreographedClient(self.connection)

    @cached_property
    def states(self) -> StateStore:
        """The process state store."""
        return StateStore(self.connection)

    @cached_property
    def dead_letters(self) -> DeadLettersClient:
        """The client for the dead letter channel."""
        return DeadLettersClient(self.connection)

    def with_options(self, order: Order, options: RunOptions = _AS_IT_IS) -> Order:
        """Return the order with these options; where neither sets a value, with the defaults of the client."""
        return options.on(order, self._defaults)

    def tell_outages(self, note: Callable[[str], None]) -> None:
        """Have the calls that wait report an outage that they outlast, in a line now and then."""
        self.connection.outages.note = note

    async def place(self, order: Order, options: RunOptions = _AS_IT_IS) -> Placed:
        """Place an order and return its run; the existing run when the order was placed before.

        Raises OrderRejected when the catalogue does not have an article or has another total, Conflict when another
        order has the id. No workflow is started in either case.
        """
        client, services = await self.connection.temporal(), await self.connection.services()
        return await place(self.with_options(order, options), client, services.orders)

    async def place_patiently(self, order: Order, options: RunOptions = _AS_IT_IS) -> Placed:
        """Place an order as `place`, and outlast an outage of a server that was reached before.

        An order that was placed by a call whose answer was lost is not reported as placed before.
        """
        placed, repeated = await self.connection.patiently(lambda: self.place(order, options))
        return replace(placed, again=False) if repeated else placed

    async def place_within(
        self, order: Order, seconds: float, options: RunOptions = _AS_IT_IS
    ) -> tuple[Placed, OrderResult]:
        """Place an order and return its outcome in one call, or its status after `seconds`.

        Raises as `place`. Raises Unavailable when no worker answers: the order is placed and runs once a worker does.
        """
        client, services = await self.connection.temporal(), await self.connection.services()
        placing = self.with_options(order, options)
        return await place_within(placing, client, services.orders, seconds, self.connection.outages)

    async def named(self, process: str) -> ProcessName:
        """Return the process that an id or path names; it need not exist."""
        return await process_named(process, self.connection)

    async def placed(self, order: str) -> Placed:
        """Return an order that was placed before; raise NotFound, Conflict when it is open without a workflow."""
        client, services = await self.connection.temporal(), await self.connection.services()
        name = await process_named(order, self.connection, [ProcessKind.ORDER])
        record, handle = await services.orders.find(name.id), handle_of(name, client)
        if await exists(handle):
            total = record.total if record else None
            return Placed(OrderRun(name.id, handle, services.orders, total), total, again=True)
        if record is None:
            raise NotFound(f"there is no {name}")
        if not record.status.final:
            raise Conflict(f"{name} is {record.status}, but its workflow is gone; the reconciler recovers it")
        return await recorded_run(record, client, services.orders)

    async def result(self, placed: Placed, seen: Seen = lambda _: None) -> OrderResult:
        """Wait until the order has ended, or waits for an operator or an event; return its result.

        `seen` gets the state every few seconds, None while no worker answers. Outlasts an outage of up to a minute.
        Raises WorkflowGone when the workflow was deleted before the order was closed.
        """
        if placed.run.known is not None:
            return placed.run.known
        return await end_of(placed.run, seen, outages=self.connection.outages)

    async def follow(self, placed: Placed, seen: Seen = lambda _: None, every: float = 0.1) -> Outcome[OrderResult]:
        """Wait as `result`; pass the state to `seen` every `every` seconds, None while no worker answers."""
        if placed.run.known is not None:
            return Outcome(placed.run.known)
        return await follow(placed.run, seen, every, self.connection.outages)

    async def status(self, process: str) -> ProcessStatus:
        """Return the status of a process; raise NotFound."""
        return await status_of(process, self.connection)

    async def plan(self, process: str) -> UndoPlan:
        """Return what a cancel would undo now, and the plan's hash; raise NotFound, Conflict when it has ended."""
        return await commands.plan(process, self.connection)

    async def cancel(self, process: str, command: CancelOrder) -> CommandAccepted | SlipCommandAccepted:
        """Cancel a process and undo its steps; raise NotFound, Conflict when it is too late or the plan is stale."""
        return await commands.cancel(process, command, self.connection)

    async def resolve(self, process: str, command: Resolve) -> CommandAccepted | SlipCommandAccepted:
        """Decide on a parked step; raise NotFound, Conflict when the decision is not possible."""
        return await commands.resolve(process, command, self.connection)

    async def settled(self, process: str, seconds: float, step: str | None = None) -> ProcessState | None:
        """Return the state once the process has ended or waits, else after `seconds`; None when no worker answers.

        With `step`, a process that waits stands still only when the decision on that step has taken effect.
        """
        name = await process_named(process, self.connection)
        return await settled(handle_of(name, await self.connection.temporal()), seconds, step, self.connection.outages)

    async def parked_steps(self, chosen: ParkedFilter, limit: int = AT_ONCE) -> Selection:
        """Return the steps that wait for an operator and that `chosen` selects, the most at risk first."""
        return await select(self.connection, chosen, limit)

    def resolve_each(
        self, selection: Sequence[ParkedStep], command: Resolve, seconds: float = 5.0
    ) -> AsyncIterator[Resolution]:
        """Decide on each selected step and yield what came of it; one whose failure came back before is not tried."""
        return resolve_each(self.connection, selection, command, seconds)

    async def deliver(self, order: str, event: ExternalEvent) -> EventAccepted:
        """Deliver an event, at most once per event id; raise NotFound, Conflict when the order refuses it."""
        return await commands.deliver_event(order, event, self.connection)

    async def history(self, process: str) -> RecordedHistory:
        """Return the attempts, times and errors of a process's activities; raise NotFound."""
        return await history_of(process, self.connection)

    async def list(self, status: Status | None = None, limit: int = 20, after: str | None = None) -> ListPage:
        """Return a page of orders, newest first; with NEEDS_ATTENTION, highest amount at risk first, and slips, too.

        `after` is the `following` of the previous page. Raises InvalidInput when it is not.
        """
        place = place_in(status, after)
        client, services = await self.connection.temporal(), await self.connection.services()
        return await list_orders(client, services, status, limit, place)

    async def stuck(self, older_than: timedelta = timedelta(minutes=5), limit: int = 200) -> StuckReport:
        """Return the processes without progress, each with its cause and a command that helps."""
        return await find_stuck(self.connection, older_than, limit)

    async def prune(self, days: int, *, dry_run: bool = False) -> Pruned:
        """Prune the orders and slips that ended more than `days` days ago, or count them; raise InvalidInput."""
        return await prune(self.connection, days, dry_run=dry_run)

    async def books(self) -> Books:
        """Return the stock of every article and the balance of every account."""
        return await read_books(await self.connection.services())
