"""The arithmetic of the benchmarks: percentiles of one turn, medians over the rounds, ratios within a round."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Turn = Mapping[str, Any]
ROLES = ("server", "worker", "client", "postgres")


def turns_of(document: Mapping[str, Any], name: str) -> list[Turn]:
    """Return the turns of one system."""
    return [turn for turn in document["turns"] if turn["name"] == name]


def with_role(turns: Iterable[Turn], role: str) -> list[Turn]:
    """Return the turns of a system that has a process of this role."""
    return [turn for turn in turns if role in turn.get("load", {}).get("cpu", {})]


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that this share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no order ended within the time that was measured")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def sample(milliseconds: Sequence[float], seconds: float, cpu: Mapping[str, float]) -> dict[str, Any]:
    """Return the figures of one measured part of a turn: rate, latencies, and the CPU in ms of one order by role."""
    orders = len(milliseconds)
    return {
        "orders": orders,
        "seconds": round(seconds, 3),
        "per_second": orders / seconds,
        "p50": percentile(milliseconds, 0.5),
        "p99": percentile(milliseconds, 0.99),
        "cpu": {role: used / orders * 1000 for role, used in cpu.items()},
    }


def value(turn: Turn, figure: str) -> float:
    """Return one figure of a turn by its name, such as `load.per_second` or `load.cpu`, which is the sum of the roles.

    `undo_ratio` compares the way back with the way forward, each alone.
    """
    if figure == "undo_ratio":
        return value(turn, "undo.p50") / value(turn, "alone.p50")
    found: Any = turn
    for part in figure.split("."):
        found = found[part]
    return float(sum(found.values()) if isinstance(found, Mapping) else found)


def median(turns: Iterable[Turn], figure: str) -> float | None:
    """Return the median of a figure over the rounds; None when it was not measured."""
    values = [value(turn, figure) for turn in turns if figure.partition(".")[0].removesuffix("_ratio") in turn]
    return statistics.median(values) if values else None


def ratio(turns: Sequence[Turn], base: Sequence[Turn], figure: str) -> float | None:
    """Return the median of the ratios within each round; None when no round has both."""
    found = ratios(turns, base, figure)
    return statistics.median(found) if found else None


def ratios(turns: Sequence[Turn], base: Sequence[Turn], figure: str) -> list[float]:
    """Return the ratio within each round that both were in: noise of a round affects both, and cancels out."""
    others = {turn["round"]: turn for turn in base}
    stretch = figure.partition(".")[0]
    pairs = [(turn, others[turn["round"]]) for turn in turns if turn["round"] in others]
    return [value(turn, figure) / value(other, figure) for turn, other in pairs if stretch in turn and stretch in other]
