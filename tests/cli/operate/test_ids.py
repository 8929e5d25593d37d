"""An order and a slip whose ids look alike: every path reaches its own process, and a bare id that means two, none."""

import getpass
import inspect
import json
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from cli.app import COMMANDS
from cli.operate.dead_letters import deadletters
from cli.options import Actor
from tests.cli.conftest import PROJECT, Starter, as_bytes, order_document
from tests.cli.operate.parking import new_id

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def slip_id(starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a slip beside an order of the same name and an order that is named as the slip's workflow."""
    slip_id = new_id("twin")
    itinerary: dict[str, Any] = json.loads((PROJECT / "itineraries" / "digital-goods.json").read_text())
    file: Path = tmp_path_factory.mktemp("twins") / "slip.json"
    file.write_text(json.dumps({**itinerary, "slip_id": slip_id}))
    assert starter("slip", str(file)).code == 0
    for order_id in (slip_id, f"slip-{slip_id}"):
        assert starter("place", "-", stdin=as_bytes(order_document(order_id))).code == 0
    return slip_id


@pytest.mark.parametrize(
    ("text", "workflow_id"),
    [
        ("slips/{}", "slip-{}"),
        ("orders/{}", "order-{}"),
        ("{}", "order-{}"),
        ("orders/slip-{}", "order-slip-{}"),
        ("order-slip-{}", "order-slip-{}"),
    ],
)
def test_it_reaches_its_own_process(starter: Starter, slip_id: str, text: str, workflow_id: str) -> None:
    name, expected = text.format(slip_id), workflow_id.format(slip_id)

    status, history = starter("status", name, "--json"), starter("history", name, "--json")

    assert (status.code, history.code) == (0, 0), status.err + history.err
    assert status.document["state"]["process_id"] == expected
    shipped = "create_shipment" in [activity["activity"] for activity in history.document["activities"]]
    assert shipped == expected.startswith("order-")  # the slip ships nothing


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("history",),
        ("plan",),
        ("cancel", "--reason", "r", "--actor", "a"),
        ("resolve", "charge", "retry", "--reason", "r", "--actor", "a"),
    ],
    ids=lambda command: command[0],
)
def test_an_id_of_two_processes_is_refused_with_the_path_of_each(
    starter: Starter, slip_id: str, command: tuple[str, ...]
) -> None:
    refused = starter(command[0], f"slip-{slip_id}", *command[1:])

    assert refused.code == 6
    assert f"orders/slip-{slip_id}" in refused.err
    assert f"slips/{slip_id}" in refused.err


def forms(kind: str, process: str) -> list[str]:
    """Return every form of an id of this kind: bare, with its prefix, as a path, and as alerts have it."""
    return [process, f"{kind}-{process}", f"{kind}s/{process}", f"slip.{process}" if kind == "slip" else process]


WHO = ("--reason", "r")


@pytest.fixture(scope="module")
def ids(starter: Starter) -> dict[str, str]:
    """An order and a slip that wait, and a choreographed order, none with the id of another process."""
    found = {kind: new_id(kind[:5]) for kind in ("order", "slip", "events")}
    transfer = {"method": "bank_transfer", "reference": "ref_1"}
    assert starter("place", "-", stdin=as_bytes(order_document(found["order"], payment=transfer))).code == 0
    itinerary: dict[str, Any] = json.loads((PROJECT / "itineraries" / "fraud-check.json").read_text())
    waits = starter("slip", "-", stdin=as_bytes(itinerary | {"slip_id": found["slip"]}))
    assert waits.code == 0, waits.err
    placed = starter("place", "-", "--style", "choreographed", stdin=as_bytes(order_document(found["events"])))
    assert placed.code == 0, placed.err
    return found


# Each command with a process's id, what it needs after the id, its expected exit code, and its kind of process. A 6
# comes from the process itself, which refuses the command: it was found.
TAKE_AN_ID: list[tuple[str, tuple[str, ...], int, str]] = [
    *((command, (), 0, kind) for command in ("status", "history", "plan", "watch") for kind in ("order", "slip")),
    *(("resolve", ("charge", "retry", *WHO), 6, kind) for kind in ("order", "slip")),
    *(("cancel", ("--plan", "0" * 16, *WHO), 6, kind) for kind in ("order", "slip")),
    ("event", ("--type", "payment_settled", "--event-id", "e-1", "--payload", "-"), 6, "order"),
    ("review", ("no-stop", "--verdict", "approve", *WHO), 6, "slip"),
    ("trace", (), 0, "events"),
]


@pytest.mark.parametrize(("command", "more", "code", "kind"), TAKE_AN_ID)
def test_every_command_takes_every_form_of_an_id(
    starter: Starter, ids: dict[str, str], command: str, more: tuple[str, ...], code: int, kind: str
) -> None:
    for text in forms("slip" if kind == "slip" else "order", ids[kind]):
        ran = starter(command, text, *more, stdin=b'{"amount": 1}')
        assert ran.code == code, f"{text}: {ran.err}"
        assert "there is no" not in ran.err


def test_the_list_has_every_command_with_an_id() -> None:
    with_id = {
        name
        for name, command, _ in COMMANDS
        for parameter in get_type_hints(command, include_extras=True).values()
        if getattr(next(iter(getattr(parameter, "__metadata__", ())), None), "metavar", None) == "ID"
    }

    assert with_id == {command for command, *_ in TAKE_AN_ID}


def test_what_is_printed_names_the_process(starter: Starter, ids: dict[str, str]) -> None:
    order, slip = ids["order"], ids["slip"]

    for command in ("status", "plan"):
        assert starter(command, f"orders/{order}").out.startswith(f"order {order} ")
        assert starter(command, slip).out.startswith(f"slip {slip} ")
    for command in ("status", "plan", "history"):
        shown = [starter(command, text, "--json").document for text in (order, f"order-{order}", slip, f"slips/{slip}")]
        assert [each["order_id"] for each in shown] == [order, order, f"slip-{slip}", f"slip-{slip}"]
        assert [each["process"] for each in shown] == [*[f"orders/{order}"] * 2, *[f"slips/{slip}"] * 2]


@pytest.mark.parametrize("command", ["event", "trace"])
def test_a_slip_is_no_order(starter: Starter, command: str) -> None:
    more = ("--type", "payment_settled", "--event-id", "e-1") if command == "event" else ()
    refused = starter(command, "slips/s-1", *more)

    assert (refused.code, refused.err) == (2, "error: ID: 'slips/s-1' is not the id of an order\n")


def test_an_order_and_a_slip_that_wait_end_with_the_same_code_and_words(starter: Starter, ids: dict[str, str]) -> None:
    order, slip = starter("watch", ids["order"]), starter("watch", ids["slip"])

    assert (order.code, slip.code) == (0, 0)
    assert f"order {ids['order']} waiting · " in order.out
    assert f"slip {ids['slip']} waiting · step fraud-review · " in slip.out


def test_a_decision_without_an_actor_is_recorded_with_the_user(
    starter: Starter, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    taken = starter("review", ids["slip"], "fraud-review", "--verdict", "approve", "--reason", "r")
    named = starter("cancel", ids["order"], "--reason", "r", "--actor", "bob")

    assert (taken.code, named.code) == (0, 0), taken.err + named.err
    steps = starter("watch", ids["slip"], "--json").document["steps"]
    assert "ada" in json.dumps([step for step in steps if step["step"] == "fraud-review"])


@pytest.mark.parametrize("command", ["cancel", "resolve", "review", "redrive", "discard"])
def test_every_command_that_records_an_actor_has_the_same_default(command: str) -> None:
    commands = {name: function for name, function, _ in COMMANDS}
    commands |= {each.name or "": each.callback for each in deadletters.registered_commands if each.callback}

    assert get_type_hints(commands[command], include_extras=True)["actor"] == Actor
    assert inspect.signature(commands[command]).parameters["actor"].default is None
