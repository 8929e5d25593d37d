"""What the house needs of the outside world: a card provider, a carrier, a way to reach people; one small port each.

The first two must be idempotent by key, and must let an undo by key come before its do: the late do is then refused.
"""

from dataclasses import dataclass
from typing import Protocol

from models.activities.operators import Alert
from models.money import Money
from models.order import Address, Line


@dataclass(frozen=True)
class CapturedCharge:
    """Money that the provider took, under its own reference."""

    charge_id: str
    amount: Money


@dataclass(frozen=True)
class ProviderRefund:
    """Money that the provider took and gave back, under its own references."""

    charge_id: str
    refund_id: str
    amount: Money


class CardProvider(Protocol):
    """Takes and gives back money. Every call may raise Unavailable, or never answer though it took effect."""

    async def charge(self, key: str, token: str, amount: Money) -> CapturedCharge:
        """Take the amount once for the key; raise CardDeclined, KeyReused, AlreadyUndone."""
        ...

    async def refund(self, key: str) -> ProviderRefund | None:
        """Give back what was taken under the key; None when nothing was, and then nothing ever will be."""
        ...

    async def find(self, key: str) -> CapturedCharge | None:
        """Tell whether a charge landed and still stands."""
        ...


class Carrier(Protocol):
    """Takes parcels. Every call may raise Unavailable, or never answer though it took effect."""

    async def create(self, key: str, lines: tuple[Line, ...], ship_to: Address) -> str:
        """Return the tracking number of the key's parcel; raise ShipmentRefused, KeyReused, AlreadyUndone."""
        ...

    async def cancel(self, key: str) -> str | None:
        """Return the tracking number of the parcel taken back; None when there was none, and never will be."""
        ...

    async def find(self, key: str) -> str | None:
        """Return the tracking number of the key's parcel, if the carrier has it."""
        ...


class Notifier(Protocol):
    """Reaches a person: a pager, a chat, a ticket."""

    async def notify(self, alert: Alert) -> None:
        """Tell of the alert, once for its key; raise Unavailable when that can't be done now."""
        ...
