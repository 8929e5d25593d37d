"""The activities of the gift-wrapping service."""

from typing import Protocol

from temporalio import activity

from models.activities.base import Settled
from models.activities.receipts import FindReceipts, Receipts
from models.activities.wrapping import SettleWrapping, UnwrapGift, Unwrapped, WrapGift, Wrapped
from models.recovery import EffectReceipt


class WrappingService(Protocol):
    """The port to the gift-wrapping service."""

    async def wrap(self, request: WrapGift) -> Wrapped:
        """Wrap the articles, once per key; raise WrapRefused."""
        ...

    async def unwrap(self, request: UnwrapGift) -> Unwrapped:
        """Undo the wrapping under the key, if any."""
        ...

    async def settle(self, request: SettleWrapping) -> Settled:
        """Make the wrapping under the key final."""
        ...

    async def receipts_of(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of an order or a slip, oldest first."""
        ...


class WrappingActivities:
    """Activities that wrap and unwrap gifts."""

    def __init__(self, wrapping: WrappingService) -> None:
        self._wrapping = wrapping

    @activity.defn
    async def wrap_gift(self, request: WrapGift) -> Wrapped:
        """Wrap the articles; raise WrapRefused when the paper is not available."""
        return await self._wrapping.wrap(request)

    @activity.defn
    async def unwrap_gift(self, request: UnwrapGift) -> Unwrapped:
        """Undo the wrapping, if any."""
        return await self._wrapping.unwrap(request)

    @activity.defn
    async def settle_wrapping(self, request: SettleWrapping) -> Settled:
        """Make the wrapping final; an undo is refused from then on."""
        return await self._wrapping.settle(request)

    @activity.defn
    async def find_wrapping_receipts(self, request: FindReceipts) -> Receipts:
        """Return what is known of the process of the calling workflow."""
        return Receipts(receipts=tuple(await self._wrapping.receipts_of(request.order_id)))
