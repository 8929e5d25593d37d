"""The orders service as activities: take an order in, close it."""

from temporalio import activity

from models.order import Order
from models.steps import Closed, CompleteOrder, Priced
from services.closing import Closing
from services.orders import Orders


class OrderActivities:
    """Validate and complete orders."""

    def __init__(self, orders: Orders, closing: Closing) -> None:
        self._orders, self._closing = orders, closing

    @activity.defn
    async def validate_order(self, order: Order) -> Priced:
        """Accept the order at the catalogue's price; refused when it can't be sold as it is, or was pruned long ago."""
        return await self._orders.accept(order, to_run=True)

    @activity.defn
    async def complete_order(self, request: CompleteOrder) -> Closed:
        """Keep the order's outcome; of a completed one, settle stock and money."""
        return await self._closing.close(request)

    @activity.defn
    async def request_cancellation(self) -> None:
        """Have Temporal cancel the calling workflow, so that it may end as Canceled."""
        info = activity.info()
        await activity.client().get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id).cancel()
