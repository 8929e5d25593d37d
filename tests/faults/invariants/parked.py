"""I10: an effect that can't be undone is parked with one alert and its cause; a decision has a name and a reason."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.evidence.dossier import ALIVE, BY_HAND, EVER_PARKED, UNDONE, Dossier
from tests.faults.evidence.messages import Letter
from tests.faults.evidence.runs import CUT_SHORT, LogLine, ObservedProcess

SETTLED = BY_HAND | {"completed"}


def what_waits_was_told_once(dossier: Dossier) -> Iterator[str]:
    """There is exactly one alert for each effect that waits, or waited, for a person, with its cause; and no other."""
    may_be = {key for run in dossier.processes for key in _alerts_of(run)}
    # A run that was cut short may have had no time to tell: its recovery tells.
    must_be = {key for run in dossier.processes if run.status not in CUT_SHORT for key in _alerts_of(run)}
    raised = Counter(alert.key for alert in dossier.alerts)
    for key in sorted(must_be - raised.keys()):
        yield f"{key} is parked without an alert"
    for key in sorted(raised.keys() - may_be):
        if not dossier.was_asked("delete"):  # its history would tell
            yield f"{key} has an alert, and was never parked"
    for key, count in raised.items():
        if count > 1:
            yield f"{key} has {count} alerts"
    for alert in dossier.alerts:
        if not alert.failure.strip() or alert.at_risk < 0:
            yield f"the alert {alert.key} has no cause, or a wrong amount at risk: {alert.at_risk}"


def _alerts_of(run: ObservedProcess) -> list[str]:
    """The keys of a run's alerts: each counts how many waited before it."""
    waited = [line for line in run.log if line.status in EVER_PARKED]
    return [f"{run.order_id}:{line.step}:{line.direction}:{number}" for number, line in enumerate(waited)]


def what_waits_says_why(dossier: Dossier) -> Iterator[str]:
    """An effect that waits tells its cause and how often it was tried."""
    for line in dossier.waiting:
        if not line.error or line.attempt < 1:
            yield f"the {line.direction} of {line.step} is parked without a cause, after {line.attempt} attempts"


def no_failed_undo_is_swallowed(dossier: Dossier) -> Iterator[str]:
    """A run that ended as undone has seen every undo succeed, or a person settle it."""
    for run in dossier.processes:
        last = {line.step: line.status for line in run.log if line.direction == "undo"}
        failed = [step for step, status in last.items() if status not in SETTLED]
        if run.status != "running" and run.outcome in UNDONE | {"failed"} and failed:
            yield f"run {run.run_id} ended as {run.outcome}, and the undo of {', '.join(failed)} never succeeded"


def decisions_are_audited(dossier: Dossier) -> Iterator[str]:
    """Every decision names its actor and the reason, was asked for, and explains what it settled."""
    decisions = [line for run in dossier.processes for line in run.log if line.direction == "resolve"]
    for line in decisions:
        if not (line.result and line.result.get("actor") and line.result.get("reason")):
            yield f"the decision {line.summary} on {line.step} names no actor or no reason"
        elif line.summary == "skip" and not line.result.get("evidence"):
            yield f"{line.step} was skipped without evidence"
    if decisions and not dossier.was_asked("resolve"):
        yield "a decision was made without a request"
    for run in dossier.processes:
        yield from _unexplained(run)
    if dossier.status == "failed" and not any(line.summary == "waive" for line in decisions):
        yield "it failed without a waived effect"


def _unexplained(run: ObservedProcess) -> Iterator[str]:
    verbs = {"skipped": "skip", "waived": "waive"}
    decided = Counter((line.step, line.summary) for line in run.log if line.direction == "resolve")
    for line in run.log:
        if line.status in verbs and not decided[line.step, verbs[line.status]]:
            yield f"run {run.run_id}: {line.step} was {line.status} without a decision"


def every_yes_to_a_decision_is_kept(dossier: Dossier) -> Iterator[str]:
    """A decision that was taken stands in the log; clicked twice, it is one decision with two answers."""
    made = {f"{line.step} {line.summary}" for line in _decisions(dossier)}
    said = {asked.detail for asked in dossier.asked if asked.op == "resolve" and asked.answer == "ok"}
    for what in sorted(said - made):
        if not dossier.was_asked("delete", "reset"):
            yield f"the decision {what} was accepted, and never carried out"


def _decisions(dossier: Dossier) -> list[LogLine]:
    return [line for run in dossier.processes for line in run.log if line.direction == "resolve"]


def one_dead_letter_with_its_cause(dossier: Dossier) -> Iterator[str]:
    """What holds an order up is one open letter, whole, with its cause and attempts; a closed one says who and why."""
    if len(dossier.dead) > 1:
        yield f"{len(dossier.dead)} dead letters are open: {', '.join(letter.message_id for letter in dossier.dead)}"
    for letter in dossier.letters:
        if letter.status in ALIVE and not (letter.cause.strip() and letter.original and _tried(letter)):
            yield f"the letter {letter.message_id} lacks its original, its cause or its attempts"
        if letter.status not in ALIVE and not _closed_by_somebody(letter):
            yield f"the letter {letter.message_id} is {letter.status} without an actor or a reason"


def _tried(letter: Letter) -> bool:
    return letter.attempts > 0 or letter.status == "redriving"


def _closed_by_somebody(letter: Letter) -> bool:
    return any(line.action == letter.status and line.actor and line.reason for line in letter.audit)
