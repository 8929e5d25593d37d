"""The undo plan: the undos that would run now, and a hash that changes with them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from temporal_saga.calls import summary_of
from temporal_saga.decisions import risk_of

if TYPE_CHECKING:
    from temporal_saga.run import Run


@dataclass(frozen=True)
class PlannedUndo:
    """One undo that would run if the run were stopped now: its step, its key and the Web UI's summary.

    `at_risk` is the amount that the effect may cost; `irreversible` is what the undo can't restore, or empty.
    """

    step: str
    key: str
    summary: str
    at_risk: int
    irreversible: str


@dataclass(frozen=True)
class Plan:
    """The undos in the order in which they would run, and their hash (16 hex digits)."""

    undos: list[PlannedUndo]
    hash: str


def plan_of(run: "Run[Any]") -> Plan:
    """Return the current undo plan of a run."""
    undos = [
        PlannedUndo(s.name, run.key(s.name), summary_of(run, s.name, "undo", s.undo), risk_of(run, s), s.irreversible)
        for s in reversed(run.pending_undos)
        if s.undo
    ]
    document = json.dumps([run.process, run.pivoted, [asdict(undo) for undo in undos]], sort_keys=True)
    return Plan(undos, hashlib.sha256(document.encode()).hexdigest()[:16])
