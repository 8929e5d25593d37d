"""What only routing slips ask for, as activities: take a slip in, close it, price, wrap, look for fraud."""

from temporalio import activity

from models.slip_steps import (
    AcceptSlip,
    CheckFraud,
    CloseSlip,
    FraudChecked,
    PriceArticles,
    SlipAccepted,
    UnwrapGift,
    Unwrapped,
    WrapGift,
    Wrapped,
)
from models.steps import Closed, Priced
from services import fraud
from services.pricing import Pricing
from services.slips import SlipClosing, Slips
from services.wrapping import Wrapping


class SlipActivities:
    """Accept and close slips, and the desks that only they visit."""

    def __init__(self, slips: Slips, closing: SlipClosing, pricing: Pricing, wrapping: Wrapping) -> None:
        self._slips, self._closing = slips, closing
        self._pricing, self._wrapping = pricing, wrapping

    @activity.defn
    async def accept_slip(self, request: AcceptSlip) -> SlipAccepted:
        """Remember the slip."""
        return await self._slips.accept(request.slip, to_run=True)

    @activity.defn
    async def close_slip(self, request: CloseSlip) -> Closed:
        """Keep the slip's outcome; of one that stands, settle stock and money."""
        return await self._closing.close(request)

    @activity.defn
    async def price_articles(self, request: PriceArticles) -> Priced:
        """Tell the catalogue's price; refused when it can't be sold as asked."""
        return await self._pricing.price(request)

    @activity.defn
    async def wrap_gift(self, request: WrapGift) -> Wrapped:
        """Wrap; refused when there is no such paper."""
        return await self._wrapping.wrap(request)

    @activity.defn
    async def unwrap_gift(self, request: UnwrapGift) -> Unwrapped:
        """Unwrap what was wrapped, if anything was."""
        return await self._wrapping.unwrap(request)

    @activity.defn
    async def check_fraud(self, request: CheckFraud) -> FraudChecked:
        """Tell whether a person must look at the amount, and how the itinerary changes then."""
        return fraud.check(request)
