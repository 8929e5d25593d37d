"""The wrapping desk as activities."""

from typing import Protocol

from temporalio import activity

from models.activities.wrapping import UnwrapGift, Unwrapped, WrapGift, Wrapped


class WrappingService(Protocol):
    """What these activities need of the desk."""

    async def wrap(self, request: WrapGift) -> Wrapped:
        """Wrap once."""
        ...

    async def unwrap(self, request: UnwrapGift) -> Unwrapped:
        """Unwrap what was wrapped under the key, if anything was."""
        ...


class WrappingActivities:
    """Wrap gifts, and unwrap them."""

    def __init__(self, wrapping: WrappingService) -> None:
        self._wrapping = wrapping

    @activity.defn
    async def wrap_gift(self, request: WrapGift) -> Wrapped:
        """Wrap; refused when there is no such paper."""
        return await self._wrapping.wrap(request)

    @activity.defn
    async def unwrap_gift(self, request: UnwrapGift) -> Unwrapped:
        """Unwrap what was wrapped, if anything was."""
        return await self._wrapping.unwrap(request)
