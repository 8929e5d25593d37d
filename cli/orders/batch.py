"""`batch`: place many test orders, and measure throughput and latency."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from temporalio.client import RPCError

from cli import render
from cli.exits import Code, CommandEnded
from cli.intake import order_id
from cli.live import interruptible, no_worker
from cli.options import AsJson, ChosenStyle, Deadline, Express
from cli.orders.choreographed import refuse_for_choreographed
from cli.orders.mix import KINDS, kinds_of, read_mix, trial_order
from cli.output import Output
from cli.run import run_to_end
from client.orders import OrdersClient
from client.outages import error_of, is_outage
from client.placing import RunOptions
from client.progress import Seen
from models.errors import InvalidInput
from models.order import Order
from models.process import OrderResult, Style
from models.texts import holds_card_number
from orders import connect

Number = Annotated[int, typer.Argument(metavar="N", min=1, max=1_000_000, help="Number of orders.")]
Concurrency = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of orders at the same time.")]
Mix = Annotated[str, typer.Option(help=f"Shares of outcomes, such as ok=60,declined=10. Kinds: {', '.join(KINDS)}.")]
Name = Annotated[
    str | None, typer.Option(help="Prefix of the order ids; the same name again continues a stopped batch.")
]

# Places an order and waits; returns its result, and whether it was placed before.
Run = Callable[[Order], Awaitable[tuple[OrderResult, bool]]]


@dataclass
class Tally:
    """The results of a batch: statuses, seconds per order, and ids of orders that did not end as expected.

    `placed_before` counts the orders of an earlier batch of this name, which are neither counted nor measured again.
    """

    placed_before: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def batch(  # noqa: PLR0917 - one parameter for each option
    number: Number,
    concurrency: Concurrency = 30,
    mix: Mix = "ok=1",
    name: Name = None,
    deadline: Deadline = None,
    express: Express = None,
    style: ChosenStyle = Style.ORCHESTRATED,
    as_json: AsJson = False,
) -> None:
    """Place many test orders; exit code 0 when each order ended with the status of its kind."""
    shares = read_mix(mix)
    prefix = name or f"batch-{int(time.time())}"
    _check_ids(prefix, number)
    if style is Style.CHOREOGRAPHED:
        refuse_for_choreographed(express)
    kinds = list(kinds_of(shares, number))
    run_to_end(_batch(prefix, kinds, concurrency, RunOptions(deadline, express), style, Output(as_json)))


def _check_ids(prefix: str, number: int) -> None:
    """Raise InvalidInput when one of the order ids would be invalid."""
    order_id(f"{prefix}-{number}", "--name")
    if any(holds_card_number(f"{prefix}-{each}") for each in range(1, number + 1)):
        raise InvalidInput("--name", "makes an order id that looks like a card number; choose another name")


async def _batch(
    prefix: str, kinds: list[str], concurrency: int, options: RunOptions, style: Style, output: Output
) -> None:
    tally = Tally()
    output.note(f"orders {prefix}-1 to {prefix}-{len(kinds)}; if stopped, continue with --name {prefix}")
    async with connect() as orders:
        orders.tell_outages(output.note)
        silence = no_worker(output, f"batch {prefix}")
        run = await _runner(style, orders, lambda state: silence.heard(answer=state is not None))
        columns = (TextColumn("orders"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        began = time.monotonic()
        with Progress(*columns, console=output.notes) as progress:
            bar = progress.add_task("orders", total=len(kinds))
            waiting = iter(enumerate(kinds, start=1))

            async def work() -> None:
                for number, kind in waiting:
                    order = trial_order(kind, f"{prefix}-{number}", number)
                    await _one(orders.with_options(order, options), kind, run, tally)
                    progress.advance(bar)

            again = f"the placed orders go on; the same command with --name {prefix} continues the batch"
            failed: ExceptionGroup | None = None
            with interruptible(output, again):
                try:
                    async with asyncio.TaskGroup() as workers:
                        for _ in range(min(concurrency, len(kinds))):
                            workers.create_task(work())
                except ExceptionGroup as errors:
                    failed = errors
        elapsed = time.monotonic() - began
    _report(prefix, tally, elapsed, output)
    if failed:  # after the figures of the orders that did end
        _report_failure(failed, again, output)
    if tally.unexpected:
        raise CommandEnded(Code.NOT_COMPLETED)


def _report_failure(failed: ExceptionGroup, again: str, output: Output) -> None:
    """Write why a batch ended early; the answer, with the tally, has been written. Raise CommandEnded, or the error."""
    first = failed.exceptions[0]
    if not is_outage(first):
        raise failed
    known = error_of(first) if isinstance(first, RPCError) else first
    output.note(f"error: {known}")
    output.note(again)
    raise CommandEnded(Code.UNREACHABLE)


async def _runner(style: Style, orders: OrdersClient, seen: Seen) -> Run:
    """Return a function that places an order in this style and waits for its result; raise Unavailable."""
    await orders.connection.services()  # connect before the time is measured
    if style is Style.ORCHESTRATED:
        await orders.connection.temporal()

    async def run_by_events(order: Order) -> tuple[OrderResult, bool]:
        new = await orders.choreographed.place_patiently(order)
        return (await orders.choreographed.follow(order.order_id)).result, not new

    async def run_by_workflow(order: Order) -> tuple[OrderResult, bool]:
        placed = await orders.place_patiently(order)
        return await orders.result(placed, seen), placed.again

    return run_by_events if style is Style.CHOREOGRAPHED else run_by_workflow


async def _one(order: Order, kind: str, run: Run, tally: Tally) -> None:
    began = time.monotonic()
    result, again = await run(order)
    status = result.status
    if again:
        tally.placed_before += 1
    else:
        tally.seconds.append(time.monotonic() - began)
        tally.statuses[status] += 1
    if status is not KINDS[kind].ends:
        tally.unexpected.append(order.order_id)


def _report(prefix: str, tally: Tally, elapsed: float, output: Output) -> None:
    document = summary_of(tally, elapsed)
    shown = render.table("orders", "per second", "p50", "p90", "p99", "slowest", "outcomes")
    outcomes = ", ".join(f"{count} {status}" for status, count in document["outcomes"].items())
    latencies = [f"{seconds:.3f} s" for seconds in document["latency_seconds"].values()]
    shown.add_row(str(document["orders"]), f"{document['per_second']:.1f}", *latencies, outcomes)
    before = [f"{tally.placed_before} orders were placed before and are not counted"] if tally.placed_before else []
    output.answer({"name": prefix, **document}, shown, *before)
    if tally.unexpected:
        few = ", ".join(tally.unexpected[:5])
        output.note(f"error: {len(tally.unexpected)} orders did not end as expected: {few}")


def summary_of(tally: Tally, elapsed: float) -> dict[str, Any]:
    """Return the figures of a batch; `elapsed` and latencies are in seconds."""
    ordered = sorted(tally.seconds)
    at = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {
        "orders": len(ordered),
        "seconds": round(elapsed, 3),
        "per_second": round(len(ordered) / elapsed, 2),
        "latency_seconds": {name: round(percentile(ordered, share), 4) for name, share in at.items()},
        "outcomes": dict(tally.statuses.most_common()),
        "unexpected": tally.unexpected,
        "placed_before": tally.placed_before,
    }


def percentile(ordered: list[float], share: float) -> float:
    """Return the percentile of sorted values by nearest rank, 0 without values; `share` is between 0 and 1."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
