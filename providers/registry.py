"""The registered providers, by the names that the settings accept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from models.errors import InvalidInput
from postgres.database import Database
from providers.ports import CardProvider, Carrier, Notifier

T = TypeVar("T")


# Each imports its provider when it is chosen: a worker of one service needs no other service's provider.
def _simulated_card_provider(db: Database) -> CardProvider:
    from providers.simulated.card_provider import SimulatedCardProvider  # noqa: PLC0415

    return SimulatedCardProvider(db)


def _simulated_carrier(db: Database) -> Carrier:
    from providers.simulated.carrier import SimulatedCarrier  # noqa: PLC0415

    return SimulatedCarrier(db)


CARD_PROVIDERS: Mapping[str, Callable[[Database], CardProvider]] = {"simulated": _simulated_card_provider}
CARRIERS: Mapping[str, Callable[[Database], Carrier]] = {"simulated": _simulated_carrier}


@dataclass(frozen=True)
class Providers:
    """The external providers that the services call."""

    card: CardProvider
    carrier: Carrier


def providers(payments: Database, shipping: Database, card: str = "simulated", carrier: str = "simulated") -> Providers:
    """Return the providers of these names; raise InvalidInput that names the setting when a name is unknown.

    The simulated ones have their books in the databases of the services that call them.
    """
    return Providers(card=chosen_card_provider(payments, card), carrier=chosen_carrier(shipping, carrier))


def chosen_card_provider(db: Database, name: str) -> CardProvider:
    """Return the card provider of a name; raise InvalidInput that names the setting."""
    return _chosen("ORDERS_CARD_PROVIDER", name, CARD_PROVIDERS)(db)


def chosen_carrier(db: Database, name: str) -> Carrier:
    """Return the carrier of a name; raise InvalidInput that names the setting."""
    return _chosen("ORDERS_CARRIER", name, CARRIERS)(db)


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
