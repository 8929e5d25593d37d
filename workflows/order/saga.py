"""The order saga: the order of its steps."""

from dataclasses import replace

from temporal_saga import Group, Saga
from workflows.order.inventory import RESERVE
from workflows.order.orders import CLOSE, COMPLETE, VALIDATE, OrderRun
from workflows.order.payments import CHARGE
from workflows.order.settling import SETTLE_PAYMENT, SETTLE_SHIPMENT, SETTLE_STOCK
from workflows.order.shipping import SHIP


def _ends_as_it_began(run: OrderRun) -> None:
    """Give an order of an old history, which was settled by its last step, the steps that it began with."""
    if run.answer_of(VALIDATE).apart is None:
        run.revise(RESERVE, CHARGE, SHIP, COMPLETE)


ORDER_SAGA = Saga(
    replace(VALIDATE, then=_ends_as_it_began),
    RESERVE,
    CHARGE,
    SHIP,
    SETTLE_SHIPMENT,
    Group(SETTLE_PAYMENT, SETTLE_STOCK),
    COMPLETE,
    close=CLOSE,
)
# The saga of old histories.
SETTLED_AT_ONCE = Saga(VALIDATE, RESERVE, CHARGE, SHIP, COMPLETE, close=CLOSE)
