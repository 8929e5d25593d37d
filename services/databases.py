"""The databases of the services: one for all by default, or one for a service."""

from dataclasses import dataclass

from models.participants import OWNERS, Owner
from postgres.database import Database


@dataclass(frozen=True)
class Databases:
    """The database of each service; services may share one. That of the orders holds everything else, too."""

    orders: Database
    inventory: Database
    payments: Database
    shipping: Database

    @classmethod
    def of(cls, given: "Databases | Database") -> "Databases":
        """Return the databases; a single one is the database of all services."""
        return given if isinstance(given, Databases) else cls(given, given, given, given)

    def owned_by(self, owner: Owner) -> Database:
        """Return the database of a service."""
        database: Database = getattr(self, owner)
        return database

    @property
    def together(self) -> bool:
        """Whether all services have one database, so that one transaction can include them all."""
        return all(self.owned_by(owner) is self.orders for owner in OWNERS)
