"""The locks of the peers: pinned by hash, naming no index, apart from the product's."""

import json
import re
from pathlib import Path

from benchmarks.contestants.contestant import chosen
from benchmarks.contestants.field import FIELD

HOUSE = Path(__file__).parent.parent.parent
PEERS = HOUSE / "benchmarks" / "peers"


def pins(lock: Path) -> dict[str, int]:
    """Return each package pinned in a lock with how many hashes it has."""
    entries = [entry for entry in re.split(r"\n(?=[A-Za-z0-9])", "\n" + lock.read_text()) if "==" in entry]
    return {entry.partition("==")[0].strip(): entry.count("--hash=sha256:") for entry in entries}


def test_python_peers_are_pinned_by_hash_and_name_no_index() -> None:
    found = pins(PEERS / "requirements.txt")

    assert {"dbos", "restate-sdk", "hypercorn", "matplotlib"} <= set(found)
    assert [name for name, hashes in found.items() if hashes == 0] == []
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links", (PEERS / "requirements.txt").read_text()) == []


def test_the_node_peers_are_pinned_by_hash_and_name_no_registry() -> None:
    lock = json.loads((PEERS / "package-lock.json").read_text())
    installed = {name: entry for name, entry in lock["packages"].items() if name}

    assert [name for name, entry in installed.items() if "resolved" in entry] == []
    assert [name for name, entry in installed.items() if not entry["integrity"].startswith("sha512-")] == []


def test_no_peer_is_a_dependency_of_the_product() -> None:
    product = pins(HOUSE / "requirements.txt") | pins(HOUSE / "requirements-dev.txt")

    assert {"dbos", "restate-sdk", "hypercorn", "matplotlib"} & set(product) == set()


def test_everyone_has_a_name_of_its_own_and_can_be_left_out() -> None:
    names = [one.name for one in FIELD]

    assert len(set(names)) == len(names)
    assert [one.name for one in chosen(FIELD, ["ours", "floor"], ["floor"])] == ["ours"]


def test_each_ratio_has_its_base() -> None:
    assert {"ours", "by-hand", "floor", "floor-local", "dbos", "restate"} <= {one.name for one in FIELD}
