"""Group the evidence by order, and answer the questions that several checks ask about one order."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.faults.evidence.evidence import Asked, Evidence
from tests.faults.evidence.messages import Consumed, EventRow, Letter, RecordedAlert, TracedRow
from tests.faults.evidence.records import BookEntry, LedgerEntry, OrderRow, Parcel, Receipt, RecordedCall, Transfer
from tests.faults.evidence.runs import EVER_PARKED, LogLine, ObservedProcess

STANDING = frozenset({"completed", "terminated"})
UNDONE = frozenset({"compensated", "cancelled"})
FINAL = STANDING | UNDONE | {"failed"}
BY_HAND = frozenset({"skipped", "waived"})
# The last step; a waived last step waives all effects that depend on it.
LAST_STEPS = frozenset({"complete", "settle"})
# The effect that each settlement makes final; a slip's settlements don't name their stops.
SETTLES = {"settle_shipment": "ship", "settle_payment": "charge", "settle_stock": "reserve"}
ALIVE = frozenset({"open", "redriving"})


@dataclass
class Dossier:
    """The evidence of one order or of one routing slip."""

    order_id: str
    rows: list[OrderRow] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    provider_calls: list[RecordedCall] = field(default_factory=list)
    provider_entries: list[BookEntry] = field(default_factory=list)
    carrier_calls: list[RecordedCall] = field(default_factory=list)
    carrier_entries: list[BookEntry] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    processes: list[ObservedProcess] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    consumed: list[Consumed] = field(default_factory=list)
    traced: list[TracedRow] = field(default_factory=list)
    alerts: list[RecordedAlert] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    @property
    def row(self) -> OrderRow | None:
        """The order's row; None when the table has none."""
        return self.rows[0] if self.rows else None

    @property
    def status(self) -> str:
        """The status in the row; empty without a row."""
        return self.row.status if self.row else ""

    @property
    def style(self) -> str:
        """The style in the row; empty without a row."""
        return self.row.style if self.row else ""

    @property
    def final(self) -> bool:
        """Whether the status is final."""
        return self.status in FINAL

    @property
    def last(self) -> ObservedProcess | None:
        """The current run: the run that is still running, else the latest one."""
        runs = sorted(self.processes, key=lambda run: (run.status == "running", run.started_at))
        return runs[-1] if runs else None

    @property
    def waiting(self) -> list[LogLine]:
        """The effects that are parked in a running workflow."""
        return [
            line for run in self.processes if run.status == "running" for line in run.log if line.status == "parked"
        ]

    @property
    def dead(self) -> list[Letter]:
        """The open dead letters that block the order."""
        return [letter for letter in self.letters if letter.channel != "alerts" and letter.status in ALIVE]

    @property
    def parked(self) -> bool:
        """Whether an effect or a dead letter of the order waits for an operator."""
        return bool(self.waiting or self.dead)

    @property
    def ever_parked(self) -> bool:
        """Whether an effect of the order is or was parked, or has a dead letter."""
        lines = [line for run in self.processes for line in run.log]
        return bool(self.letters) or any(line.status in EVER_PARKED for line in lines)

    @property
    def by_hand(self) -> set[str]:
        """The steps that an operator skipped or waived."""
        return {line.step for run in self.processes for line in run.log if line.status in BY_HAND}

    def excuses(self, step: str) -> bool:
        """Return whether a step's effect may be open: an operator knows of it or has settled it."""
        settled = self.by_hand
        known = settled | {line.step for line in self.waiting}
        of_a_slip = any(name.startswith("settle-") for name in known)
        return bool(self.dead or settled & LAST_STEPS or of_a_slip) or step in known | {
            SETTLES[name] for name in known & SETTLES.keys()
        }

    def was_asked(self, *ops: str) -> bool:
        """Return whether one of these operations was requested and not refused."""
        return any(asked.op in ops and asked.answer != "refused" for asked in self.asked)


def step_of(key: str) -> str:
    """Return the step name of an idempotency key."""
    return key.rpartition(":")[2]


def dossiers(evidence: Evidence) -> list[Dossier]:
    """Return the evidence grouped by order, sorted by order id."""
    found: dict[str, Dossier] = defaultdict(lambda: Dossier(""))
    for name in Dossier.__dataclass_fields__.keys() - {"order_id"}:
        for item in getattr(evidence, "orders" if name == "rows" else name):
            order_id = getattr(item, "order_id", None)
            if order_id is None:
                order_id = item.key.rpartition(":")[0]
            if order_id:
                getattr(found[order_id], name).append(item)
    for order_id, dossier in found.items():
        dossier.order_id = order_id
    return [found[order_id] for order_id in sorted(found)]
