"""A representative sample of the cases: each step, point and fault, and as many of their pairs as fit into a minute."""

from itertools import combinations
from random import Random

from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.cases import cases

SIZE = 56
SECONDS_AT_MOST = 20
SEED = 5


def representative(size: int = SIZE) -> list[Case]:
    """Return `size` quick cases that cover many pairs of style, step, point and fault; the sample is deterministic."""
    left = [case for case in cases() if case.seconds <= SECONDS_AT_MOST]
    # Among equal cases, prefer no step.
    Random(SEED).shuffle(left)  # noqa: S311 - a sample that is always the same
    chosen: list[Case] = []
    named: set[str] = set()
    covered: set[tuple[str, str]] = set()
    while left and len(chosen) < size:
        # A step, point or fault without a case comes first, even if only few cases have it.
        best = max(left, key=lambda case: (len(_names(case) - named), len(_pairs(case) - covered)))
        named |= _names(best)
        covered |= _pairs(best)
        chosen.append(best)
        left.remove(best)
    return chosen


def _names(case: Case) -> set[str]:
    return {f"{case.step.style} {case.step.name}", f"at {case.point}", f"fault {case.fault}"}


def _pairs(case: Case) -> set[tuple[str, str]]:
    return set(combinations(sorted(_names(case)), 2))
