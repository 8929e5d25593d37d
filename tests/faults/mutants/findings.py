"""What a hunter found wrong, by kind: an invariant of the checker, or an expectation of the explorer.

What is not named here is no finding: a case that was vacuous, a run that crashed.
"""

import re
from collections.abc import Iterator
from typing import Any

# I17 says that too little was done: that is no bug found.
INVARIANTS = tuple(f"I{number}" for number in range(1, 17))
EXPECTATIONS = {
    "end": re.compile(r"it is .* and must be "),
    "cancel": re.compile(r"the cancel was answered "),
    "late": re.compile(r"its late attempt was answered "),
    "still": re.compile(r"its worker stood still "),
}
KINDS = frozenset({*INVARIANTS, *EXPECTATIONS})
_INVARIANT = re.compile(r"(I\d+): ")

Finding = tuple[str, str]


def kind_of(told: str) -> str | None:
    """Return which kind of finding a sentence of the explorer is, None when it is none."""
    if invariant := _INVARIANT.match(told):
        return invariant[1] if invariant[1] in KINDS else None
    return next((kind for kind, words in EXPECTATIONS.items() if words.match(told)), None)


def findings(hunter: str, document: dict[str, Any]) -> list[Finding]:
    """Return the findings of a hunter's report: the kind of each, and where and what in a sentence."""
    found = _of_chaos(document) if hunter == "chaos" else _of_explorer(document)
    return [(kind, told) for kind, told in found if kind in KINDS]


def _of_chaos(document: dict[str, Any]) -> Iterator[Finding]:
    for each in document["violations"]:
        yield each["invariant"], f"{each['order_id'] or 'all'}: {each['told']}"


def _of_explorer(document: dict[str, Any]) -> Iterator[Finding]:
    told = [(case["id"], problem) for case in document["cases"] for problem in case["problems"]]
    for place, problem in [*told, *(("all", problem) for problem in document["findings"])]:
        if kind := kind_of(problem):
            yield kind, f"{place}: {problem.removeprefix(f'{kind}: ')}"
