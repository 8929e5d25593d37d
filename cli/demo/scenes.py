"""The demo's five orders, and how they are displayed while they run and at the end."""

from dataclasses import dataclass, field
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from cli import render
from cli.demo.system import System
from cli.orders.mix import KINDS
from client.progress import Outcome
from models.order import Order
from models.process import OrderResult, ProcessState

SHOWN = {
    "ok": "every step succeeds",
    "declined": "card declined: the stock is released",
    "refused": "carrier refuses: refund, then release",
    "flaky": "card provider fails twice: retried",
    "lost_answer": "answer lost: found, not charged twice",
}


@dataclass
class Scene:
    """One order of the demo: its kind, its current state, its outcome."""

    kind: str
    order: Order
    state: ProcessState | None = None
    outcome: Outcome[OrderResult] | None = None

    @property
    def as_expected(self) -> bool:
        """Whether the order ended with the status of its kind."""
        return self.outcome is not None and self.outcome.result.status is KINDS[self.kind].ends


@dataclass
class Demo:
    """The demo's orders, and the problems that the checks found."""

    scenes: list[Scene]
    wrong: list[str] = field(default_factory=list)


def overview(scenes: list[Scene]) -> RenderableType:
    """Return the current state of all orders, one line each, without ids to stay narrow."""
    made = render.table("what happens", "status", "steps")
    for scene in scenes:
        status = render.styled(scene.state.status if scene.state else "starting")
        made.add_row(SHOWN[scene.kind].partition(":")[0], status, render.trail(scene.state))
    return made


def document(played: Demo, system: System) -> dict[str, Any]:
    """Return what `demo --json` prints."""
    orders = [
        {"kind": s.kind, "ui": system.page(s.order.order_id), "outcome": s.outcome and vars(s.outcome)}
        for s in played.scenes
    ]
    return {"orders": orders, "wrong": played.wrong, "ui_url": system.ui_url}


def shown(played: Demo, system: System) -> list[RenderableType]:
    """Return each order's steps, the summary, the check of stock and ledger, and the next commands."""
    parts: list[RenderableType] = []
    summary = render.table("order", "what happened", "status", "took")
    for scene in played.scenes:
        if scene.outcome is None:
            continue
        result, state = scene.outcome.result, scene.outcome.state
        title = Text(f"{scene.order.order_id} · {SHOWN[scene.kind]} · ", style="bold")
        parts += [title.append_text(render.styled(result.status)), render.steps(state.history if state else ())]
        parts.append(f"{system.page(scene.order.order_id)}\n")
        took = render.took(state.started_at, state.updated_at) if state else ""
        summary.add_row(scene.order.order_id, KINDS[scene.kind].what, render.styled(result.status), took)
    return [*parts, summary, *_closing(played, system)]


def _closing(played: Demo, system: System) -> list[str]:
    checked = "; ".join(played.wrong) or "only the completed orders changed stock and balances"
    balance = f"\nStock and ledger: {checked}."
    if system.joined:
        return [balance, f"\nThe servers keep running for the process that started them; Web UI: {system.ui_url}"]
    return [
        balance,
        "\nThe servers stop with the demo. `make up` starts them again, and shows these orders in the Web UI;",
        "then, in another terminal: `. .venv/bin/activate` and `python starter.py place FILE`.",
    ]
