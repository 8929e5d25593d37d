"""The data of a run's chart. `benchmarks/peers/drawing.py` draws the chart in the peers' environment."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.measuring import figures

Document = Mapping[str, Any]


def shown(document: Document) -> dict[str, Any]:
    """Return the figures of each system, rounded as in the tables, and a note on how they were measured."""
    rounds, cores = document["plan"]["rounds"], document["machine"]["cores"]
    return {
        "note": f"{rounds} rounds, medians; {cores} cores",
        "systems": [system(document, name, label) for name, label in document["labels"].items()],
    }


def system(document: Document, name: str, label: str) -> dict[str, Any]:
    """Return one row of the chart."""
    turns = figures.turns_of(document, name)
    by_role = {role: figures.median(figures.with_role(turns, role), f"load.cpu.{role}") for role in figures.ROLES}
    return {
        "label": label,
        "kind": kind(name, document["floors"]),
        "per_second": rounded(figures.median(turns, "load.per_second")),
        "alone": rounded(figures.median(turns, "alone.p50")),
        "cpu": rounded(figures.median(turns, "load.cpu")),
        "cpu_by_role": {role: rounded(found) for role, found in by_role.items() if found is not None},
    }


def kind(name: str, floors: Sequence[str]) -> str:
    """Return the kind of a system, which decides the colour of its bars."""
    return "ours" if name.startswith("ours") else "floor" if name in floors else "other"


def rounded(found: float | None) -> float | None:
    """Return a figure rounded as in the tables; None when it was not measured."""
    return None if found is None else round(found, 1)


def written(document: Document) -> str:
    """Return the chart's data as the JSON that the drawing reads."""
    return json.dumps(shown(document), indent=1) + "\n"
