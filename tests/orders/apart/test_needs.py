"""A worker of a service apart needs nothing of the other services: no code, no provider, no schema."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest

from models.errors import Final, InvalidInput, OrderError, WrongInstallation
from models.names import SEARCH_ATTRIBUTES
from models.participants import SERVICES, Service
from runtime.embedded.stack import Stack
from serving.participants import participants_worker
from tests.servers import new_namespace
from tests.systems import System, clean_environment, open_system
from worker import orders_worker

PROJECT = Path(__file__).parents[3]
# Builds the activities of a service as its worker does, and prints the project's modules that this has imported.
BUILD = """
import json, sys
from runtime.process import without_workflows
assert without_workflows(["--serve", sys.argv[1]])
from runtime.settings import Settings
from serving import participants
from services.accepted import accepted_on
built = participants._BUILD[sys.argv[1]](None, accepted_on(None), Settings())
assert participants.methods(sys.argv[1], built.activities)
print(json.dumps(sorted(sys.modules)))
"""
PROVIDERS = {"payments": "providers.simulated.card_provider", "shipping": "providers.simulated.carrier"}
NEVER = {"workflows", "temporal_saga", "cli", "worker", "orders", "services.assembly", "alembic"}
NEVER |= {"services.operators", "services.wrapping", "services.fraud"}
NEVER |= {f"choreography.{module}" for module in ("assembly", "orders", "redrive", "watcher")}


@pytest.fixture(scope="module")
async def system(servers: Stack) -> AsyncIterator[System]:
    async with open_system(servers) as system:
        yield system


@pytest.mark.parametrize("service", SERVICES)
def test_it_imports_its_own_service_and_provider_only(service: Service) -> None:
    command = [sys.executable, "-c", BUILD, service]
    done = subprocess.run(command, cwd=PROJECT, env=clean_environment(), capture_output=True, check=True, text=True)
    imported = set(json.loads(done.stdout))

    others = [other for other in SERVICES if other != service]
    never = NEVER | {f"{package}.{other}" for other in others for package in ("services", "activities", "choreography")}
    never |= {module for owner, module in PROVIDERS.items() if owner != service}
    assert imported & never == set()
    assert {f"services.{service}", f"activities.{service}"} <= imported


async def refusal(system: System, service: Service, **changes: str) -> OrderError | None:
    """Return why a worker of a service can't start, None when it can."""
    settings = system.settings.model_copy(update=changes)
    try:
        async with participants_worker(system.client, system.stack.database_url, settings, served=(service,)):
            return None
    except OrderError as refused:
        return refused


@pytest.mark.server
async def test_it_needs_its_own_provider_only(system: System) -> None:
    wrong = {"card_provider": "nobody", "carrier": "nobody"}

    refused = {service: await refusal(system, service, **wrong) for service in SERVICES}

    assert refused["inventory"] is None
    for refusal_of, name in ((refused["payments"], "ORDERS_CARD_PROVIDER"), (refused["shipping"], "ORDERS_CARRIER")):
        assert isinstance(refusal_of, InvalidInput)
        assert str(refusal_of) == f"{name}: nobody is unknown; use one of: simulated"


@pytest.mark.server
@pytest.mark.parametrize("schema", ["shipping", "carrier", "wrapping", "operators"])
async def test_it_starts_while_the_schema_of_another_service_is_newer(servers: Stack, schema: str) -> None:
    async with open_system(servers) as newer:
        await newer.one(f"update {schema}.schema_version set version_num = '9999' returning 1")  # noqa: S608

        assert await refusal(newer, "payments") is None
        if schema in {"shipping", "carrier"}:
            assert isinstance(await refusal(newer, "shipping"), Final)
        with pytest.raises(Final, match=f"the schema {schema} is at version 9999"):
            async with orders_worker(newer.client, newer.stack.database_url, newer.settings):
                pass


@pytest.mark.server
@pytest.mark.parametrize("schema", ["payments", "orders", "trace", "installation", "card_provider"])
async def test_it_refuses_a_newer_schema_that_it_uses(servers: Stack, schema: str) -> None:
    async with open_system(servers) as newer:
        await newer.one(f"update {schema}.schema_version set version_num = '9999' returning 1")  # noqa: S608

        refused = await refusal(newer, "payments")

        assert isinstance(refused, Final)
        assert f"the schema {schema} is at version 9999" in str(refused)


@pytest.mark.server
async def test_it_needs_no_search_attributes_but_its_own_installation(servers: Stack) -> None:
    async with open_system(servers) as bare:
        names = list(SEARCH_ATTRIBUTES)
        request = RemoveSearchAttributesRequest(namespace=bare.client.namespace, search_attributes=names)
        await bare.client.operator_service.remove_search_attributes(request)
        assert await refusal(bare, "payments") is None

        elsewhere = await new_namespace(servers)
        with pytest.raises(WrongInstallation):
            async with participants_worker(elsewhere, bare.stack.database_url, bare.settings, served=("payments",)):
                pass
