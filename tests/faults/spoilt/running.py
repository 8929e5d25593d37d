"""Bad histories of workflows, of time and of logs: I11, I12, I14, I15 and I16."""

from tests.faults.evidence.evidence import Asked, LogLine
from tests.faults.evidence.records import OrderRow
from tests.faults.spoilt.histories import Bad, added, changed, dropped

LATE = 9000.0
FAILED = "OrderCompensated"


def _too_late(row: OrderRow) -> float:
    return row.created_at + 400


BAD = [
    Bad(
        "a workflow still runs after its order ended",
        "I11",
        changed("processes", {"order_id": "o-done"}, status="running", closed_at=None),
    ),
    Bad(
        "a workflow's outcome differs from the table",
        "I11",
        changed(
            "processes", {"order_id": "o-cancelled"}, status="failed", outcome="compensated", failure="OrderCompensated"
        ),
    ),
    Bad(
        "a workflow ended with the wrong status",
        "I11",
        changed("processes", {"order_id": "o-done"}, status="failed", failure=FAILED),
    ),
    Bad(
        "a workflow was terminated without a request",
        "I11",
        changed("processes", {"order_id": "o-declined"}, status="terminated"),
    ),
    Bad(
        "a workflow timed out",
        "I11",
        changed("processes", {"order_id": "o-declined"}, status="timed_out"),
    ),
    Bad(
        "a workflow failed with a bug's exception",
        "I11",
        changed("processes", {"order_id": "o-declined"}, failure="KeyError"),
    ),
    Bad("an order ended without a workflow", "I11", dropped("processes", order_id="o-declined")),
    Bad(
        "a workflow's code failed in a task",
        "I11",
        changed("processes", {"order_id": "o-done"}, task_failures=("NON_DETERMINISTIC_ERROR",)),
    ),
    Bad(
        "a choreographed order's last event contradicts the table",
        "I9 I11",
        changed("events", {"event_id": "c-done 7"}, type="OrderFailed"),
    ),
    Bad("a history does not replay", "I12", changed("replays", {"run_id": "run 1"}, error="NondeterminismError: …")),
    Bad("a history was not replayed", "I12", dropped("replays", run_id="run 1")),
    Bad(
        "a customer's name appears in a reason",
        "I14",
        changed("orders", {"order_id": "o-declined"}, reason="A. Customer"),
    ),
    Bad(
        "an order took too long after the last fault",
        "I15",
        changed("orders", {"order_id": "o-last"}, closed_at=_too_late),
    ),
    Bad(
        "an order that was placed after the last fault did not complete",
        "I15",
        changed("asked", {"order_id": "o-declined", "op": "place"}, at=LATE),
    ),
    Bad("an order was refused after the last fault", "I15", added("asked", Asked(LATE, "place", "o-no", "refused"))),
    Bad("a process logged an error", "I16", added("log", LogLine("worker 1", "error", "worker failed"))),
    Bad(
        "a coroutine was never awaited",
        "I16",
        added("log", LogLine("worker 1", "warning", "RuntimeWarning: coroutine 'x' was never awaited")),
    ),
]
