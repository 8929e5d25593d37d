"""Findings of a hunter by kind: an invariant of the checker, or an expectation of the explorer.

Everything else is no finding: a vacuous case, a run that crashed.
"""

import re
from collections.abc import Iterator
from typing import Any

# Without I17: a run that did too little has found no bug.
INVARIANTS = tuple(f"I{number}" for number in range(1, 17))
EXPECTATIONS = {
    "end": re.compile(r"the order is .*, undone .*, expected "),
    "cancel": re.compile(r"the cancel was answered "),
    "late": re.compile(r"the late attempt ended with "),
    "still": re.compile(r"the worker was blocked for "),
}
# A bug at the edge of the system, which no case of the explorer reaches, is found by a test of its own.
TEST = "test"
KINDS = frozenset({*INVARIANTS, *EXPECTATIONS, TEST})
_INVARIANT = re.compile(r"(I\d+): ")

Finding = tuple[str, str]


def kind_of(sentence: str) -> str | None:
    """Return the kind of a sentence of the explorer, None when the sentence is no finding."""
    if invariant := _INVARIANT.match(sentence):
        return invariant[1] if invariant[1] in KINDS else None
    return next((kind for kind, words in EXPECTATIONS.items() if words.match(sentence)), None)


def findings(hunter: str, document: dict[str, Any]) -> list[Finding]:
    """Return the findings in a hunter's JSON report: pairs of a kind and a sentence with the place."""
    of_hunter = {"chaos": _of_chaos, "explore": _of_explorer, "test": _of_test}
    found = of_hunter[hunter](document)
    return [(kind, sentence) for kind, sentence in found if kind in KINDS]


def _of_chaos(document: dict[str, Any]) -> Iterator[Finding]:
    for each in document["violations"]:
        yield each["invariant"], f"{each['order_id'] or 'all'}: {each['told']}"


def _of_explorer(document: dict[str, Any]) -> Iterator[Finding]:
    problems = [(case["id"], problem) for case in document["cases"] for problem in case["problems"]]
    for place, problem in [*problems, *(("all", problem) for problem in document["findings"])]:
        if kind := kind_of(problem):
            yield kind, f"{place}: {problem.removeprefix(f'{kind}: ')}"


def _of_test(document: dict[str, Any]) -> Iterator[Finding]:
    for name in document["failed"]:
        yield TEST, f"{name}: failed"
