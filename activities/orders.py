"""The activities of the orders service: accept an order, price articles, close an order."""

from collections.abc import Sequence
from typing import Protocol

from temporalio import activity

from models.activities.base import Closed
from models.activities.orders import CompleteOrder, OrderAccepted, PriceArticles, Priced
from models.order import Order


class OrdersService(Protocol):
    """The port to the service that accepts orders."""

    async def accept_to_run(self, order: Order) -> Priced:
        """Record the order once, at the catalogue's price; raise OrderRejected for the id of a pruned one."""
        ...


class OrderClosingService(Protocol):
    """The port to the service that closes orders."""

    async def close(self, request: CompleteOrder) -> Closed:
        """Record the outcome once, and return the recorded one."""
        ...


class PricingService(Protocol):
    """The port to the catalogue's prices."""

    async def price(self, request: PriceArticles) -> Priced:
        """Return the total price of the lines; raise OrderRejected."""
        ...


class OrderActivities:
    """Activities that validate, price and complete orders.

    `apart` are the services apart. The workflows read them in the replies, so that a replay decides as the run did.
    """

    def __init__(
        self,
        orders: OrdersService,
        closing: OrderClosingService,
        pricing: PricingService,
        apart: Sequence[str] = (),
    ) -> None:
        self._orders, self._closing, self._pricing, self._apart = orders, closing, pricing, tuple(apart)

    @activity.defn
    async def validate_order(self, order: Order) -> OrderAccepted:
        """Accept the order at the catalogue's price; raise OrderRejected if it can't be sold or was pruned."""
        priced = await self._orders.accept_to_run(order)
        return OrderAccepted(total=priced.total, apart=self._apart)

    @activity.defn
    async def complete_order(self, request: CompleteOrder) -> Closed:
        """Record the order's outcome."""
        return await self._closing.close(request)

    @activity.defn
    async def price_articles(self, request: PriceArticles) -> Priced:
        """Return the catalogue's price; raise OrderRejected when the articles can't be sold as requested."""
        return await self._pricing.price(request)
