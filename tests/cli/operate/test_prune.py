"""`prune` as people run it: what is young stays, and what it would do can be seen first."""

from uuid import uuid4

import pytest

from runtime.embedded.stack import Stack
from tests.cli.conftest import Starter, as_bytes, order_document, run_starter
from tests.servers import new_namespace
from tests.systems import Environment

pytestmark = pytest.mark.server


def test_what_ended_today_stays(starter: Starter) -> None:
    assert starter("place", "-", stdin=as_bytes(order_document(f"pruned-{uuid4().hex[:12]}"))).code == 0

    counted = starter("prune", "--older-than", "7", "--dry-run", "--json")
    pruned = starter("prune", "--older-than", "7", "--json")
    told = starter("prune", "--older-than", "7")

    assert (counted.code, counted.document) == (0, {"orders": 0, "slips": 0, "dry_run": True})
    assert (pruned.code, pruned.document) == (
        0,
        {"orders": 0, "slips": 0, "receipts": 0, "states": 0, "dry_run": False},
    )
    assert (told.code, told.out) == (0, "pruned 0 orders and 0 slips: 0 receipts, 0 stored states\n")


def test_less_than_a_week_or_no_age_is_refused(starter: Starter) -> None:
    for given in (("--older-than", "6"), ("--older-than", "soon"), ()):
        ran = starter("prune", *given)
        assert ran.code == 2, ran.err
        assert "--older-than" in ran.err
        assert ran.err.count("\n") == 1


async def test_what_temporal_still_has_and_could_reset_is_refused(servers: Stack, system: Environment) -> None:
    there = system | {"TEMPORAL_NAMESPACE": (await new_namespace(servers, days=10)).namespace}

    refused = run_starter(there, "prune", "--older-than", "10")
    taken = run_starter(there, "prune", "--older-than", "11")

    problem = "must be more than 10 days: Temporal keeps ended runs that long, and they can be reset"
    assert (refused.code, refused.err) == (2, f"error: --older-than: {problem}\n")
    assert taken.code == 0, taken.err
