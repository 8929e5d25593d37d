"""The databases of services apart as one, for the checks that ask each of them."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from psycopg.rows import TupleRow

from models.participants import OWNERS, Owner
from postgres.database import Database
from postgres.pipeline import Connection
from services.databases import Databases
from services.schemas import names_of

# Schema → its service.
_OWNERS: Mapping[str, Owner] = {name: owner for owner in OWNERS for name in names_of([owner]) if name != "installation"}
_SCHEMAS = re.compile(rf"\b({'|'.join(_OWNERS)})\.\w")


def owners_in(query: bytes) -> set[Owner]:
    """Return the services whose schemas a query names."""
    return {_OWNERS[name] for name in _SCHEMAS.findall(query.decode())}


class Spread(Database):
    """Runs each query in the database of the service whose schema it names, or in that of the orders without any.

    A transaction has no effect: no snapshot includes several databases.
    """

    def __init__(self, databases: Databases) -> None:
        self.databases = databases

    def _of(self, query: bytes) -> Database:
        owners = owners_in(query)
        if len(owners) > 1:
            raise LookupError(f"the query names the schemas of several databases: {', '.join(sorted(owners))}")
        return self.databases.owned_by(owners.pop() if owners else "orders")

    async def rows(self, query: bytes, params: Any = None, connection: Connection | None = None) -> list[TupleRow]:
        """Return the rows of a query; raise LookupError when it names several databases, Unavailable."""
        return await self._of(query).rows(query, params)

    async def row(self, query: bytes, params: Any, connection: Connection | None = None) -> TupleRow | None:
        """Return the first row of a query; raise as `rows`."""
        return await self._of(query).row(query, params)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Yield nothing: each query runs by itself."""
        yield None


def answered(db: Database, queries: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return those of the queries that one database can answer."""
    return {name: query for name, query in queries.items() if not isinstance(db, Spread) or len(owners_in(query)) < 2}
