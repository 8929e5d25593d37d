"""Opens the services' databases: those that a process needs at once, the others when they are first used."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from models.participants import OWNERS, Owner, Service
from postgres.connection import place_of
from postgres.database import Database
from postgres.on_demand import OnDemand
from runtime.databases import DatabaseUrls
from runtime.settings import Settings
from services import schemas
from services.databases import Databases
from services.installation.installation import Installation, marked

# What a service in the database of the orders reads there of what was accepted, and records of its events.
OF_THE_ORDERS = frozenset({"orders", "slips", "trace", "dead_letters"})
# Raises when a database that is opened later belongs to another installation.
Check = Callable[[Installation], Awaitable[None]]


@dataclass(frozen=True)
class Opened:
    """The open databases: the services' view of them, and the records of the installations that must be watched."""

    by_owner: dict[Owner, Database] = field(default_factory=dict)
    installations: list[Installation] = field(default_factory=list)

    @property
    def databases(self) -> Databases:
        """The database of each service."""
        return Databases(*(self.by_owner[owner] for owner in OWNERS))


@asynccontextmanager
async def opened(
    urls: DatabaseUrls, settings: Settings, needed: Collection[Owner], check: Check
) -> AsyncIterator[Opened]:
    """Open the databases of the services in `needed`, and prepare the others for their first use.

    Each database that is opened has the schemas of its services; one that is opened later is also given to `check`.
    Raises InvalidInput that names the variable at fault, Final for another schema version, Unavailable.
    """
    found = Opened()
    async with AsyncExitStack() as stack:
        for owners in urls.groups():
            if set(owners) & set(needed):
                database = await _open(urls, owners, settings, schemas_of(owners, settings))
                found.installations.extend(Installation(database, owner) for owner in marked(owners))
            else:
                database = _on_demand(urls, owners, settings, check)
            stack.push_async_callback(database.close)
            found.by_owner.update(dict.fromkeys(owners, database))
        yield found


@asynccontextmanager
async def opened_for(urls: DatabaseUrls, settings: Settings, served: Collection[Service]) -> AsyncIterator[Opened]:
    """Open the databases of services apart, which have their schemas, and nothing of others; raise as `opened`.

    One in the database of the orders also reads there what was accepted, and records its events.
    """
    found = Opened()
    own = schemas_of(served, settings)
    async with AsyncExitStack() as stack:
        for owners in urls.groups():
            if not set(owners) & set(served):
                continue
            named = [owner for owner in owners if owner in served]
            names = (own | OF_THE_ORDERS) & schemas_of(owners, settings)
            database = await _open(urls, named, settings, names)
            stack.push_async_callback(database.close)
            watched = [owner for owner in marked(owners) if owner == "orders" or owner in served]
            found.installations.extend(Installation(database, owner) for owner in watched)
            found.by_owner.update(dict.fromkeys(owners, database))
        yield found


async def _open(urls: DatabaseUrls, owners: Collection[Owner], settings: Settings, names: Collection[str]) -> Database:
    (first, *_) = owners
    url = urls.of(first)
    with urls.naming(first):
        database = await Database.open(url, size=settings.database_pool)
    try:
        await asyncio.to_thread(schemas.check, url, names)
    except BaseException:
        await database.close()
        raise
    return database


def _on_demand(urls: DatabaseUrls, owners: Sequence[Owner], settings: Settings, check: Check) -> Database:
    async def opening() -> Database:
        database = await _open(urls, owners, settings, schemas_of(owners, settings))
        try:
            for owner in marked(owners):
                await check(Installation(database, owner))
        except BaseException:
            await database.close()
            raise
        return database

    (first, *_) = owners
    known = urls.known(first)
    return OnDemand(place_of(known) if known else f"of {first}", opening)


def schemas_of(owners: Collection[Owner], settings: Settings) -> frozenset[str]:
    """Return the schemas of services with the providers of the settings."""
    return schemas.names_of(owners, card_provider=settings.card_provider, carrier=settings.carrier)
