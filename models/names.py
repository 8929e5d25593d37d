"""The names that clients, the Temporal CLI and the Web UI use. They are an interface: no name may change."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TASK_QUEUE = "orders"
ORDER_WORKFLOW = "OrderWorkflow"
RECOVERY_WORKFLOW = "RecoverOrderWorkflow"
RECONCILER_WORKFLOW = "ReconcilerWorkflow"
RECONCILER_SCHEDULE = "reconcile-orders"
# A paused schedule whose memo names the database that the namespace belongs to: that of the orders, or of all services.
# For the own database of a service, the service's name follows.
INSTALLATION_SCHEDULE = "orders-installation"
SLIP_WORKFLOW = "RoutingSlipWorkflow"
SLIP_RECOVERY_WORKFLOW = "RecoverSlipWorkflow"
ALERT_WORKFLOW = "SendAlertWorkflow"
# For a query of Temporal's list: the workflow types that run an order, or any process.
ORDER_WORKFLOWS = f"'{ORDER_WORKFLOW}', '{RECOVERY_WORKFLOW}'"
PROCESS_WORKFLOWS = f"{ORDER_WORKFLOWS}, '{SLIP_WORKFLOW}', '{SLIP_RECOVERY_WORKFLOW}'"
STATUS_ATTRIBUTE = "OrderStatus"
AT_RISK_ATTRIBUTE = "AmountAtRisk"
SEARCH_ATTRIBUTES = {STATUS_ATTRIBUTE: "Keyword", AT_RISK_ATTRIBUTE: "Int"}
# A query with every search attribute and no result; the server answers it only if the attributes exist.
QUERY_OF_ALL_ATTRIBUTES = f"{STATUS_ATTRIBUTE} = 'none' AND {AT_RISK_ATTRIBUTE} = -1"

_ORDER_ID, _SLIP_ID = "order-", "slip-"
# No order id contains a dot, so no order can have the keys of a slip.
_SLIP = "slip."
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
# The name of a process in keys (an order's id, or `slip.` and a slip's id), and the name of a step.
_PROCESS = r"(?:slip\.)?[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_STEP = r"[a-z][a-z0-9_-]{0,63}"
PROCESS_PATTERN = f"^{_PROCESS}$"
KEY_PATTERN = f"^{_PROCESS}:{_STEP}$"


class ProcessKind(StrEnum):
    """The kind of a process: an order or a routing slip."""

    ORDER = "order"
    SLIP = "slip"


@dataclass(frozen=True)
class ProcessName:
    """One process, by its kind and its id."""

    kind: ProcessKind
    id: str

    @property
    def workflow_id(self) -> str:
        """Return the id of its workflow, such as order-o-1."""
        return f"{_ORDER_ID if self.kind is ProcessKind.ORDER else _SLIP_ID}{self.id}"

    @property
    def process(self) -> str:
        """Return its name in idempotency keys and in the providers' records."""
        return self.id if self.kind is ProcessKind.ORDER else slip_process(self.id)

    @property
    def path(self) -> str:
        """Return the unambiguous name of this process, such as orders/o-1."""
        return f"{self.kind}s/{self.id}"

    @property
    def argument(self) -> str:
        """Return the shortest unambiguous argument for the CLI: the id, or else the path."""
        return self.id if readings(self.id)[0] == self else self.path

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def readings(text: str, kinds: Iterable[ProcessKind] = tuple(ProcessKind)) -> tuple[ProcessName, ...]:
    """Return the processes of these kinds that a text may name, the most likely first; empty for an invalid id.

    `orders/ID` and `slips/ID` are unambiguous, and so is `slip.ID`, a slip's name in alerts and keys. `order-ID` and
    `slip-ID`, the ids of workflows, may also be ids. A bare `ID` is the order of that id, or else the slip.
    """
    allowed, found = list(kinds), list[ProcessName]()
    for kind in allowed:
        if text.startswith(f"{kind}s/"):
            return _valid([ProcessName(kind, text.removeprefix(f"{kind}s/"))])
    if ProcessKind.SLIP in allowed and text.startswith(_SLIP):
        return _valid([ProcessName(ProcessKind.SLIP, text.removeprefix(_SLIP))])
    for kind, prefix in ((ProcessKind.SLIP, _SLIP_ID), (ProcessKind.ORDER, _ORDER_ID)):
        if kind in allowed and text.startswith(prefix):
            found.append(ProcessName(kind, text.removeprefix(prefix)))
    return _valid([*found, *(ProcessName(kind, text) for kind in allowed)])


def _valid(names: Iterable[ProcessName]) -> tuple[ProcessName, ...]:
    return tuple(name for name in names if is_id(name.id))


def is_id(text: str) -> bool:
    """Return whether a text is a valid id of an order or a slip."""
    # fullmatch and not `$`, which would accept a newline at the end.
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text) is not None


def is_process(text: str) -> bool:
    """Return whether a text is the name of an order or a slip in idempotency keys."""
    return re.fullmatch(_PROCESS, text) is not None


def is_key_of(process: str, text: str, *, more: str = "") -> bool:
    """Return whether a text is the idempotency key of a step of the process; `more` is a pattern of what follows it."""
    # The process is no part of the pattern, which would be compiled again for each process.
    begin = f"{process}:"
    return text.startswith(begin) and re.fullmatch(f"{_STEP}{more}", text[len(begin) :]) is not None


def step_of(idempotency_key: str) -> str:
    """Return the name of the step in an idempotency key."""
    return idempotency_key.rpartition(":")[2]


def workflow_id(order_id: str) -> str:
    """Return the id of the workflow that runs an order."""
    return ProcessName(ProcessKind.ORDER, order_id).workflow_id


def slip_workflow_id(slip_id: str) -> str:
    """Return the id of the workflow that runs a routing slip."""
    return ProcessName(ProcessKind.SLIP, slip_id).workflow_id


def name_of_workflow(found: str) -> ProcessName:
    """Return the process that a workflow of this id runs."""
    if found.startswith(_SLIP_ID):
        return ProcessName(ProcessKind.SLIP, found.removeprefix(_SLIP_ID))
    return ProcessName(ProcessKind.ORDER, found.removeprefix(_ORDER_ID))


def slip_process(slip_id: str) -> str:
    """Return the name of a slip in idempotency keys and in the providers' records."""
    return f"{_SLIP}{slip_id}"


def slip_of(process: str) -> str | None:
    """Return the id of the slip that a name in keys belongs to, None for an order's."""
    return process.removeprefix(_SLIP) if process.startswith(_SLIP) else None


def workflow_of(process: str) -> str:
    """Return the workflow id of a process, given its name in keys: an order id or the result of `slip_process`."""
    return slip_workflow_id(process.removeprefix(_SLIP)) if process.startswith(_SLIP) else workflow_id(process)


def key(order_id: str, step: str) -> str:
    """Return the idempotency key of a step: the same for every attempt, every run and every reset."""
    return f"{order_id}:{step}"
