"""Bad histories of undos and of parked effects: I8 and I10."""

from dataclasses import replace

from tests.faults.evidence.evidence import Asked
from tests.faults.evidence.messages import Letter
from tests.faults.evidence.runs import LogLine, ObservedProcess
from tests.faults.spoilt.histories import Bad, Change, added, all_of, changed, doubled, dropped, logged, unlogged

LATE = 9000.0


def _undone_as(order: str, *steps: str) -> Change:
    """Change an order's log so that these steps were undone, in this order."""

    def log(run: ObservedProcess) -> tuple[LogLine, ...]:
        undos = [line for line in run.log if line.direction == "undo"]
        swapped = (replace(line, step=step) for line, step in zip(undos, steps, strict=True))
        return tuple(next(swapped) if line.direction == "undo" else line for line in run.log)

    return changed("processes", {"order_id": order}, log=log)


def _also_undone(order: str, step: str, behind: str = "") -> Change:
    """Add the undo of a step to an order's log, before all other undos, or after the first one of a step."""

    def log(run: ObservedProcess) -> tuple[LogLine, ...]:
        *before, last = run.log
        line = LogLine(step, "undo", "completed", 1, last.started_at, last.started_at)
        place = next((n for n, known in enumerate(run.log) if known.direction == "undo"), len(before))
        place += bool(behind)
        at = run.log[place].started_at
        return (*run.log[:place], replace(line, started_at=at, completed_at=at), *run.log[place:])

    return changed("processes", {"order_id": order}, log=log)


UNDO = [
    Bad("the undos ran in the order of the dos", "I8", _undone_as("o-refused", "reserve", "charge")),
    Bad("a slip's undos ran in the order of its stops", "I8", _undone_as("slip.s-undone", "reserve", "charge")),
    Bad("an undo was forgotten", "I8", unlogged("o-refused", "reserve", "undo")),
    Bad("a step with an unknown result was not undone", "I8", unlogged("o-cancelled", "charge", "undo")),
    Bad("a possible effect of a lost task was not undone", "I8", unlogged("o-express", "charge", "undo")),
    Bad("an order was undone after its parcel had left", "I8", _also_undone("o-done", "ship")),
    Bad("a step that was refused was undone", "I8", _also_undone("o-declined", "charge")),
    Bad("a step that never began was undone", "I8", _also_undone("o-declined", "ship")),
    Bad("a failed undo stopped the undos after it", "I8", unlogged("o-parked", "reserve", "undo")),
    Bad("a recovery forgot a possible effect of the lost run", "I8", unlogged("o-recovered", "charge", "undo")),
    Bad(
        "an undo began before the one before it had ended",
        "I8",
        logged("o-refused", "charge", "undo", completed_at=LATE),
    ),
    Bad("an undo began before its do had ended", "I8", logged("o-cancelled", "charge", "do", completed_at=LATE)),
    Bad("an undo went on though the parcel was final", "I8", _also_undone("o-turned", "charge")),
    Bad("a final parcel was parked", "I8 I10", logged("o-turned", "ship", "undo", status="failed")),
    Bad("a run turned forward without that answer", "I8", logged("o-turned", "ship", "undo", error="Unavailable: no")),
    Bad("a refund did not wait for an unknown recall", "I8", _also_undone("o-unknown", "charge", behind="ship")),
    Bad(
        "the money was refunded before the parcel came back",
        "I8",
        changed("carrier_calls", {"key": "o-lost:ship", "outcome": "taken_back"}, at=LATE),
    ),
]

PARKED = [
    Bad("a parked refund has no alert", "I10", dropped("alerts", order_id="o-parked")),
    Bad(
        "an alert exists for an effect that was never parked",
        "I10",
        doubled("alerts", {"order_id": "o-parked"}, key="o-parked:ship:undo:1"),
    ),
    Bad(
        "an alert exists for a letter that never was",
        "I10",
        doubled("alerts", {"order_id": "c-dead"}, key="c-dead:deliveries:letter:8"),
    ),
    Bad("an effect has two alerts", "I10", doubled("alerts", {"order_id": "o-parked"})),
    Bad("an alert has no cause", "I10", changed("alerts", {"order_id": "o-parked"}, failure=" ")),
    Bad("a parked effect has no cause", "I10", logged("o-parked", "charge", "undo", error=None)),
    Bad("a parked effect was never tried", "I10", logged("o-parked", "charge", "undo", attempt=0)),
    Bad("a failed undo was swallowed", "I10", logged("o-refused", "charge", "undo", status="transient")),
    Bad("a decision has no actor", "I10", logged("o-waived", "charge", "resolve", result={"reason": "because"})),
    Bad("a decision has no reason", "I10", logged("o-retried", "charge", "resolve", result={"actor": "ann"})),
    Bad(
        "an effect was skipped without evidence",
        "I10",
        all_of(
            logged("o-waived", "charge", "undo", status="skipped"),
            logged("o-waived", "charge", "resolve", summary="skip"),
            changed("asked", {"order_id": "o-waived", "op": "resolve"}, detail="charge skip"),
        ),
    ),
    Bad("a decision was made without a request", "I10", dropped("asked", order_id="o-retried", op="resolve")),
    Bad("an effect was waived without a decision", "I10", unlogged("o-waived", "charge", "resolve")),
    Bad(
        "a decision was accepted and never made",
        "I10",
        added("asked", Asked(1.0, "resolve", "o-parked", "ok", "charge retry")),
    ),
    Bad("a delivery died twice", "I10", doubled("letters", {"order_id": "c-dead"}, message_id="c-dead 2:payments")),
    Bad("a dead letter has no cause", "I10", changed("letters", {"order_id": "c-dead"}, cause="")),
    Bad("a dead letter was never tried", "I10", changed("letters", {"order_id": "c-dead"}, attempts=0)),
    Bad("a dead letter lost its original", "I10", changed("letters", {"order_id": "o-unrecovered"}, original=False)),
    Bad(
        "a dead letter was discarded without an actor",
        "I10",
        added("letters", Letter("alerts", "o-parked:charge:undo:0", "o-parked", "discarded", "no answer", 20, 1.0)),
    ),
]

BAD = UNDO + PARKED
