"""The inventory step of an order: reserve the stock; the undo is the release."""

from temporalio import workflow

from temporal_saga import Call, Step
from workflows import policies
from workflows.order.orders import OrderRun, articles_of

with workflow.unsafe.imports_passed_through():
    from activities.inventory import InventoryActivities
    from models.activities.inventory import ReleaseInventory, Reservation, ReserveInventory
    from models.order import Order


def _reserve(run: OrderRun, key: str) -> ReserveInventory:
    return ReserveInventory(key=key, order_id=run.process, lines=run.subject.lines)


def _release(run: OrderRun, key: str) -> ReleaseInventory:
    return ReleaseInventory(key=key, order_id=run.process)


RESERVE: Step[Order, Reservation] = Step(
    "reserve",
    do=Call(InventoryActivities.reserve_inventory, _reserve, lambda run: f"reserve {articles_of(run)}", policies.DO),
    undo=Call(
        InventoryActivities.release_inventory, _release, lambda run: f"release {articles_of(run)}", policies.UNDO
    ),
)
