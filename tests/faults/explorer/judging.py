"""What is wrong with each case: broken promises, which are never forgiven, and ends that it had not to come to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.checker import violations
from tests.faults.evidence.dossier import Dossier, dossiers
from tests.faults.evidence.evidence import Evidence
from tests.faults.explorer.expected import complaints
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import CANCELS
from tests.faults.injection.injecting import Notes

# Which step of the saga a step of the explorer is, where they are called differently.
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
    "express-reserve": "reserve",
    "express-charge": "charge",
    "express-ship": "ship",
}
_SLOW = ("Timeout: ", "NoWorker: ")


@dataclass
class CaseVerdict:
    """On one case: promises broken, complaints about its end, and whether the machine was too slow to tell."""

    broken: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    slow: bool = False

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong."""
        return self.broken + self.complaints

    @property
    def tells_nothing(self) -> bool:
        """Whether it has to be played again: no promise was broken, and what was to be seen was not."""
        return bool(self.complaints) and not self.broken and self.slow


def judge(
    cases: Sequence[Case], earlier: Sequence[Case], evidence: Evidence, notes: Notes, stranded: Mapping[str, str]
) -> tuple[dict[str, CaseVerdict], list[str]]:
    """Return the verdict on each case by its id, and what is wrong with none of them in particular.

    On the `earlier` cases judgement was given before.
    """
    known = {dossier.order_id: dossier for dossier in dossiers(evidence)}
    verdicts = {}
    for case in cases:
        dossier = known.get(case.id, Dossier(case.id))
        told = [stranded[case.id]] if case.id in stranded else []
        verdicts[case.id] = CaseVerdict([], told + complaints(case, dossier, notes), _is_slow(case, dossier, notes))
    return verdicts, _sorted(evidence, {case.id: case for case in (*cases, *earlier)}, verdicts)


def _sorted(evidence: Evidence, cases: Mapping[str, Case], verdicts: Mapping[str, CaseVerdict]) -> list[str]:
    """Add each violation to the case that it is about; return the others."""
    general = []
    for found in violations(evidence):
        told = f"{found.invariant}: {found.told}"
        # A finding about a workflow or a line of the log names its order in its text.
        about = found.order_id or next((name for name in cases if re.search(rf"\b{name}\b(?!-)", found.told)), "")
        if about not in cases:
            general.append(told)
        elif about in verdicts and not _may_be(cases[about], found.invariant):
            verdicts[about].broken.append(told)
    return general


def _may_be(case: Case, invariant: str) -> bool:
    """Whether a finding is no broken promise after all.

    A refusal that comes together with a cancel is undone with the rest, which changes nothing. A workflow that is
    terminated while it tells people leaves a history that doesn't know of it. And one that is terminated before its
    order was accepted has done nothing that anybody has to know of.
    """
    turned = case.step.refused and (case.fault in CANCELS or case.fault in {"deadline", "zombie-undone"})
    never = case.step.name == "validate" and case.fault.startswith("terminate")
    forgot = case.step.stage == "aside" and case.fault.startswith("terminate")
    return (invariant == "I8" and turned) or (invariant == "I10" and forgot) or (invariant == "I1" and never)


def _is_slow(case: Case, dossier: Dossier, notes: Notes) -> bool:
    """Whether something timed out that no fault was done to, or time ran out before the order came to its fault."""
    if case.path.deadline and _is_late(case, case.path.deadline, dossier, notes):
        return True
    touched = _SAGA_STEPS.get(case.step.name, case.step.name.removesuffix("-refused"))
    for run in dossier.processes:
        for line in run.log:
            if any(word in (line.error or "") for word in _SLOW) or (line.attempt > 1 and line.step != touched):
                return True
    return False


def _is_late(case: Case, deadline: int, dossier: Dossier, notes: Notes) -> bool:
    """Whether an order came to its fault only when its time had run out, or never."""
    hit = notes.read(case.rule.name, "hit") if case.rule else None
    placed = [asked.at for asked in dossier.asked if asked.op == "place"]
    return hit is None or not placed or hit["at"] > placed[0] + deadline
