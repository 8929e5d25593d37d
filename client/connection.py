"""The connections of a program: Temporal and the services, each opened on first use.

When both are open, they are checked once to belong to each other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Self, TypeVar

from temporalio.client import Client

from activities.installation import check_installation
from client.outages import Outages
from models.errors import Unavailable
from services.assembly import Services

A = TypeVar("A")
OpenTemporal = Callable[[], Awaitable[Client]]
OpenServices = Callable[[], AbstractAsyncContextManager[Services]]


def once(opening: OpenTemporal) -> OpenTemporal:
    """Return a call that connects to Temporal at the first call that can, and then returns the same client."""
    connected: list[Client] = []
    lock = asyncio.Lock()

    async def call() -> Client:
        async with lock:
            if not connected:
                connected.append(await opening())
            return connected[0]

    return call


class Connection:
    """Opens Temporal and the services on first use; both stay open until `opened` is closed."""

    def __init__(self, temporal: OpenTemporal, services: OpenServices, opened: AsyncExitStack) -> None:
        self._open_temporal, self._open_services, self._opened = temporal, services, opened
        self._temporal: Client | None = None
        self._services: Services | None = None
        self._opening, self._checked = asyncio.Lock(), False
        self.outages = Outages()

    @classmethod
    def to(cls, temporal: Client, services: Services) -> Self:
        """Return a connection on an open client and open services; the caller closes them."""

        async def connected() -> Client:
            return temporal

        return cls(connected, lambda: nullcontext(services), AsyncExitStack())

    async def temporal(self) -> Client:
        """Return the Temporal client; raise Unavailable, InvalidInput, NotSetUp, WrongInstallation.

        Opens the services, too, so that no command reaches a process of another installation. While the database is
        away, a command that needs only Temporal works without them, and without that check.
        """
        async with self._opening:
            if self._temporal is None:
                temporal = await self._open_temporal()
                try:
                    await self._opened_services()
                except Unavailable as error:
                    if error.lasting:  # a missing right, which is no outage, must not switch the check off
                        raise
                self._temporal = temporal
            await self._check()
            return self._temporal

    async def patiently(self, call: Callable[[], Awaitable[A]]) -> tuple[A, bool]:
        """Return what a call returns that may be repeated during an outage, and whether it was repeated.

        Connects first: a server that can't be reached at the beginning is not waited for.
        """
        calls = 0

        async def counted() -> A:
            nonlocal calls
            calls += 1
            return await call()

        await self.temporal()
        await self.services()
        return await self.outages.outlast(counted), calls > 1

    async def services(self) -> Services:
        """Return the services on their database; raise as `temporal` does, and Final for another schema version."""
        async with self._opening:
            services = await self._opened_services()
            await self._check()
            return services

    async def _opened_services(self) -> Services:
        if self._services is None:
            self._services = await self._opened.enter_async_context(self._open_services())
        return self._services

    async def _check(self) -> None:
        if self._temporal is not None and self._services is not None and not self._checked:
            await check_installation(self._temporal, self._services.installation)
            self._checked = True
