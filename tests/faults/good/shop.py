"""A small model of the shop that writes the evidence of the real parts, one effect at a time."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from tests.faults.evidence.evidence import Asked, Evidence
from tests.faults.evidence.records import OrderRow, Style
from tests.faults.evidence.runs import LogLine, ObservedProcess, Replay
from tests.faults.good.books import LINES, TOTAL, GoodBooks
from tests.faults.good.snapshots import OPENING, snapshot_of
from tests.faults.invariants.endings import workflow_of

DONE = "completed"


class GoodShop(GoodBooks):
    """The records, the orders, and the saga log of each order's current run."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, list[LogLine]] = defaultdict(list)
        self.began: dict[str, float] = {}
        self.snapshot()

    def ask(self, op: str, order: str, answer: Literal["ok", "refused", "unknown"] = "ok", detail: str = "") -> None:
        self.add("asked", Asked(self.tick(), op, order, answer, detail))

    def place(self, order: str, style: Style = "orchestrated", method: str = "card") -> None:
        self.ask("place", order, detail=f"body of {order}")
        total, lines = (None, {}) if style == "slip" else (TOTAL, LINES)
        row = OrderRow(order, style, "running", "", total, f"body of {order}", lines, self.tick(), None, method)
        self.add("orders", row)
        if style != "choreographed":
            self.began[order] = self.tick()

    def close(self, order: str, status: str) -> None:
        self.change("orders", order, status=status, closed_at=self.tick())
        self.snapshot()

    def settle(self, order: str, step: str) -> None:
        """Make the effect of a step final."""
        key = f"{order}:{step}"
        self.change("receipts", key, status="settled")
        if self.receipt(key).service == "payments":
            self.book(order, key, "settle", "held", "revenue")

    @contextmanager
    def step(
        self, order: str, step: str, direction: str = "do", status: str = "completed", **more: Any
    ) -> Iterator[str]:
        """Yield the key of a step; afterwards append the step to the order's log."""
        started = self.tick()
        yield f"{order}:{step}"
        line = LogLine(step, direction, status, 1, started, self.tick(), f"{direction} {step}")
        self.logs[order].append(replace(line, **more))

    def run(self, order: str, status: str, outcome: str | None, kind: str = "OrderWorkflow", failure: str = "") -> None:
        """Record the current run of an order with this status, which may be `running`."""
        run_id = f"run {len(self.tables['processes']) + 1}"
        log = tuple(self.logs.pop(order, ()))
        closed = None if status == "running" else self.tick()
        process = ObservedProcess(
            workflow_of(order), run_id, kind, order, status, outcome, "start", self.began[order], closed, log, failure
        )
        self.add("processes", process)
        self.add("replays", Replay(process.workflow_id, run_id))

    def snapshot(self) -> None:
        self.add("snapshots", snapshot_of(self.tables, self.tick()))

    def evidence(self) -> Evidence:
        self.snapshot()
        tables: dict[str, Any] = {name: tuple(rows) for name, rows in self.tables.items()}
        return Evidence(**tables, opening_stock=OPENING, gathered_at=self.now, healed_at=None)
