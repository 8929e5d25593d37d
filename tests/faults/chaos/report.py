"""The report of a run: orders by outcome, faults tried and hit, rates, and violations."""

import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.faults.chaos.planning.faults import FAULTS
from tests.faults.chaos.run import ChaosRun
from tests.faults.checker import Violation

FEW = 12
MOST_REASONS = 40
LONGEST = 300


def document(ran: ChaosRun, violated: Sequence[Violation]) -> dict[str, Any]:
    """Return the report as JSON data."""
    evidence = ran.evidence
    hit = Counter(hit.fault for hit in evidence.hits)
    return {
        "seed": ran.plan.seed,
        "seconds": ran.plan.seconds,
        "policies": "hasty" if ran.plan.short else "as they are",
        "orders": len(evidence.orders),
        "outcomes": dict(Counter(order.status for order in evidence.orders).most_common()),
        "styles": dict(Counter(order.style for order in evidence.orders).most_common()),
        "express": sum(planned.order.express for planned in ran.plan.orders),
        "kinds": dict(ran.placed.most_common()),
        "orders_a_second": round(len(evidence.orders) / ran.plan.seconds, 2),
        "faults": {kind: {"tried": ran.tried[kind], "hit": hit[kind]} for kind in FAULTS},
        "faults_hit": sum(hit[kind] for kind in FAULTS),
        "activities_struck": {name: count for name, count in hit.items() if name not in FAULTS},
        "fence": dict(Counter(call.outcome for call in (*evidence.provider_calls, *evidence.carrier_calls))),
        "asked": dict(Counter(f"{asked.op} {asked.answer}" for asked in evidence.asked).most_common()),
        "parked": len({alert.order_id for alert in evidence.alerts}),
        "dead_letters": len(evidence.letters),
        "replayed": len(evidence.replays),
        "snapshots": len(evidence.snapshots),
        "snapshots_missed": ran.snapshots_missed,
        "seconds_to_rest": ran.rest.seconds,
        "left": ran.rest.left,
        "ends": dict(Counter(f"{end.code}{'' if end.expected else ' unexpected'}" for end in ran.ends).most_common()),
        "excused": {name: count for name, count in ran.line_counts.items() if name.startswith("excused")},
        "reasons": dict(ran.log.reasons.most_common(MOST_REASONS)),
        "phases": {name: round(seconds, 1) for name, seconds in ran.seconds.items()},
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "violations": [
            {"invariant": each.invariant, "order_id": each.order_id, "told": each.problem} for each in violated
        ],
    }


def summary(report: dict[str, Any]) -> str:
    """Return the report as text."""
    lines = [f"chaos run, seed {report['seed']}, {report['seconds']:.0f} s, policies {report['policies']}", ""]
    lines += [f"{'fault':<22}{'tried':>6}{'hit':>6}"]
    lines += [f"{kind:<22}{count['tried']:>6}{count['hit']:>6}" for kind, count in report["faults"].items()]
    lines += [f"{'total':<22}{sum(f['tried'] for f in report['faults'].values()):>6}{report['faults_hit']:>6}", ""]
    for name in (
        "orders",
        "outcomes",
        "styles",
        "express",
        "orders_a_second",
        "activities_struck",
        "fence",
        "asked",
        "parked",
    ):
        lines.append(f"{name.replace('_', ' '):<18}{_plain(report[name])}")
    for name in ("dead_letters", "replayed", "snapshots", "ends", "excused", "seconds_to_rest", "left", "phases"):
        lines.append(f"{name.replace('_', ' '):<18}{_plain(report[name])}")
    violated = report["violations"]
    lines += ["", f"violations: {len(violated)} in {report['orders']} orders, seed {report['seed']}"]
    lines += [f"  {each['invariant']} {each['order_id']}: {each['told'][:LONGEST]}" for each in violated[:FEW]]
    lines += [f"  … and {len(violated) - FEW} more"] if len(violated) > FEW else []
    return "\n".join(lines)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "-"
    return json.dumps(value)
