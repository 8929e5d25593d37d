"""Checks the invariants I1-I17 on the evidence of a run: `python -m tests.faults.checker FILE`."""

import argparse
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
    """A broken invariant (I1-I17), its order if it concerns one order, and a sentence that describes the problem."""

    invariant: str
    order_id: str
    problem: str


OF_AN_ORDER: tuple[tuple[str, Callable[[Dossier], Iterable[str]]], ...] = (
    ("I1", orders.no_order_is_lost_or_invented),
    ("I2", orders.an_order_reaches_one_end),
    ("I2", orders.an_order_is_closed_once),
    ("I2", orders.steps_run_in_order),
    ("I2", orders.a_cancel_is_requested_and_kept),
    ("I3", money.the_order_keeps_its_price),
    ("I3", money.the_ledger_agrees_with_the_outside),
    ("I4", money.money_is_taken_once),
    ("I4", money.no_capture_after_a_refund),
    ("I5", stock.a_completed_order_was_sold),
    ("I6", stock.no_effect_is_left_open),
    ("I6", stock.no_effect_after_the_end),
    ("I7", shipment.one_live_parcel_if_completed),
    ("I7", shipment.parcels_match_the_carrier),
    ("I7", shipment.no_parcel_before_its_payment),
    ("I7", shipment.no_live_parcel_after_its_refund),
    ("I7", shipment.no_parcel_after_its_undo),
    ("I7", shipment.the_parcel_is_settled_first),
    ("I8", undo.undone_in_reverse),
    ("I8", undo.one_after_the_other),
    ("I8", undo.the_pivot_decides),
    ("I8", undo.the_outside_records_agree),
    ("I9", outbox.no_event_is_lost),
    ("I9", outbox.every_event_is_applied_once),
    ("I9", outbox.each_event_follows_its_cause),
    ("I9", outbox.no_event_reports_what_was_refused),
    ("I9", outbox.the_trace_has_each_event),
    ("I9", outbox.only_choreographed_orders_append_events),
    ("I10", parked.each_parked_effect_has_one_alert),
    ("I10", parked.each_parked_effect_has_a_cause),
    ("I10", parked.no_failed_undo_is_swallowed),
    ("I10", parked.decisions_are_audited),
    ("I10", parked.every_accepted_decision_is_recorded),
    ("I10", parked.one_dead_letter_with_its_cause),
    ("I11", running.temporal_agrees),
    ("I13", orders.one_id_is_one_order),
    ("I13", orders.one_id_is_one_workflow),
)

OF_ALL: tuple[tuple[str, Callable[[Evidence], Iterable[str]]], ...] = (
    ("I2", orders.ends_only_grow),
    ("I3", money.every_snapshot_balances),
    ("I3", money.no_sum_shrinks),
    ("I5", stock.every_snapshot_has_every_article),
    ("I5", stock.the_stock_matches_its_receipts),
    ("I9", outbox.no_event_is_misdelivered),
    ("I11", running.no_workflow_task_failed),
    ("I12", running.every_history_replays),
    ("I14", vacuity.no_canary_appears),
    ("I15", running.all_ended_in_time),
    ("I15", running.the_last_orders_complete),
    ("I16", vacuity.no_error_is_logged),
)

# A word in a finding of a snapshot's queries → the broken invariant; I3 without such a word.
CONSERVED = {"stock": "I5", "slip": "I6", "wrapping": "I6", "provider captured": "I4", "parcel": "I7"}


def violations(evidence: Evidence, minimums: Mapping[str, int] | None = None) -> list[Violation]:
    """Return every violation, sorted by invariant and order.

    `minimums` are the required counts of I17 by name: of a fault, of an outcome ("needs_attention" is one), of an
    answer of an outside party ("too late", "repeated"), of "asked" and of "snapshots".
    """
    found = {Violation("I17", "", problem) for problem in vacuity.enough_happened(evidence, minimums or {})}
    found |= {Violation(invariant, "", problem) for invariant, check in OF_ALL for problem in check(evidence)}
    found |= {
        Violation(invariant, dossier.order_id, problem)
        for dossier in dossiers(evidence)
        for invariant, check in OF_AN_ORDER
        for problem in check(dossier)
    }
    found |= _not_conserved(evidence)
    return sorted(found, key=lambda wrong: (int(wrong.invariant[1:]), wrong.order_id, wrong.problem))


def _not_conserved(evidence: Evidence) -> set[Violation]:
    """Return the findings of the snapshots' queries."""
    return {
        Violation(
            next((CONSERVED[word] for word in CONSERVED if word in problem), "I3"),
            "",
            f"at {snapshot.at:.3f}: {problem}",
        )
        for snapshot in evidence.snapshots
        for problem in snapshot.found
    }


def report(evidence: Evidence, found: list[Violation]) -> str:
    """Return the violations as text, with the timeline of the first order that has one."""
    lines = [f"{wrong.invariant:4} {wrong.order_id or '-'}: {wrong.problem}" for wrong in found]
    lines.append(f"{len(found)} violations in {len(evidence.orders)} orders and {len(evidence.snapshots)} snapshots")
    bad = next((wrong.order_id for wrong in found if wrong.order_id), None)
    return "\n".join([*lines, "", timeline(evidence, bad)] if bad else lines)


def main(path: Path) -> int:
    """Check the evidence in a file and print the report; return 0 without violations, else 1."""
    evidence = read(path)
    found = violations(evidence)
    sys.stdout.write(report(evidence, found) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="the evidence, as the explorer and the chaos run write it")
    sys.exit(main(parser.parse_args().file))
