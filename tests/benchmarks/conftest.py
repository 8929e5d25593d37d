"""A run of four systems, whose figures are round numbers."""

from typing import Any

import pytest


def stretch(rate: float, p50: float, cpu: dict[str, float]) -> dict[str, Any]:
    return {"per_second": rate, "p50": p50, "p99": 2 * p50, "cpu": cpu, "orders": 10, "seconds": 1.0}


def turn(name: str, rate: float, *, saga: bool) -> dict[str, Any]:
    cpu = {"server": 20.0, "worker": 10.0, "postgres": 5.0}
    taken = {"name": name, "round": 1, "alone": stretch(1, 1000 / rate, cpu), "load": stretch(rate, 30_000 / rate, cpu)}
    if saga:
        taken |= {"undo": stretch(1, 1500 / rate, cpu), "crash": {"seconds": 2.5, "in_flight": 40}}
    return taken


@pytest.fixture
def document() -> dict[str, Any]:
    rates = {"ours": 40.0, "by-hand": 10.0, "floor": 50.0, "other": 20.0}
    memory = {"server": 200.0, "worker": 100.0}
    tenths = [{"name": "ours", "kept": kept, "memory": memory, **stretch(rate, 10, {"server": 1.0})} for kept, rate in
              [(500, 40.0), (1000, 36.0)]]  # fmt: skip
    return {
        "made": "2030-01-01T00:00:00+00:00",
        "machine": {"cores": 2, "cpu": "a <fast> one", "memory_gb": 8.0},
        "versions": {"python": "3"},
        "plan": {"rounds": 1},
        "labels": {"ours": "ours", "by-hand": "by hand", "floor": "the floor", "other": "a & b"},
        "floors": ["floor"],
        "turns": [turn(name, rate, saga=name != "floor") for name, rate in rates.items()],
        "growth": tenths,
        "others_cores": 0.1,
    }
