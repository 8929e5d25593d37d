"""The choreography in a process of services apart: their reactions, relays and events, and nothing of others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.worker import Interceptor, Worker

from choreography import background
from choreography.events import Events, Recording, TraceByCall, TracedByCall
from choreography.handling import Deliveries
from choreography.participant import Participant
from choreography.purging import Purging
from choreography.reactions import Subscribers
from choreography.recorder import Recorder
from choreography.relay import Relay, Source
from choreography.restored import Restored
from messaging.idempotent_receiver.admission import AcceptedProcesses
from messaging.outbox.feed import OutboxFeed
from messaging.outbox.listener import OutboxListener
from messaging.trace.trace import Trace
from messaging.trace.undelivered import Undelivered
from models.participants import Owner, Service
from postgres.database import Database
from services.orders.orders import Orders


@dataclass(frozen=True)
class Part:
    """A service that takes part, and its port to what was accepted."""

    participant: Participant[Any]
    accepted: AcceptedProcesses


class OfParticipants:
    """What a process of services apart does for choreographed orders.

    `urls` and `databases` are those of its services and of others in the same databases. What is recorded of the orders
    is written there if their database is among them, and else by the orders' own workers.
    """

    def __init__(
        self,
        client: Client,
        urls: Mapping[Owner, str],
        parts: Mapping[Service, Part],
        databases: Mapping[Owner, Database],
        apart: Collection[Service],
    ) -> None:
        self._client, self._urls, self._parts, self._databases = client, urls, parts, databases
        self._apart = {*apart, *parts}
        orders = databases.get("orders")
        self._trace = Trace(orders) if orders else None
        traced = Restored(self._trace, Orders(orders)) if orders and self._trace else TracedByCall(client)
        self._events = Events({owner: OutboxFeed(db, owner) for owner, db in databases.items()}, client, traced)
        self._letters = Undelivered(orders, self._trace) if orders and self._trace else None

    @property
    def deliveries(self) -> Deliveries:
        """The activity that handles deliveries to the services of this process."""
        subscribers = Subscribers({name: part.participant for name, part in self._parts.items()})
        return Deliveries(subscribers, self._events, self._letters)

    def tasks(self, meter: MetricMeter) -> list[background.Task]:
        """Return the background tasks: a relay for each database, and the purging of each service's events."""
        relays = [
            Relay(self._client, list(map(self._source, names)), OutboxListener(url), self._apart, meter)
            for url in dict.fromkeys(self._urls[name] for name in self._parts)
            if (names := [name for name in self._parts if self._urls[name] == url])
        ]
        purging = [Purging(self._feed(name), part.accepted) for name, part in self._parts.items()]
        return [*(relay.run for relay in relays), *(each.run for each in purging)]

    def answering(self, interceptors: Sequence[Interceptor]) -> list[Worker]:
        """Return the workers that answer for the services' events; none for those in the database of the orders."""
        asked = [name for name in self._parts if self._databases[name] is not self._databases.get("orders")]
        return [background.answering(self._client, self._feed(name), interceptors) for name in asked]

    def _feed(self, service: Service) -> OutboxFeed:
        return OutboxFeed(self._databases[service], service)

    def _source(self, service: Service) -> Source:
        trace: Recording = TraceByCall(self._client, service)
        if self._trace and self._letters:
            trace = Recorder(self._trace, self._letters, self._events)
        return Source(self._feed(service), trace)
