"""I11, I12 and I15: Temporal and the tables agree, every history replays, and all orders ended in time."""

from collections.abc import Iterator

from tests.faults.evidence.dossier import STANDING, UNDONE, Dossier
from tests.faults.evidence.evidence import Evidence
from tests.faults.evidence.runs import CUT_SHORT, ObservedProcess

# Causes of a failed workflow task that are no bug: a cancel or a reset came meanwhile, or the server moved the task.
HARMLESS = {
    "UNHANDLED_COMMAND",
    "RESET_WORKFLOW",
    "RESET_STICKY_TASK_QUEUE",
    "FORCE_CLOSE_COMMAND",
    "FAILOVER_CLOSE_COMMAND",
}
COMPENSATED = {"OrderCompensated", "SlipCompensated"}
# The longest undo takes 90 s; the reconciler runs every minute, for orders that are older than ten seconds.
SECONDS_TO_END = 180.0


def temporal_agrees(dossier: Dossier) -> Iterator[str]:
    """The last run of an order, or a choreographed order's last event, agrees with the table."""
    if dossier.final and dossier.style == "choreographed":
        wanted = "OrderCompleted" if dossier.status == "completed" else "OrderFailed"
        ends = [event.type for event in dossier.events if event.type in {"OrderCompleted", "OrderFailed"}]
        if ends and set(ends) != {wanted}:
            yield f"the order is {dossier.status}, but its last event is {', '.join(ends)}"
    elif dossier.final and dossier.last is None and not dossier.was_asked("delete"):
        yield f"the order is {dossier.status}, but no workflow ever ran"
    elif dossier.final and dossier.last:
        difference = _disagreement(dossier, dossier.last)
        if difference:
            yield f"the order is {dossier.status}, but its workflow {difference}"


def _disagreement(dossier: Dossier, run: ObservedProcess) -> str | None:
    if run.status == "running":
        return "still runs"
    if run.status in CUT_SHORT:
        return None if dossier.was_asked("terminate", "reset") else f"was {run.status}"
    if run.status == "failed" and run.failure not in COMPENSATED:
        return f"failed: {run.failure}"
    if not _is_consistent(run.status, run.outcome, resumed=run.type.startswith("Recover")):
        return f"ended as {run.status}, with the outcome {run.outcome}"
    # A lost run and its recovery may differ in the kind of undo: the one that closed the order first decides.
    same = {run.outcome, dossier.status} <= UNDONE and len(dossier.processes) > 1
    return None if run.outcome == dossier.status or same else f"has the outcome {run.outcome}"


def _is_consistent(status: str, outcome: str | None, *, resumed: bool) -> bool:
    """Return whether a run's status fits its outcome; a recovery that found the order closed completes."""
    if status == "completed":
        return outcome in STANDING or resumed
    return outcome == "cancelled" if status == "canceled" else outcome in {"compensated", "failed"}


def no_workflow_task_failed(evidence: Evidence) -> Iterator[str]:
    """No workflow task failed because of the workflow's code."""
    for run in evidence.processes:
        failures = [cause for cause in run.task_failures if cause not in HARMLESS]
        if failures:
            yield f"{run.workflow_id}, run {run.run_id}: workflow tasks failed: {', '.join(failures)}"


def every_history_replays(evidence: Evidence) -> Iterator[str]:
    """The current code replays every run."""
    replayed = {replay.run_id for replay in evidence.replays}
    for replay in evidence.replays:
        if replay.error:
            yield f"{replay.workflow_id}, run {replay.run_id}: {replay.error}"
    for run in evidence.processes:
        if run.run_id not in replayed:
            yield f"{run.workflow_id}, run {run.run_id}: was not replayed"


def all_ended_in_time(evidence: Evidence) -> Iterator[str]:
    """After the last fault, every order without an operator's help ended within SECONDS_TO_END."""
    if evidence.healed_at is None:
        return
    late = {line.order_id for line in evidence.alerts} | {letter.order_id for letter in evidence.letters}
    late |= {asked.order_id for asked in evidence.asked if asked.op in {"resolve", "deliver", "redrive"}}
    for row in evidence.orders:
        began = max(evidence.healed_at, row.created_at)
        if row.closed_at and row.closed_at - began > SECONDS_TO_END and row.order_id not in late:
            yield f"{row.order_id}: ended {row.closed_at - began:.0f} s after the last fault"


def the_last_orders_complete(evidence: Evidence) -> Iterator[str]:
    """Orders that were placed after the last fault are completed."""
    if evidence.healed_at is None:
        return
    status = {row.order_id: row.status for row in evidence.orders}
    for asked in evidence.asked:
        if asked.op != "place" or asked.at < evidence.healed_at:
            continue
        if asked.answer != "ok" or status.get(asked.order_id, "completed") != "completed":
            ended = status.get(asked.order_id)
            yield f"{asked.order_id}: was placed after the last fault; answer {asked.answer}, status {ended}"
