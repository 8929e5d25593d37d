"""I10: an effect that can't be undone is parked with its cause and one alert; every decision is audited."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.evidence.dossier import ALIVE, BY_HAND, UNDONE, Dossier
from tests.faults.evidence.messages import Letter
from tests.faults.evidence.runs import CUT_SHORT, EVER_PARKED, LogLine, ObservedProcess
from tests.faults.invariants.outbox import TIMED_OUT

SETTLED = BY_HAND | {"completed"}


def each_parked_effect_has_one_alert(dossier: Dossier) -> Iterator[str]:
    """Every effect that is or was parked has exactly one alert, with its cause; other alerts are of dead letters.

    A dead letter has none before the next round of the reconciler.
    """
    parked = {key for run in dossier.processes for key in _alerts_of(run)}
    may_be = parked | {f"{dossier.order_id}:{each.channel}:letter:{each.letter_id}" for each in dossier.letters}
    # A run that was ended from outside may have had no time to send its alert; its recovery sends it.
    must_be = {key for run in dossier.processes if run.status not in CUT_SHORT for key in _alerts_of(run)}
    raised = Counter(alert.key for alert in dossier.alerts)
    for key in sorted(must_be - raised.keys()):
        yield f"no alert was sent for the parked {key}"
    for key in sorted(raised.keys() - may_be):
        if not dossier.was_asked("delete"):  # the deleted history would explain the alert
            yield f"an alert was sent for {key}, but nothing was parked there"
    for key, count in raised.items():
        if count > 1:
            yield f"{count} alerts were sent for {key}"
    for alert in dossier.alerts:
        if not alert.failure.strip() or alert.at_risk < 0:
            yield f"the alert {alert.key} has no cause, or a negative amount at risk ({alert.at_risk})"


def _alerts_of(run: ObservedProcess) -> list[str]:
    """Return the keys of a run's alerts; the number in a key counts the effects parked before it."""
    waited = [line for line in run.log if line.status in EVER_PARKED]
    return [f"{run.order_id}:{line.step}:{line.direction}:{number}" for number, line in enumerate(waited)]


def each_parked_effect_has_a_cause(dossier: Dossier) -> Iterator[str]:
    """A parked effect has its cause and the number of its attempts."""
    for line in dossier.waiting:
        if not line.error or line.attempt < 1:
            yield f"the {line.direction} of {line.step} is parked without a cause, after {line.attempt} attempts"


def no_failed_undo_is_swallowed(dossier: Dossier) -> Iterator[str]:
    """In a run that ended as undone, every undo succeeded or was settled by an operator."""
    for run in dossier.processes:
        last = {line.step: line.status for line in run.log if line.direction == "undo"}
        failed = [step for step, status in last.items() if status not in SETTLED]
        if run.status != "running" and run.outcome in UNDONE | {"failed"} and failed:
            yield f"run {run.run_id} ended as {run.outcome}, but the undo of {', '.join(failed)} never succeeded"


def decisions_are_audited(dossier: Dossier) -> Iterator[str]:
    """Every decision has an actor and a reason, was requested, and explains the status of its effect."""
    decisions = [line for run in dossier.processes for line in run.log if line.direction == "resolve"]
    for line in decisions:
        if not (line.result and line.result.get("actor") and line.result.get("reason")):
            yield f"the decision {line.summary} on {line.step} has no actor or no reason"
        elif line.summary == "skip" and not line.result.get("evidence"):
            yield f"{line.step} was skipped without evidence"
    if decisions and not dossier.was_asked("resolve"):
        yield "a decision was made without a request"
    for run in dossier.processes:
        yield from _unexplained(run)
    if dossier.status == "failed" and not any(line.summary == "waive" for line in decisions):
        yield "the order failed without a waive"


def _unexplained(run: ObservedProcess) -> Iterator[str]:
    verbs = {"skipped": "skip", "waived": "waive"}
    decided = Counter((line.step, line.summary) for line in run.log if line.direction == "resolve")
    for line in run.log:
        if line.status in verbs and not decided[line.step, verbs[line.status]]:
            yield f"run {run.run_id}: {line.step} was {line.status} without a decision"


def every_accepted_decision_is_recorded(dossier: Dossier) -> Iterator[str]:
    """Every accepted decision is in the log; a decision that was sent twice is one decision with two answers."""
    made = {f"{line.step} {line.summary}" for line in _decisions(dossier)}
    accepted = {asked.detail for asked in dossier.asked if asked.op == "resolve" and asked.answer == "ok"}
    for what in sorted(accepted - made):
        if not dossier.was_asked("delete", "reset"):
            yield f"the decision {what} was accepted, but never made"


def _decisions(dossier: Dossier) -> list[LogLine]:
    return [line for run in dossier.processes for line in run.log if line.direction == "resolve"]


def one_dead_letter_with_its_cause(dossier: Dossier) -> Iterator[str]:
    """A blocked order has one open dead letter, complete with cause and attempts; a closed one has actor and reason.

    When an order goes back, a late forward event and an undo may be under way at the same time, and both may fail.
    """
    goes_back = any(event.type == TIMED_OUT for event in dossier.events)
    if len(dossier.dead) > 1 + goes_back:
        yield f"{len(dossier.dead)} dead letters are open: {', '.join(letter.message_id for letter in dossier.dead)}"
    for letter in dossier.letters:
        if letter.status in ALIVE and not (letter.cause.strip() and letter.original and _tried(letter)):
            yield f"the letter {letter.message_id} lacks its original, its cause or its attempts"
        if letter.status not in ALIVE and not _is_audited(letter):
            yield f"the letter {letter.message_id} is {letter.status}, without an actor or a reason"


def _tried(letter: Letter) -> bool:
    return letter.attempts > 0 or letter.status == "redriving"


def _is_audited(letter: Letter) -> bool:
    return any(line.action == letter.status and line.actor and line.reason for line in letter.audit)
