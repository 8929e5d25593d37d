"""Settling: an effect becomes final, in a transaction of its own service."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from models.activities.base import Request, Settled

R_contra = TypeVar("R_contra", bound=Request, contravariant=True)
R = TypeVar("R", bound=Request)
# (key of the effect, process) → the effect is final.
Settlement = Callable[[str, str], Awaitable[Settled]]


class SettlingService(Protocol[R_contra]):
    """A service whose effects become final when their process ends."""

    async def settle(self, request: R_contra, /) -> Settled:
        """Make the effect of the request's key final."""
        ...


def settlement(service: SettlingService[R], request: type[R]) -> Settlement:
    """Return the settlement of a service's effects by key."""
    return lambda key, process: service.settle(request(key=key, order_id=process))
