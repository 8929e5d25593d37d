"""The providers that there are, by the name that a setting chooses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from models.errors import InvalidInput
from postgres.database import Database
from providers.ports import CardProvider, Carrier
from providers.simulated.card_provider import SimulatedCardProvider
from providers.simulated.carrier import SimulatedCarrier

T = TypeVar("T")

CARD_PROVIDERS: Mapping[str, Callable[[Database], CardProvider]] = {"simulated": SimulatedCardProvider}
CARRIERS: Mapping[str, Callable[[Database], Carrier]] = {"simulated": SimulatedCarrier}


@dataclass(frozen=True)
class Providers:
    """The outside parties that the services work with."""

    card: CardProvider
    carrier: Carrier


def providers(db: Database, card: str = "simulated", carrier: str = "simulated") -> Providers:
    """Return the providers of these names; raise InvalidInput naming the setting when there is none."""
    return Providers(
        card=_chosen("ORDERS_CARD_PROVIDER", card, CARD_PROVIDERS)(db),
        carrier=_chosen("ORDERS_CARRIER", carrier, CARRIERS)(db),
    )


def _chosen(setting: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise InvalidInput(setting, f"there is no {name}, only {', '.join(known)}")
    return known[name]
