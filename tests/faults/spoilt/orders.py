"""Bad histories of orders: I1, I2 and I13."""

from dataclasses import replace

from models.names import RECOVERY_WORKFLOW
from tests.faults.evidence.evidence import Asked, Evidence
from tests.faults.evidence.records import Receipt
from tests.faults.evidence.runs import LogLine, ObservedProcess, Replay
from tests.faults.spoilt.histories import Bad, Change, added, all_of, changed, doubled, dropped, logged

LATE = 9000.0


def _shrunk(evidence: Evidence) -> Evidence:
    last = evidence.snapshots[-1]
    fewer = last.outcomes | {"completed": last.outcomes["completed"] - 1}
    return added("snapshots", replace(last, at=last.at + 1, outcomes=fewer))(evidence)


def _closed_again(run: ObservedProcess) -> tuple[LogLine, ...]:
    return (*run.log, replace(run.log[-1], direction="close", step="close"))


def _shuffled(run: ObservedProcess) -> tuple[LogLine, ...]:
    """Swap the charge and the shipment in a run's log."""
    names = {"charge": "ship", "ship": "charge"}
    return tuple(replace(line, step=names.get(line.step, line.step)) for line in run.log)


def _renamed(evidence: Evidence) -> Evidence:
    """Let the run of o-done be a recovery, which did no step before the pivot, and settled the money first."""
    names = {"settle_shipment": "settle_payment", "settle_payment": "settle_shipment"}

    def log(run: ObservedProcess) -> tuple[LogLine, ...]:
        dos = [line for line in run.log if line.step.startswith(("settle", "complete"))]
        return tuple(replace(line, step=names.get(line.step, line.step)) for line in dos)

    return changed("processes", {"order_id": "o-done"}, log=log, type=RECOVERY_WORKFLOW)(evidence)


def _another_run(of: str, **fields: object) -> Change:
    return all_of(
        doubled("processes", {"order_id": of}, run_id="run 99", **fields),
        added("replays", Replay(f"order-{of}", "run 99")),
    )


BAD = [
    Bad("an accepted order has no row", "I1", added("asked", Asked(1.0, "place", "o-gone", "ok"))),
    Bad("an order exists that no client placed", "I1", dropped("asked", order_id="o-done", op="place")),
    Bad(
        "an order without a row has effects",
        "I1",
        added("receipts", Receipt("payments", "o-ghost:charge", "tombstone", 1, LATE)),
    ),
    Bad(
        "a refused order has a row",
        "I1",
        changed("asked", {"order_id": "c-done", "op": "place"}, answer="refused"),
    ),
    Bad(
        "an order still runs at rest",
        "I2",
        changed("orders", {"order_id": "o-declined"}, status="running", closed_at=None),
    ),
    Bad("an order has an unknown status", "I2", changed("orders", {"order_id": "o-parked"}, status="lost")),
    Bad("a completed order was never closed", "I2", changed("orders", {"order_id": "o-done"}, closed_at=None)),
    Bad(
        "an order ended while it waits for an operator",
        "I2",
        changed("orders", {"order_id": "c-dead"}, status="compensated", closed_at=LATE),
    ),
    Bad("an order was closed twice", "I2", changed("processes", {"order_id": "o-done"}, log=_closed_again)),
    Bad("an order shipped before it was paid for", "I2", changed("processes", {"order_id": "o-done"}, log=_shuffled)),
    Bad("two steps of an order ran at the same time", "I2", logged("o-done", "reserve", "do", completed_at=LATE)),
    Bad(
        "a choreographed order ended without a last event",
        "I2",
        all_of(
            dropped("events", event_id="c-done 7"),
            dropped("traced", event_id="c-done 7"),
            changed("consumed", {"event_id": "c-done 6"}, follows=None),
        ),
    ),
    Bad(
        "money and parcel were settled at the same time",
        "I2",
        logged("o-done", "settle_shipment", "do", completed_at=LATE),
    ),
    Bad("a recovery settled the money first", "I2", _renamed),
    Bad("an order left a final status", "I2", _shrunk),
    Bad("an order was cancelled without a request", "I2", dropped("asked", order_id="o-cancelled", op="cancel")),
    Bad("a cancel was accepted and the order completed", "I2", added("asked", Asked(1.0, "cancel", "o-done", "ok"))),
    Bad("an id has two orders", "I13", doubled("orders", {"order_id": "o-done"})),
    Bad(
        "two bodies were accepted under one id",
        "I13",
        added("asked", Asked(1.0, "place", "o-done", "ok", "another body")),
    ),
    Bad(
        "an order has a body that no client sent", "I13", changed("orders", {"order_id": "o-done"}, body_hash="another")
    ),
    Bad("a choreographed order ran as a workflow, too", "I13", _another_run("o-done", order_id="c-done")),
    Bad("a second start of an id ran the order again", "I13", _another_run("o-done")),
    Bad("two runs of an order run at the same time", "I13", _another_run("o-parked", began="reset")),
]
