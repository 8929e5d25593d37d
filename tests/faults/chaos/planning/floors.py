"""How much a run must at least have done: one that hit nothing proves nothing, and fails."""

from collections import Counter
from collections.abc import Mapping

from tests.faults.chaos.planning.plan import RunPlan

# Of what was planned, in parts of ten. A fault may find nothing to hit; a fault may also turn an order's end around.
OF_A_FAULT = 4
OF_ALL_FAULTS = 6
OF_ORDERS = 9
# A locked table or a database that is away costs some of them.
SNAPSHOTS_A_SECOND = 0.6
# Orders that end so, of a hundred.
OF_A_HUNDRED = {"completed": 40, "compensated": 15, "cancelled": 3}


def minimums(plan: RunPlan) -> dict[str, int]:
    """Return the floors by name, for the checker: of each kind of fault, of outcomes, of what was asked and seen."""
    planned = Counter(fault.kind for fault in plan.faults)
    floors = {kind: max(1, count * OF_A_FAULT // 10) for kind, count in planned.items()}
    floors |= {status: len(plan.orders) * share // 100 for status, share in OF_A_HUNDRED.items()}
    floors |= {"repeated": 1} if plan.short else {"repeated": 1, "failed": 1}
    return floors | {"asked": len(plan.orders), "snapshots": int(plan.seconds * SNAPSHOTS_A_SECOND)}


def vacuous(plan: RunPlan, placed: Counter[str], hit: Mapping[str, int]) -> list[str]:
    """Return what of the plan came to too little, in words: orders of a kind, and faults in all."""
    told = []
    for kind, count in Counter(order.kind for order in plan.orders).items():
        if placed[kind] < max(1, count * OF_ORDERS // 10):
            told.append(f"only {placed[kind]} of {count} orders of the kind {kind} were placed")
    if sum(hit.values()) < len(plan.faults) * OF_ALL_FAULTS // 10:
        told.append(f"only {sum(hit.values())} of {len(plan.faults)} faults struck")
    return told
