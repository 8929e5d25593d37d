"""The services under test."""

from functools import cached_property

from postgres.database import Database
from providers.registry import Providers
from providers.simulated.card_provider import SimulatedCardProvider
from providers.simulated.carrier import SimulatedCarrier
from services.assembly import Services
from services.orders.closing import OrderClosing


class Shop(Services):
    """All services on one database, with separate connections for the simulated external systems."""

    def __init__(self, db: Database, provider: SimulatedCardProvider, carrier: SimulatedCarrier) -> None:
        super().__init__(db, Providers(provider, carrier))
        self.provider, self.carrier = provider, carrier

    @cached_property
    def closing(self) -> OrderClosing:
        return self.order_closing
