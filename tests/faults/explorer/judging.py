"""Evaluates each case: violated invariants, which always count, and unexpected ends."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.checker import violations
from tests.faults.evidence.dossier import Dossier, dossiers
from tests.faults.evidence.evidence import Evidence
from tests.faults.explorer.expected import problems_of_end
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import CANCELS
from tests.faults.injection.injecting import Notes

# Step of the explorer → step of the saga, where the names differ.
_SAGA_STEPS = {
    "release": "reserve",
    "refund": "charge",
    "return_transfer": "charge",
    "expect_transfer": "charge",
    "book_transfer": "charge",
    "find_charge": "charge",
    "alert": "charge",
    "cancel_shipment": "ship",
    "find_shipment": "ship",
    "express-release": "reserve",
    "express-refund": "charge",
}
_SLOW = ("Timeout: ", "NoWorker: ")


@dataclass
class CaseResult:
    """The result of a case: violated invariants, unexpected ends, and whether the machine was too slow to decide."""

    broken: list[str] = field(default_factory=list)
    wrong_end: list[str] = field(default_factory=list)
    slow: bool = False

    @property
    def problems(self) -> list[str]:
        """All problems of the case."""
        return self.broken + self.wrong_end

    @property
    def is_inconclusive(self) -> bool:
        """Whether the case must run again: only the end was unexpected, and the machine was slow."""
        return bool(self.wrong_end) and not self.broken and self.slow


def judge(
    cases: Sequence[Case], earlier: Sequence[Case], evidence: Evidence, notes: Notes, stranded: Mapping[str, str]
) -> tuple[dict[str, CaseResult], list[str]]:
    """Return the results of `cases` by their ids, and the problems that belong to no case.

    `earlier` are cases with a result from an earlier round; `stranded`: case id → why the case did not end.
    """
    known = {dossier.order_id: dossier for dossier in dossiers(evidence)}
    results = {}
    for case in cases:
        dossier = known.get(case.id, Dossier(case.id))
        stranding = [stranded[case.id]] if case.id in stranded else []
        results[case.id] = CaseResult(
            [], stranding + problems_of_end(case, dossier, notes), _is_slow(case, dossier, notes)
        )
    return results, _sorted(evidence, {case.id: case for case in (*cases, *earlier)}, results)


def _sorted(evidence: Evidence, cases: Mapping[str, Case], results: Mapping[str, CaseResult]) -> list[str]:
    """Add each violation to the result of its case; return the others."""
    general = []
    for found in violations(evidence):
        problem = f"{found.invariant}: {found.problem}"
        # A violation about a workflow or a log line has its order only in the text.
        about = found.order_id or next((name for name in cases if re.search(rf"\b{name}\b(?!-)", found.problem)), "")
        if about not in cases:
            general.append(problem)
        elif about in results and not _is_allowed(cases[about], found.invariant, found.problem):
            results[about].broken.append(problem)
    return general


def _is_allowed(case: Case, invariant: str, problem: str) -> bool:
    """Return whether a violation is allowed in a case.

    A refusal that arrives together with a cancel is undone with the rest, which changes nothing. A workflow that is
    terminated during its alert leaves a history without the alert. A workflow that is terminated before its order was
    accepted has done nothing. A recall that fails without a dead letter is noticed by the watcher, unless the shipment
    has used up its attempts, and so undone the order, before.
    """
    deserted = case.step.name == "recall" and "OrderTimedOut" in problem and "never reached shipping" in problem
    turned = case.step.refused and (case.fault in CANCELS or case.fault in {"deadline", "zombie-undone"})
    never = case.step.name == "validate" and case.fault.startswith("terminate")
    forgot = case.step.stage == "aside" and case.fault.startswith("terminate")
    if invariant == "I9":
        return deserted and case.fault in {"errors", "final", "terminate"}
    return (invariant == "I8" and turned) or (invariant == "I10" and forgot) or (invariant == "I1" and never)


def _is_slow(case: Case, dossier: Dossier, notes: Notes) -> bool:
    """Return whether an untouched step timed out, or the deadline passed before the fault struck."""
    if case.path.deadline and _is_late(case, case.path.deadline, dossier, notes):
        return True
    touched = _SAGA_STEPS.get(case.step.name, case.step.name.removesuffix("-refused").removeprefix("express-"))
    for run in dossier.processes:
        for line in run.log:
            if any(word in (line.error or "") for word in _SLOW) or (line.attempt > 1 and line.step != touched):
                return True
    return False


def _is_late(case: Case, deadline: int, dossier: Dossier, notes: Notes) -> bool:
    """Return whether the fault struck only after the order's deadline, or never."""
    hit = notes.read(case.rule.name, "hit") if case.rule else None
    placed = [asked.at for asked in dossier.asked if asked.op == "place"]
    return hit is None or not placed or hit["at"] > placed[0] + deadline
