"""Concurrent attempts of one delivery: no attempt reverses or partly undoes the decision of another."""

import asyncio
from typing import Any

import pytest

from choreography.assembly import Choreography
from choreography.reactions import Subscribers
from models.attempts import DO_ATTEMPTS
from models.choreography import REPEATED, DomainEvent
from models.errors import Unavailable
from models.order import Order
from models.participants import Owner
from providers.registry import Providers
from services.assembly import Services
from tests.choreography.conftest import NO_TEMPORAL, order_status
from tests.choreography.playing import events_of, place, play, play_out
from tests.conservation import assert_conserved
from tests.orders.scenarios import Scenario
from tests.services.shop import Shop

BY_SUBSCRIBER = pytest.mark.parametrize(
    ("subscriber", "made", "given_up"),
    [("payments", "PaymentCharged", "PaymentDeclined"), ("shipping", "ShipmentCreated", "ShipmentRefused")],
)


class CutOff:
    """An external system whose answers are lost: it performs each call, and the answer to `find` comes late."""

    def __init__(self, party: Any) -> None:
        self._party = party
        self.called, self.released = asyncio.Event(), asyncio.Event()

    async def charge(self, *request: Any) -> None:
        await self._party.charge(*request)
        raise Unavailable("no answer")

    async def create(self, *request: Any) -> None:
        await self._party.create(*request)
        raise Unavailable("no answer")

    async def find(self, _key: str) -> None:
        self.called.set()
        await self.released.wait()
        raise Unavailable("no answer")

    async def refund(self, _key: str) -> None:
        raise Unavailable("no answer")

    async def cancel(self, _key: str) -> None:
        raise Unavailable("no answer")


async def up_to(shop: Shop, subscribers: Subscribers, subscriber: Owner) -> tuple[Order, DomainEvent]:
    """Return an order and the event that the subscriber will react to."""
    order = Scenario("late").order()
    event = await place(shop, order)
    for _ in ("inventory", "payments")[: 1 + (subscriber == "shipping")]:
        await play(subscribers, event)
        event = (await events_of(shop, order.order_id))[-1]
    return order, event


def cut_off(shop: Shop, subscriber: Owner) -> tuple[CutOff, Subscribers]:
    """Return the subscriber's external system, cut off, and the subscribers of a worker that uses it."""
    party: Any = CutOff(shop.provider if subscriber == "payments" else shop.carrier)
    parties = (party, shop.carrier) if subscriber == "payments" else (shop.provider, party)
    return party, Choreography(NO_TEMPORAL, Services(shop.db, Providers(*parties))).subscribers


@BY_SUBSCRIBER
async def test_an_attempt_that_gives_up_late_does_not_undo_the_effect_that_the_next_one_recorded(
    shop: Shop, subscribers: Subscribers, subscriber: Owner, made: str, given_up: str
) -> None:
    order, event = await up_to(shop, subscribers, subscriber)
    party, isolated = cut_off(shop, subscriber)
    late = asyncio.create_task(isolated.handle(subscriber, event, DO_ATTEMPTS))
    await party.called.wait()
    assert await subscribers.handle(subscriber, event, DO_ATTEMPTS + 1) == made
    party.released.set()

    assert await late == f"{REPEATED}: {made}"

    await play_out(shop, subscribers, order.order_id)
    assert await order_status(shop.db, order) == "completed"
    await assert_conserved(shop.db)


@BY_SUBSCRIBER
async def test_an_attempt_that_resumes_after_its_order_completed_leaves_no_dead_letter(
    shop: Shop, subscribers: Subscribers, subscriber: Owner, made: str, given_up: str
) -> None:
    order, event = await up_to(shop, subscribers, subscriber)
    party, isolated = cut_off(shop, subscriber)
    late = asyncio.create_task(isolated.handle(subscriber, event, DO_ATTEMPTS))
    await party.called.wait()
    await play_out(shop, subscribers, order.order_id)
    party.released.set()

    assert await late == f"{REPEATED}: {made}"
    assert await order_status(shop.db, order) == "completed"


@BY_SUBSCRIBER
async def test_an_undo_that_an_attempt_began_before_it_died_is_finished_by_the_next_one(
    shop: Shop, subscribers: Subscribers, subscriber: Owner, made: str, given_up: str
) -> None:
    order, event = await up_to(shop, subscribers, subscriber)
    party, isolated = cut_off(shop, subscriber)
    party.released.set()
    with pytest.raises(Unavailable):
        await isolated.handle(subscriber, event, DO_ATTEMPTS)

    assert await subscribers.handle(subscriber, event, DO_ATTEMPTS + 1) == given_up

    await play_out(shop, subscribers, order.order_id)
    assert await order_status(shop.db, order) == "compensated"
    await assert_conserved(shop.db)
