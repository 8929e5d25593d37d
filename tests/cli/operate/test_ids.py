"""An order and a slip whose ids look alike: every path reaches its own process, and a bare id that means two, none."""

import json
from pathlib import Path
from typing import Any

import pytest

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
