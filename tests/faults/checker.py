"""Decides the invariants I1-I17 from the evidence of a run alone: `python -m tests.faults.checker FILE`."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.evidence.dossier import Dossier, dossiers
from tests.faults.evidence.evidence import Evidence, read
from tests.faults.evidence.timeline import timeline
from tests.faults.invariants import money, orders, outbox, parked, running, shipment, stock, undo, vacuity


@dataclass(frozen=True)
class Violation:
    """One promise that was broken: which (I1-I17), for which order if it is one order's, and how, in a sentence."""

    invariant: str
    order_id: str
    told: str


OF_AN_ORDER: tuple[tuple[str, Callable[[Dossier], Iterable[str]]], ...] = (
    ("I1", orders.no_order_is_lost_or_made_up),
    ("I2", orders.it_comes_to_one_end),
    ("I2", orders.it_is_closed_once),
    ("I2", orders.its_steps_come_in_their_order),
    ("I2", orders.a_cancel_is_asked_for_and_kept),
    ("I3", money.the_order_keeps_what_it_should),
    ("I3", money.the_ledger_agrees_with_the_outside),
    ("I4", money.money_is_taken_once),
    ("I4", money.nothing_is_taken_after_it_was_given_back),
    ("I5", stock.a_completed_order_was_sold),
    ("I6", stock.nothing_is_left_open),
    ("I7", shipment.one_live_parcel_if_completed),
    ("I7", shipment.our_parcels_are_the_carriers),
    ("I7", shipment.no_parcel_before_the_money),
    ("I7", shipment.no_parcel_whose_money_went_back),
    ("I7", shipment.no_parcel_after_it_was_stopped),
    ("I8", undo.undone_in_reverse),
    ("I8", undo.one_after_the_other),
    ("I8", undo.the_books_say_so_too),
    ("I9", outbox.nothing_is_lost),
    ("I9", outbox.everything_is_applied_once),
    ("I9", outbox.its_order_is_kept),
    ("I9", outbox.only_the_choreography_speaks),
    ("I10", parked.what_waits_was_told_once),
    ("I10", parked.what_waits_says_why),
    ("I10", parked.no_failed_undo_is_swallowed),
    ("I10", parked.decisions_are_audited),
    ("I10", parked.every_yes_to_a_decision_is_kept),
    ("I10", parked.one_dead_letter_with_its_cause),
    ("I11", running.temporal_agrees),
    ("I13", orders.one_id_is_one_order),
    ("I13", orders.one_id_is_one_workflow),
)

OF_ALL: tuple[tuple[str, Callable[[Evidence], Iterable[str]]], ...] = (
    ("I2", orders.ends_only_grow),
    ("I3", money.every_snapshot_balances),
    ("I3", money.what_was_booked_stays),
    ("I5", stock.every_snapshot_has_every_article),
    ("I5", stock.the_stock_is_what_its_receipts_say),
    ("I9", outbox.nothing_is_unexpected),
    ("I11", running.no_workflow_task_failed),
    ("I12", running.every_history_replays),
    ("I14", vacuity.no_canary_is_told),
    ("I15", running.all_ended_in_time),
    ("I15", running.the_last_orders_complete),
    ("I16", vacuity.no_complaint_is_logged),
)

# What a finding of tests/conservation.py breaks, by a word of its meaning; anything else is money.
CONSERVED = {"stock": "I5", "slip": "I6", "wrapping": "I6", "provider took": "I4"}


def violations(evidence: Evidence, minimums: Mapping[str, int] | None = None) -> list[Violation]:
    """Return everything that is wrong, by invariant and order.

    `minimums` are the floors of I17 by name: of a fault that was hit, of an outcome ("needs_attention" is one), of an
    answer in the outside parties' books ("too late", "repeated"), of "asked" and of "snapshots".
    """
    found = {Violation("I17", "", told) for told in vacuity.enough_happened(evidence, minimums or {})}
    found |= {Violation(invariant, "", told) for invariant, check in OF_ALL for told in check(evidence)}
    found |= {
        Violation(invariant, dossier.order_id, told)
        for dossier in dossiers(evidence)
        for invariant, check in OF_AN_ORDER
        for told in check(dossier)
    }
    found |= _not_conserved(evidence)
    return sorted(found, key=lambda wrong: (int(wrong.invariant[1:]), wrong.order_id, wrong.told))


def _not_conserved(evidence: Evidence) -> set[Violation]:
    """What tests/conservation.py found at the moments at which it was asked."""
    return {
        Violation(
            next((CONSERVED[word] for word in CONSERVED if word in told), "I3"), "", f"at {snapshot.at:.3f}: {told}"
        )
        for snapshot in evidence.snapshots
        for told in snapshot.found
    }


def report(evidence: Evidence, found: list[Violation]) -> str:
    """Return all violations, and the timeline of the first order that has one."""
    lines = [f"{wrong.invariant:4} {wrong.order_id or '-'}: {wrong.told}" for wrong in found]
    lines.append(f"{len(found)} violations in {len(evidence.orders)} orders and {len(evidence.snapshots)} snapshots")
    bad = next((wrong.order_id for wrong in found if wrong.order_id), None)
    return "\n".join([*lines, "", timeline(evidence, bad)] if bad else lines)


def main(path: Path) -> int:
    """Check evidence in a file; return 0 without a violation, else 1."""
    evidence = read(path)
    found = violations(evidence)
    sys.stdout.write(report(evidence, found) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
