"""Whose calls a participant serves: those of an accepted order's own workflow, with the accepted values."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier
from temporalio.worker import Worker

from models.names import workflow_id
from postgres.database import Database
from runtime.embedded.stack import Stack
from tests.conservation import assert_conserved
from tests.participants.calling import CALLERS, Answer, Called, Caller, Paid, accepted, answers
from tests.participants.programs import PROGRAMS
from tests.participants.test_contract import AMOUNT, CARD, TRANSFER, final
from tests.systems import System, open_system

pytestmark = pytest.mark.server
SECONDS_TO_NOTICE = 30


@pytest.fixture(scope="module", params=PROGRAMS)
async def system(request: pytest.FixtureRequest, servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system, PROGRAMS[request.param](system):
        async with Worker(system.client, task_queue=CALLERS, workflows=[Caller]):
            yield system
        # The last test has closed the connections.
        async with await Database.open(system.stack.database_url) as db:
            await assert_conserved(db)


async def receipts(system: System, paid: Paid) -> int:
    found: int = await system.one("select count(*) from payments.receipts where key = %s", paid.key)
    return found


@pytest.mark.parametrize(
    "asked",
    [
        {**CARD, "amount": AMOUNT | {"amount": 1}},
        {**CARD, "amount": AMOUNT | {"currency": "USD"}},
        {**CARD, "token": "tok_other"},
        TRANSFER,
    ],
    ids=["another amount", "another currency", "another card", "a transfer"],
)
async def test_other_values_than_the_accepted_ones_are_refused(system: System, asked: dict[str, Any]) -> None:
    paid = await accepted(system)

    assert await paid.call("charge_payment", **asked) == final("NotAccepted")
    assert await receipts(system, paid) == 0
    assert (await paid.call("charge_payment", **CARD)).error is None


async def test_an_order_that_nobody_accepted_is_refused(system: System) -> None:
    paid = await accepted(system)
    paid.order_id, paid.key = "o-nobody", "o-nobody:charge"

    for activity, fields in (("charge_payment", CARD), ("refund_payment", {}), ("settle_payment", {})):
        assert await paid.call(activity, **fields) == final("NotAccepted")
    assert await receipts(system, paid) == 0


@pytest.mark.parametrize("step", ["ship", "reserve", "charge2"])
async def test_a_key_of_another_step_is_refused(system: System, step: str) -> None:
    paid = await accepted(system)
    paid.key = f"{paid.order_id}:{step}"

    assert await paid.call("charge_payment", **CARD) == final("NotAccepted")
    assert await paid.call("refund_payment") == final("NotAccepted")
    assert await receipts(system, paid) == 0


async def test_only_the_own_workflow_of_an_order_may_call(system: System) -> None:
    paid = await accepted(system)
    charge = Called(activity="charge_payment", arguments=[paid.request(**CARD)])
    refund = Called(activity="refund_payment", arguments=[paid.request()])
    question = Called(activity="find_payment_receipts", arguments=[{"order_id": paid.order_id}])

    for caller in ("mallory", f"slip-{paid.order_id}", workflow_id("another")):
        assert await answers(system, caller, charge, refund, question) == [final("NotAccepted")] * 3
    assert await receipts(system, paid) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [{"order_id": "o-1"}],
        [{"key": "o-1:charge", "order_id": "o-2", **CARD}],
        [{"key": "o-1:charge", "order_id": "o-1", **CARD, "more": 1}],
        [{"key": "o-1:charge", "order_id": "o-1", "amount": {"amount": -1, "currency": "EUR"}, "token": "tok_ok"}],
        [{"key": "o-1:charge", "order_id": "o-1", "amount": {"amount": "1", "currency": "EUR"}, "token": "tok_ok"}],
        [{"key": "o-1:charge", "order_id": "o-1", "token": "tok_ok", **TRANSFER}],
    ],
)
async def test_a_request_that_is_none_is_refused_once(system: System, arguments: list[Any]) -> None:
    (answer,) = await answers(system, "order-o-1", Called(activity="charge_payment", arguments=arguments, attempts=2))

    assert (answer.error, answer.retried, answer.benign) == ("InvalidInput", False, False)


@pytest.mark.parametrize("question", [{}, {"order_id": "o.1"}, {"order_id": "o-1", "key": "o-1:charge"}])
async def test_a_question_that_is_none_is_refused_once(system: System, question: dict[str, Any]) -> None:
    called = Called(activity="find_payment_receipts", arguments=[question], attempts=2)

    (answer,) = await answers(system, "order-o-1", called)

    assert (answer.error, answer.retried, answer.benign) == ("InvalidInput", False, False)


async def test_of_an_order_that_has_ended_only_answers_are_repeated(system: System) -> None:
    done, undone, never = [await accepted(system) for _ in range(3)]
    charged = await done.call("charge_payment", **CARD)
    await done.call("settle_payment")
    await undone.call("charge_payment", **CARD)
    await undone.call("refund_payment")
    # As the services of inventory and shipping would allow it, of which this test is not.
    for paid, status in ((done, "completed"), (undone, "compensated"), (never, "cancelled")):
        query = "update orders.orders set status = %s, closed_at = now() where order_id = %s returning 1"
        assert await system.one(query, status, paid.order_id)
    # The Python service remembers an open order for a minute; a refusal and an undo are based on a fresh answer.
    assert await done.call("charge_payment", **CARD) == charged
    assert await done.call("refund_payment") == final("AlreadySettled")
    assert await undone.call("charge_payment", **CARD) == final("AlreadyUndone")
    # The first by its receipt, if the order is still taken for open.
    assert await undone.call("settle_payment") == final("AlreadyUndone")
    assert await never.call("charge_payment", **CARD) == final("NotAccepted")
    assert await never.call("settle_payment") == final("AlreadyUndone")
    assert await receipts(system, never) == 0


async def test_an_attempt_that_did_not_reach_the_database_was_not_begun(system: System, servers: Stack) -> None:
    paid = await accepted(system)
    name = await system.one("select current_database()")
    allow = SQL("alter database {} with allow_connections {}")
    closing = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
    seen: list[Answer] = []
    async with await AsyncConnection.connect(servers.database_url, autocommit=True) as outside:
        await outside.execute(allow.format(Identifier(name), SQL("false")))
        try:
            async with asyncio.timeout(SECONDS_TO_NOTICE):
                while not seen or seen[-1].error != "NotBegun":
                    await outside.execute(closing, [name])
                    seen.append(await paid.call("charge_payment", **CARD))
        finally:
            await outside.execute(allow.format(Identifier(name), SQL("true")))

    assert {(each.error, each.retried) for each in seen} <= {("Unavailable", True), ("NotBegun", True)}
    assert (await paid.call("charge_payment", attempts=8, **CARD)).error is None
