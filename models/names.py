"""Every name that a client, the Temporal CLI or the Web UI sees. People's tools rely on them: none may change."""

import re

TASK_QUEUE = "orders"
ORDER_WORKFLOW = "OrderWorkflow"
RECOVERY_WORKFLOW = "RecoverOrderWorkflow"
RECONCILER_WORKFLOW = "ReconcilerWorkflow"
RECONCILER_SCHEDULE = "reconcile-orders"
SLIP_WORKFLOW = "RoutingSlipWorkflow"
STATUS_ATTRIBUTE = "OrderStatus"
AT_RISK_ATTRIBUTE = "AmountAtRisk"

_SLIP = "slip."
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
SKU_PATTERN = ID_PATTERN


def is_id(text: str) -> bool:
    """Tell whether a text may be the id of an order or of a process."""
    # \Z and not $, which would let a newline through at the end.
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text) is not None


def workflow_id(order_id: str) -> str:
    """Return the id of the workflow that runs an order."""
    return f"order-{order_id}"


def slip_workflow_id(slip_id: str) -> str:
    """Return the id of the workflow that runs a routing slip."""
    return f"slip-{slip_id}"


def slip_process(slip_id: str) -> str:
    """Return what a slip is called in keys and books; no order can be called so, and undo the other's effects."""
    return f"{_SLIP}{slip_id}"


def workflow_of(process: str) -> str:
    """Return the id of the workflow of what keys and books call a process: an order's id, or a slip's name."""
    return slip_workflow_id(process.removeprefix(_SLIP)) if process.startswith(_SLIP) else workflow_id(process)


def key(order_id: str, step: str) -> str:
    """Return the idempotency key of a step: the same for every attempt, every run and every reset."""
    return f"{order_id}:{step}"
