"""The minimums of a run: a run that hit nothing proves nothing, and fails."""

from collections import Counter
from collections.abc import Mapping

from tests.faults.chaos.planning.plan import RunPlan

# Minimums in tenths of the plan. A fault may find nothing to hit; a fault may also change an order's end.
OF_A_FAULT = 4
OF_ALL_FAULTS = 6
OF_ORDERS = 9
# A locked table or a stopped database costs some snapshots.
SNAPSHOTS_A_SECOND = 0.6
# Minimum of orders with an outcome, in percent.
OF_A_HUNDRED = {"completed": 40, "compensated": 15, "cancelled": 3}


def minimums(plan: RunPlan) -> dict[str, int]:
    """Return the checker's minimums by name: of each kind of fault, of outcomes, of requests and of snapshots."""
    planned = Counter(fault.kind for fault in plan.faults)
    floors = {kind: max(1, count * OF_A_FAULT // 10) for kind, count in planned.items()}
    floors |= {status: len(plan.orders) * share // 100 for status, share in OF_A_HUNDRED.items()}
    floors |= {"repeated": 1} if plan.short else {"repeated": 1, "failed": 1}
    return floors | {"asked": len(plan.orders), "snapshots": int(plan.seconds * SNAPSHOTS_A_SECOND)}


def vacuous(plan: RunPlan, placed: Counter[str], hit: Mapping[str, int]) -> list[str]:
    """Return sentences about the parts of the plan that fell short: orders of a kind, and faults in total."""
    shortfalls = []
    for kind, count in Counter(order.kind for order in plan.orders).items():
        if placed[kind] < max(1, count * OF_ORDERS // 10):
            shortfalls.append(f"{placed[kind]} of {count} orders of the kind {kind} were placed")
    if sum(hit.values()) < len(plan.faults) * OF_ALL_FAULTS // 10:
        shortfalls.append(f"{sum(hit.values())} of {len(plan.faults)} faults hit something")
    return shortfalls
