"""The connections of a program: Temporal and the services, each opened on first use.

When both are open, they are checked once to belong to each other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Self

from temporalio.client import Client

from activities.installation import check_installation
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
        """Return the Temporal client; raise Unavailable, InvalidInput, NotSetUp, WrongInstallation."""
        async with self._opening:
            if self._temporal is None:
                temporal = await self._open_temporal()
                await _check(temporal, self._services)
                self._temporal = temporal
            return self._temporal

    async def services(self) -> Services:
        """Return the services on their database; raise as `temporal` does, and Final for another schema version."""
        async with self._opening:
            if self._services is None:
                services = await self._opened.enter_async_context(self._open_services())
                await _check(self._temporal, services)
                self._services = services
            return self._services


async def _check(temporal: Client | None, services: Services | None) -> None:
    if temporal is not None and services is not None:
        await check_installation(temporal, services.installation)
