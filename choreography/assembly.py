"""The choreography in a worker of the orders: the participants it serves, and its background tasks."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.worker import Interceptor, Worker

from choreography import background, inventory, orders, payments, shipping
from choreography.events import Events, TraceActivities
from choreography.handling import Deliveries
from choreography.participant import Participant
from choreography.purging import Purging
from choreography.reactions import Subscribers
from choreography.recorder import Recorder
from choreography.redrive import DeliveryRedriver
from choreography.relay import Relay, Source
from choreography.restored import Restored
from choreography.watcher import Watcher
from messaging.outbox.listener import OutboxListener
from models.participants import OWNERS, Owner, Service
from services.assembly import Services


def redriver(client: Client, services: Services) -> DeliveryRedriver:
    """Return the redriver of dead deliveries, which needs the database of the orders only."""
    known = services.databases
    here = [owner for owner in OWNERS if known.owned_by(owner) is known.orders]
    events = Events({owner: services.feed(owner) for owner in here}, client)
    return DeliveryRedriver(client, services.trace, services.undelivered, events)


class Choreography:
    """What a worker of the orders does for choreographed orders; the services `apart` have task queues of their own."""

    def __init__(self, client: Client, services: Services, apart: Collection[Service] = ()) -> None:
        self._client, self._services, self._apart = client, services, frozenset(apart)
        self._served = [owner for owner in OWNERS if owner not in self._apart]
        databases = services.databases
        here = [owner for owner in OWNERS if owner in self._served or databases.owned_by(owner) is databases.orders]
        self._feeds = {owner: services.feed(owner) for owner in here}
        self._restored = Restored(services.trace, services.orders)
        self.events = Events(self._feeds, client, self._restored)
        self._recorder = Recorder(services.trace, services.undelivered, self.events)

    @property
    def participants(self) -> dict[Owner, Participant[Any]]:
        """The services that this worker serves."""
        services, served = self._services, self._served
        databases, accepted, chosen = services.databases, services.accepted, services.providers
        known: dict[Owner, Participant[Any]] = {
            "orders": orders.participant(services.db, services.trace, services.remembered.forget),
            "inventory": inventory.participant(databases.inventory, accepted),
            "payments": payments.participant(databases.payments, chosen.card, accepted),
            "shipping": shipping.participant(databases.shipping, chosen.carrier, accepted),
        }
        return {owner: participant for owner, participant in known.items() if owner in served}

    @property
    def subscribers(self) -> Subscribers:
        """The reactions of the services that this worker serves."""
        return Subscribers(self.participants)

    @property
    def deliveries(self) -> Deliveries:
        """The activity that handles deliveries."""
        return Deliveries(
            self.subscribers, self.events, self._services.undelivered, client=self._client, apart=self._apart
        )

    @property
    def watcher(self) -> Watcher:
        """The watcher of all choreographed orders."""
        services = self._services
        return Watcher(self._client, services.db, services.orders, services.trace, services.undelivered, self.events)

    def relay(self, url: str, owners: Iterable[Owner] = OWNERS, meter: MetricMeter = MetricMeter.noop) -> Relay:
        """Return a relay for the services `owners`, whose database is at `url`."""
        sources = [Source(self._services.feed(owner), self._recorder) for owner in owners if owner in self._served]
        return Relay(self._client, sources, OutboxListener(url), self._apart, meter)

    def tasks(self, urls: Sequence[tuple[str, Sequence[Owner]]], meter: MetricMeter) -> list[background.Task]:
        """Return the background tasks; `urls`: the address of a database, and the services in it."""
        relays = [self.relay(url, owners, meter) for url, owners in urls if set(owners) & set(self._served)]
        purging = [Purging(self._services.feed(owner), self._services.accepted) for owner in self._served]
        return [*(relay.run for relay in relays), self.watcher.run, *(each.run for each in purging)]

    def answering(self, interceptors: Sequence[Interceptor], beside: Collection[Service] = ()) -> list[Worker]:
        """Return the workers that answer for events to services with other databases; none if there is only one.

        The services `beside` have workers in this process that answer for the events in their own databases.
        """
        databases = self._services.databases
        if databases.together:
            return []
        tracing = TraceActivities(self.events, self._recorder, self._restored)
        return [
            background.answering(self._client, feed, interceptors, tracing if owner == "orders" else None)
            for owner, feed in self._feeds.items()
            if owner not in beside or databases.owned_by(owner) is databases.orders
        ]
