"""How long an order may take: by option, by its own field, by setting, in this order."""

from typing import Any

import pytest

from tests.cli.conftest import Starter, as_bytes, order_document, run_starter
from tests.cli.operate.parking import new_id, paying_with
from tests.systems import Environment

pytestmark = pytest.mark.server

SLOW = paying_with("tok_flaky_9")


def deadline_of(starter: Starter, order_id: str) -> Any:
    return starter("status", order_id, "--json").document["state"]["data"]["order"]["deadline_seconds"]


def test_an_order_that_takes_longer_than_its_deadline_is_undone(starter: Starter) -> None:
    ran = starter("place", "-", "--deadline", "1", "--json", stdin=as_bytes(order_document(new_id(), **SLOW)))

    assert ran.code == 3
    assert ran.document["status"] == "compensated"
    assert ran.document["reason"] == "deadline: the order took longer than its deadline"
    assert ran.document["undone"] == ["charge", "reserve"]


def test_the_same_order_with_another_deadline_is_the_same_order(starter: Starter) -> None:
    document = as_bytes(order_document(new_id()))
    starter("place", "-", "--deadline", "600", stdin=document)

    ran = starter("place", "-", "--deadline", "700", "--json", stdin=document)

    assert ran.code == 0, ran.err
    assert ran.document["placed_before"] is True
    assert deadline_of(starter, ran.document["order_id"]) == 600


@pytest.mark.parametrize(
    ("option", "own", "expected"),
    [((), {}, 900), ((), {"deadline_seconds": 800}, 800), (("--deadline", "700"), {"deadline_seconds": 800}, 700)],
)
def test_the_nearest_word_on_a_deadline_counts(
    option: tuple[str, ...], own: dict[str, int], expected: int, starter: Starter, system: Environment
) -> None:
    order_id = new_id()
    document = as_bytes(order_document(order_id, **own))

    ran = run_starter({**system, "ORDERS_DEADLINE_SECONDS": "900"}, "place", "-", *option, stdin=document)

    assert ran.code == 0, ran.err
    assert deadline_of(starter, order_id) == expected


def test_a_batch_has_deadlines_too(starter: Starter) -> None:
    ran = starter("batch", "1", "--mix", "lost_answer=1", "--name", new_id("b"), "--deadline", "1", "--json")

    assert ran.code == 3
    assert "did not end as expected" in ran.err
    assert '"compensated": 1' in ran.out


@pytest.mark.parametrize("seconds", ["0", "-1", "2592001", "soon", "1.5"])
def test_what_is_no_deadline_is_refused(seconds: str, nowhere: Environment) -> None:
    ran = run_starter(nowhere, "batch", "1", "--deadline", seconds)

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--deadline" in ran.err


@pytest.mark.parametrize("seconds", ["0", "soon"])
def test_a_setting_that_is_no_deadline_is_refused(seconds: str, nowhere: Environment) -> None:
    ran = run_starter({**nowhere, "ORDERS_DEADLINE_SECONDS": seconds}, "list")

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith("error: ORDERS_DEADLINE_SECONDS: ")
