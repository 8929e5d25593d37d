"""The undo preview: which undos would run now, and a hash that changes when they do."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from temporal_saga.run import Run


@dataclass(frozen=True)
class PlannedUndo:
    """One undo that would run if the saga were stopped now."""

    step: str
    key: str
    summary: str
    at_risk: int
    irreversible: str


@dataclass(frozen=True)
class Plan:
    """The undos in the order in which they would run, and their hash."""

    undos: list[PlannedUndo]
    hash: str


def plan_of(run: "Run[Any]") -> Plan:
    """Return the plan of a run as it is now."""
    undos = [
        PlannedUndo(s.name, run.key(s.name), s.undo.summary(run), s.at_risk(run), s.irreversible)
        for s in reversed(run.pending_undos)
        if s.undo
    ]
    said = json.dumps([run.process, run.pivoted, [asdict(undo) for undo in undos]], sort_keys=True)
    return Plan(undos, hashlib.sha256(said.encode()).hexdigest()[:16])
