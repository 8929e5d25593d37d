"""The composition root of the services: they are built here, and everything else receives them."""

from collections.abc import Sequence
from functools import cached_property

from messaging.dead_letters.dead_letters import DeadLetters
from messaging.idempotent_receiver.admission import AcceptedProcesses
from messaging.idempotent_receiver.settlement import Settlement, settlement
from messaging.outbox.feed import OutboxFeed
from messaging.outbox.outbox import Outbox
from messaging.trace.trace import Trace
from messaging.trace.undelivered import Undelivered
from models.activities.inventory import SettleStock
from models.activities.payments import SettlePayment
from models.activities.shipping import SettleShipment
from models.activities.wrapping import SettleWrapping
from models.participants import Owner
from postgres.database import Database
from providers.ports import Notifier
from providers.registry import Providers
from services.accepted import Accepted, AcceptedMemory, Stored
from services.databases import Databases
from services.fraud.fraud import FraudDesk
from services.installation.installation import Installation
from services.inventory.inventory import Inventory
from services.operators.alerts import Alerts
from services.operators.unsent_alerts import UnsentAlerts
from services.orders.closing import OrderClosing
from services.orders.open_orders import OpenOrders
from services.orders.orders import Orders
from services.orders.placing import ChoreographedOrders
from services.orders.pricing import Pricing
from services.orders.process_states import ProcessStates
from services.payments.ledger import Ledger
from services.payments.payments import Payments
from services.payments.transfers import Transfers
from services.retention import Retention
from services.shipping.shipping import Shipping
from services.slips.closing import SlipClosing
from services.slips.open_slips import OpenSlips
from services.slips.revisions import SlipRevisions
from services.slips.slips import Slips
from services.wrapping.wrapping import Wrapping

# The parcel first: its receipt decides whether an order can still be undone.
_ORDER_STEPS = (("ship", "create_shipment"), ("charge", "charge_payment"), ("reserve", "reserve_inventory"))


class Services:
    """All services on their databases; each is built when it is first used."""

    def __init__(
        self,
        databases: Databases | Database,
        providers: Providers,
        notifiers: Sequence[Notifier] = (),
    ) -> None:
        self.databases, self.providers, self._notifiers = Databases.of(databases), providers, notifiers

    @property
    def db(self) -> Database:
        """The database of the orders, and of everything that has none of its own."""
        return self.databases.orders

    @cached_property
    def remembered(self) -> AcceptedMemory:
        """What is known to be accepted and open."""
        return AcceptedMemory()

    @cached_property
    def accepted(self) -> AcceptedProcesses:
        """The port of the participants to what was accepted."""
        return Accepted(Stored(self.orders, self.slips), self.remembered)

    @cached_property
    def installation(self) -> Installation:
        """The record of the namespace that the database of the orders belongs to."""
        return Installation(self.db)

    @cached_property
    def inventory(self) -> Inventory:
        """The stock of articles."""
        return Inventory(self.databases.inventory, self.accepted)

    @cached_property
    def payments(self) -> Payments:
        """Card payments."""
        return Payments(self.databases.payments, self.providers.card, self.accepted)

    @cached_property
    def transfers(self) -> Transfers:
        """Bank transfers."""
        return Transfers(self.databases.payments, self.accepted)

    @cached_property
    def ledger(self) -> Ledger:
        """The balances of the ledger's accounts."""
        return Ledger(self.databases.payments)

    @cached_property
    def shipping(self) -> Shipping:
        """Parcels."""
        return Shipping(self.databases.shipping, self.providers.carrier, self.accepted)

    @cached_property
    def orders(self) -> Orders:
        """Orders and their outcomes."""
        return Orders(self.db, self.remembered.put)

    @cached_property
    def order_closing(self) -> OrderClosing:
        """The closing of orders."""
        by_step = {step: self._settlements[activity] for step, activity in _ORDER_STEPS}
        return OrderClosing(self.db, by_step.items(), self.remembered.forget)

    @cached_property
    def open_orders(self) -> OpenOrders:
        """Orders without an outcome."""
        return OpenOrders(self.db)

    @cached_property
    def choreographed_orders(self) -> ChoreographedOrders:
        """The placing of choreographed orders."""
        return ChoreographedOrders(self.db, Outbox("orders"), self.trace)

    @cached_property
    def pricing(self) -> Pricing:
        """Prices by the catalogue."""
        return Pricing(self.db)

    @cached_property
    def process_states(self) -> ProcessStates:
        """The read model of process states."""
        return ProcessStates(self.db)

    @cached_property
    def slips(self) -> Slips:
        """Routing slips and their outcomes."""
        return Slips(self.db)

    @cached_property
    def open_slips(self) -> OpenSlips:
        """Slips without an outcome."""
        return OpenSlips(self.db)

    @cached_property
    def slip_closing(self) -> SlipClosing:
        """The closing of routing slips."""
        return SlipClosing(self.db, self._settlements, self.remembered.forget)

    @cached_property
    def _settlements(self) -> dict[str, Settlement]:
        """The settlement of each activity's effects."""
        return {
            "create_shipment": settlement(self.shipping, SettleShipment),
            "charge_payment": settlement(self.payments, SettlePayment),
            "wrap_gift": settlement(self.wrapping, SettleWrapping),
            "reserve_inventory": settlement(self.inventory, SettleStock),
        }

    @cached_property
    def slip_revisions(self) -> SlipRevisions:
        """The revisions of routing slips."""
        return SlipRevisions(self.db)

    @cached_property
    def wrapping(self) -> Wrapping:
        """The wrapping desk."""
        return Wrapping(self.db, self.accepted)

    @cached_property
    def fraud(self) -> FraudDesk:
        """The fraud desk."""
        return FraudDesk()

    @cached_property
    def alerts(self) -> Alerts:
        """Alerts to operators."""
        return Alerts(self.db, self._notifiers)

    @cached_property
    def unsent_alerts(self) -> UnsentAlerts:
        """Alerts that reached no operator."""
        return UnsentAlerts(self.db, self.dead_letters, self.alerts)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The dead letter channel."""
        return DeadLetters(self.db)

    @cached_property
    def trace(self) -> Trace:
        """The trace of choreographed orders."""
        return Trace(self.db)

    @cached_property
    def undelivered(self) -> Undelivered:
        """Deliveries of events that failed permanently."""
        return Undelivered(self.db, self.trace)

    def feed(self, owner: Owner) -> OutboxFeed:
        """Return the events of a service."""
        return OutboxFeed(self.databases.owned_by(owner), owner)

    @cached_property
    def retention(self) -> Retention:
        """The pruning of old orders and slips."""
        return Retention(self.databases)
