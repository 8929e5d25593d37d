"""The `prune` command: recent orders stay, and `--dry-run` counts the orders without deleting them."""

from uuid import uuid4

import pytest

from runtime.embedded.stack import Stack
from tests.cli.conftest import Starter, as_bytes, order_document, run_starter
from tests.servers import new_database, new_namespace
from tests.systems import Environment

pytestmark = pytest.mark.server


def test_an_order_that_ended_today_is_not_pruned(starter: Starter) -> None:
    assert starter("place", "-", stdin=as_bytes(order_document(f"pruned-{uuid4().hex[:12]}"))).code == 0

    counted = starter("prune", "--older-than", "7", "--dry-run", "--json")
    pruned = starter("prune", "--older-than", "7", "--json")
    printed = starter("prune", "--older-than", "7")

    assert (counted.code, counted.document) == (0, {"orders": 0, "slips": 0, "dry_run": True})
    assert (pruned.code, pruned.document) == (
        0,
        {"orders": 0, "slips": 0, "receipts": 0, "states": 0, "dry_run": False},
    )
    assert (printed.code, printed.out) == (0, "pruned 0 orders and 0 slips: 0 receipts, 0 stored states\n")


def test_less_than_a_week_or_no_age_is_refused(starter: Starter) -> None:
    for given in (("--older-than", "6"), ("--older-than", "soon"), ()):
        ran = starter("prune", *given)
        assert ran.code == 2, ran.err
        assert "--older-than" in ran.err
        assert ran.err.count("\n") == 1


async def test_an_age_within_temporals_retention_is_refused(servers: Stack, system: Environment) -> None:
    there = system | {
        "TEMPORAL_NAMESPACE": (await new_namespace(servers, days=10)).namespace,
        "DATABASE_URL": new_database(servers.database_url),
    }
    assert run_starter(there, "setup").code == 0

    refused = run_starter(there, "prune", "--older-than", "10")
    taken = run_starter(there, "prune", "--older-than", "11")

    problem = "must be more than 10 days: Temporal keeps ended runs that long, and they can be reset"
    assert (refused.code, refused.err) == (2, f"error: --older-than: {problem}\n")
    assert taken.code == 0, taken.err
