"""What the tests of the services work on."""

from dataclasses import dataclass

from services.closing import Closing
from services.database import Database
from services.inventory import Inventory
from services.orders import Orders
from services.payments import Payments
from services.shipping import Shipping
from services.simulated.card_provider import SimulatedCardProvider
from services.simulated.carrier import SimulatedCarrier


@dataclass(frozen=True)
class Shop:
    """All services on one database, the outside parties on connections of their own."""

    db: Database
    provider: SimulatedCardProvider
    carrier: SimulatedCarrier
    inventory: Inventory
    payments: Payments
    shipping: Shipping
    orders: Orders
    closing: Closing
