"""The addresses of the services' databases: one for all by default, or one for a service."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from models.errors import InvalidInput
from models.participants import OWNERS, Owner
from runtime.connection import database_of
from runtime.database_url import encrypted
from runtime.settings import Settings, variable

ALL = variable("database_url")


@dataclass(frozen=True)
class DatabaseUrls:
    """The URL of each service's database, None for one that this process doesn't know; `named`: those set by name."""

    orders: str | None
    inventory: str | None
    payments: str | None
    shipping: str | None
    named: frozenset[Owner] = frozenset()

    def known(self, owner: Owner) -> str | None:
        """Return the URL of a service's database, None when it isn't set."""
        url: str | None = getattr(self, owner)
        return url

    def of(self, owner: Owner) -> str:
        """Return the URL of a service's database; raise InvalidInput that names the variable when it isn't set."""
        if (url := self.known(owner)) is None:
            raise InvalidInput(_variable(owner), f"must be set, or {ALL} for all services together")
        return url

    def apart(self, owner: Owner) -> bool:
        """Return whether a service has another database than the orders, or that of the orders isn't known."""
        return self.orders is None or self.known(owner) != self.orders

    @property
    def together(self) -> bool:
        """Whether all services have one database."""
        return not any(map(self.apart, OWNERS))

    def groups(self) -> list[tuple[Owner, ...]]:
        """Return the services by their database, the orders first; one without a known URL is by itself."""
        found: dict[str, list[Owner]] = {}
        for owner in OWNERS:
            found.setdefault(self.known(owner) or owner, []).append(owner)
        return [tuple(owners) for owners in found.values()]

    def group_of(self, owner: Owner) -> tuple[Owner, ...]:
        """Return the services that have the same database as one of them, that one among them."""
        return next(group for group in self.groups() if owner in group)

    @contextmanager
    def naming(self, owner: Owner) -> Iterator[None]:
        """Name the variable that the URL of a service comes from in an error about it."""
        try:
            yield
        except InvalidInput as error:
            if error.field != ALL or owner not in self.named:
                raise
            raise InvalidInput(_variable(owner), error.problem) from None


def all_in(url: str) -> DatabaseUrls:
    """Return the URLs of services that have one database."""
    return DatabaseUrls(url, url, url, url)


def urls_of(given: DatabaseUrls | str) -> DatabaseUrls:
    """Return the URLs; a text is the URL of one database for all."""
    return all_in(given) if isinstance(given, str) else given


def databases_of(settings: Settings) -> DatabaseUrls:
    """Return the URLs of the configured databases, or of the embedded one.

    Raises Unreachable when the embedded servers don't run, InvalidInput that names the variable at fault.
    """
    own = {
        owner: encrypted(url, insecure=settings.insecure, variable=_variable(owner))
        for owner, url in settings.own_databases.items()
    }
    rest = database_of(settings) if settings.database_url is not None or not own else None
    given = {owner: own.get(owner, rest) for owner in OWNERS}
    return DatabaseUrls(**given, named=frozenset(own))


def _variable(owner: Owner) -> str:
    return variable(f"database_url_{owner}")
