"""The connections of a program: Temporal and the services, each opened on first use."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Self

from temporalio.client import Client

from services.assembly import Services

OpenTemporal = Callable[[], Awaitable[Client]]
OpenServices = Callable[[], AbstractAsyncContextManager[Services]]


class Connection:
    """Opens Temporal and the services on first use; both stay open until `opened` is closed."""

    def __init__(self, temporal: OpenTemporal, services: OpenServices, opened: AsyncExitStack) -> None:
        self._open_temporal, self._open_services, self._opened = temporal, services, opened
        self._temporal: Client | None = None
        self._services: Services | None = None
        self._opening = asyncio.Lock()

    @classmethod
    def to(cls, temporal: Client, services: Services) -> Self:
        """Return a connection on an open client and open services; the caller closes them."""

        async def connected() -> Client:
            return temporal

        return cls(connected, lambda: nullcontext(services), AsyncExitStack())

    async def temporal(self) -> Client:
        """Return the Temporal client; raise Unavailable, InvalidInput."""
        async with self._opening:
            if self._temporal is None:
                self._temporal = await self._open_temporal()
            return self._temporal

    async def services(self) -> Services:
        """Return the services on their database; raise Unavailable, Final, InvalidInput."""
        async with self._opening:
            if self._services is None:
                self._services = await self._opened.enter_async_context(self._open_services())
            return self._services
