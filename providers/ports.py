"""The ports to external systems: a card provider, a carrier, a notifier (Ports and Adapters of Alistair Cockburn).

A card provider and a carrier must be idempotent by key, and must accept an undo that arrives before its do: the late do
is then refused.
"""

from dataclasses import dataclass
from typing import Protocol

from models.activities.operators import Alert
from models.money import Money
from models.order import Address, Line


@dataclass(frozen=True)
class CapturedCharge:
    """Money that the provider charged, with the provider's reference."""

    charge_id: str
    amount: Money


@dataclass(frozen=True)
class ProviderRefund:
    """Money that the provider charged and refunded, with the provider's references."""

    charge_id: str
    refund_id: str
    amount: Money


class CardProvider(Protocol):
    """Charges and refunds money. Every call may raise Unavailable, or take effect without ever answering."""

    async def charge(self, key: str, token: str, amount: Money) -> CapturedCharge:
        """Charge the amount once for the idempotency key; raise CardDeclined, KeyReused, AlreadyUndone."""
        ...

    async def refund(self, key: str) -> ProviderRefund | None:
        """Refund the charge of the key; return None when there is none, and refuse any later charge of the key."""
        ...

    async def find(self, key: str) -> CapturedCharge | None:
        """Return the charge of the key, None when there is none or it was refunded."""
        ...


class Carrier(Protocol):
    """Accepts parcels. Every call may raise Unavailable, or take effect without ever answering."""

    async def create(self, key: str, lines: tuple[Line, ...], ship_to: Address) -> str:
        """Accept one parcel per key, return its tracking number; raise ShipmentRefused, KeyReused, AlreadyUndone."""
        ...

    async def cancel(self, key: str) -> str | None:
        """Recall the key's parcel and return its tracking number; return None without one, and refuse any later one."""
        ...

    async def find(self, key: str) -> str | None:
        """Return the tracking number of the key's parcel, None when the carrier has none."""
        ...


class Notifier(Protocol):
    """Notifies operators: a pager, a chat, a ticket system."""

    async def notify(self, alert: Alert) -> None:
        """Send the alert, once for its key; raise Unavailable when it can't be sent now."""
        ...
