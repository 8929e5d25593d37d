"""The registered providers, by the names that the settings accept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from models.errors import InvalidInput
from postgres.database import Database
from providers.ports import CardProvider, Carrier, Notifier
from providers.simulated.card_provider import SimulatedCardProvider
from providers.simulated.carrier import SimulatedCarrier

T = TypeVar("T")

CARD_PROVIDERS: Mapping[str, Callable[[Database], CardProvider]] = {"simulated": SimulatedCardProvider}
CARRIERS: Mapping[str, Callable[[Database], Carrier]] = {"simulated": SimulatedCarrier}


@dataclass(frozen=True)
class Providers:
    """The external providers that the services call."""

    card: CardProvider
    carrier: Carrier


def providers(db: Database, card: str = "simulated", carrier: str = "simulated") -> Providers:
    """Return the providers of these names; raise InvalidInput that names the setting when a name is unknown."""
    return Providers(
        card=_chosen("ORDERS_CARD_PROVIDER", card, CARD_PROVIDERS)(db),
        carrier=_chosen("ORDERS_CARRIER", carrier, CARRIERS)(db),
    )


def _chosen(setting: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise InvalidInput(setting, f"{name} is unknown; use one of: {', '.join(known)}")
    return known[name]


def notifiers(webhook: str | None) -> list[Notifier]:
    """Return the notifiers of alerts, for a webhook's URL; alerts are logged in any case."""
    if webhook is None:
        return []
    from providers.webhook import WebhookNotifier  # noqa: PLC0415 - the import is slow, and most processes need none

    return [WebhookNotifier(webhook)]
