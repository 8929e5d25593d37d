"""The orders service as activities: take an order in, price articles, close an order."""

from typing import Protocol

from temporalio import activity

from models.activities.base import Closed
from models.activities.orders import CompleteOrder, PriceArticles, Priced
from models.order import Order


class OrdersService(Protocol):
    """What these activities need of the service, beside the closing and the prices."""

    async def accept_to_run(self, order: Order) -> Priced:
        """Take the order once, at the catalogue's price; one that was pruned is refused."""
        ...


class OrderClosingService(Protocol):
    """What keeps the outcome of an order."""

    async def close(self, request: CompleteOrder) -> Closed:
        """Record the outcome once, and answer with what stands."""
        ...


class PricingService(Protocol):
    """What knows the catalogue's prices."""

    async def price(self, request: PriceArticles) -> Priced:
        """Return the price of all lines."""
        ...


class OrderActivities:
    """Validate and complete orders."""

    def __init__(self, orders: OrdersService, closing: OrderClosingService, pricing: PricingService) -> None:
        self._orders, self._closing, self._pricing = orders, closing, pricing

    @activity.defn
    async def validate_order(self, order: Order) -> Priced:
        """Accept the order at the catalogue's price; refused when it can't be sold as it is, or was pruned long ago."""
        return await self._orders.accept_to_run(order)

    @activity.defn
    async def complete_order(self, request: CompleteOrder) -> Closed:
        """Keep the order's outcome; of a completed one, settle stock and money."""
        return await self._closing.close(request)

    @activity.defn
    async def price_articles(self, request: PriceArticles) -> Priced:
        """Return the catalogue's price; refused when the articles can't be sold as asked."""
        return await self._pricing.price(request)
