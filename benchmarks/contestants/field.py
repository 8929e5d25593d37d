"""The systems of a comparison: one line each."""

from benchmarks.contestants.contestant import Contestant
from benchmarks.contestants.on_peers import Dbos, Restate
from benchmarks.contestants.on_temporal import ByHand, Floor, Ours

OURS = Ours("ours", "ours")
EXPRESS = Ours("ours-express", "ours, express", order={"express": True})
FLOOR = Floor("floor", "floor: 3 empty activities")
FLOOR_LOCAL = Floor("floor-local", "floor: 3 empty local activities", local=True)
BY_HAND = ByHand("by-hand", "by hand, Temporal's defaults")

FIELD: tuple[Contestant, ...] = (
    OURS,
    EXPRESS,
    Ours("ours-apart", "ours, worker apart", processes=1),
    Ours("ours-choreographed", "ours, choreographed", choreographed=True),
    BY_HAND,
    FLOOR,
    FLOOR_LOCAL,
    Dbos("dbos", "DBOS, datasource", writes="datasource"),
    Dbos("dbos-step", "DBOS, plain steps", writes="step"),
    Restate("restate", "Restate"),
)
