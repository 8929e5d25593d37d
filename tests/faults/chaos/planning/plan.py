"""A chaos run, as planned: every order and every fault of it comes from the seed, so the same seed is the same plan."""

import random
from dataclasses import dataclass

from tests.faults.chaos.planning.drawing import PlannedOrder, PlannedSlip, draw_orders, draw_slips
from tests.faults.chaos.planning.faults import PlannedFault, draw_faults

# Longer runs take the policies as they are; in a short one an undo is given up, and waits for a person, sooner.
SECONDS_OF_A_SHORT_RUN = 300
ORDERS_A_SECOND = {"short": 2.6, "long": 1.4}
SECONDS_BETWEEN_FAULTS = {"short": 2.2, "long": 3.0}
# At the end of the load, when all faults are over: what is placed then must complete.
TAIL_ORDERS = 20


@dataclass(frozen=True)
class RunPlan:
    """What will happen in a run of `seconds`; no fault begins before `warm_up` or lasts longer than `heals_at`."""

    seed: int
    seconds: float
    warm_up: float
    heals_at: float
    orders: tuple[PlannedOrder, ...]
    slips: tuple[PlannedSlip, ...]
    faults: tuple[PlannedFault, ...]

    @property
    def short(self) -> bool:
        """Whether the run is too short for the policies as they are."""
        return self.seconds < SECONDS_OF_A_SHORT_RUN


def plan(seed: int, seconds: float) -> RunPlan:
    """Return the plan of a seed."""
    chance = random.Random(seed)  # noqa: S311 - it must be repeatable, not secret
    length = "short" if seconds < SECONDS_OF_A_SHORT_RUN else "long"
    rate = ORDERS_A_SECOND[length]
    warm_up, heals_at = min(10.0, seconds / 10), seconds - min(TAIL_ORDERS / rate, seconds / 4)
    return RunPlan(
        seed,
        seconds,
        warm_up,
        heals_at,
        tuple(draw_orders(chance, seed, rate, heals_at, seconds)),
        tuple(draw_slips(chance, seed, rate, heals_at)),
        tuple(draw_faults(chance, warm_up, heals_at, SECONDS_BETWEEN_FAULTS[length])),
    )
