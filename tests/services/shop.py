"""The services under test."""

from functools import cached_property

from messaging.idempotent_receiver.admission import AcceptedProcesses
from models.accepted import AcceptedProcess, AcceptedStep
from postgres.database import Database
from providers.registry import Providers
from providers.simulated.card_provider import SimulatedCardProvider
from providers.simulated.carrier import SimulatedCarrier
from services.assembly import Services
from services.orders.closing import OrderClosing


class AnyProcess:
    """For the tests of one participant: every order and slip was accepted, with any values."""

    async def of(self, process: str, *, fresh: bool = False) -> AcceptedProcess:
        activities = {
            "reserve": "reserve_inventory",
            "charge": "charge_payment",
            "ship": "create_shipment",
            "wrap": "wrap_gift",
        }
        steps = {name: AcceptedStep(activity=activity, values={}) for name, activity in activities.items()}
        return AcceptedProcess(process=process, steps=steps)


class Shop(Services):
    """All services on one database, with separate connections for the simulated external systems."""

    def __init__(self, db: Database, provider: SimulatedCardProvider, carrier: SimulatedCarrier) -> None:
        super().__init__(db, Providers(provider, carrier))
        self.provider, self.carrier = provider, carrier

    @cached_property
    def accepted(self) -> AcceptedProcesses:
        return AnyProcess()

    @cached_property
    def closing(self) -> OrderClosing:
        return self.order_closing
