"""The plan of a chaos run: every order and every fault comes from the seed, so equal seeds give equal plans."""

import random
from dataclasses import dataclass

from tests.faults.chaos.planning.drawing import PlannedOrder, PlannedSlip, draw_orders, draw_slips
from tests.faults.chaos.planning.faults import PlannedFault, draw_faults, workers_of

# Longer runs use the product's policies; in a short run an undo is parked sooner.
SECONDS_OF_A_SHORT_RUN = 300
ORDERS_A_SECOND = {"short": 2.6, "long": 1.4}
SECONDS_BETWEEN_FAULTS = {"short": 2.2, "long": 3.0}
# Orders at the end of the load, after all faults: these must complete.
TAIL_ORDERS = 20


@dataclass(frozen=True)
class RunPlan:
    """The content of a run of `seconds`; no fault begins before `warm_up` or lasts longer than `heals_at`.

    With `apart`, each service has a worker and a PostgreSQL server of its own.
    """

    seed: int
    seconds: float
    warm_up: float
    heals_at: float
    orders: tuple[PlannedOrder, ...]
    slips: tuple[PlannedSlip, ...]
    faults: tuple[PlannedFault, ...]
    apart: bool = False

    @property
    def short(self) -> bool:
        """Whether the run is too short for the product's policies."""
        return self.seconds < SECONDS_OF_A_SHORT_RUN


def plan(seed: int, seconds: float, *, apart: bool = False) -> RunPlan:
    """Return the plan of a seed."""
    chance = random.Random(seed)  # noqa: S311 - the plan must be repeatable, not secret
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
        tuple(draw_faults(chance, warm_up, heals_at, SECONDS_BETWEEN_FAULTS[length], len(workers_of(apart=apart)))),
        apart,
    )
