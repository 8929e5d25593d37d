"""Connections to Temporal: the chosen address, the checks before connecting, and the error messages."""

import asyncio
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.service import RPCError

from models.errors import InvalidInput, OrderError
from postgres.database import Database
from runtime.connection import Unreachable, connect, database_of, is_embedded, is_loopback
from runtime.embedded.ports import free_port
from runtime.embedded.stack import Stack, embedded_stack
from runtime.settings import Settings


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Yield a port that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def test_an_unreachable_server_is_reported_in_one_line(settings: Settings) -> None:
    with pytest.raises(Unreachable, match=f"Temporal at 127.0.0.1:{settings.temporal_port}") as caught:
        await connect(settings)

    assert "\n" not in str(caught.value)


async def test_a_server_that_does_not_answer_is_unreachable_after_a_timeout(
    settings: Settings, silent_port: int
) -> None:
    started = time.monotonic()

    with pytest.raises(Unreachable):
        await connect(settings, address=f"127.0.0.1:{silent_port}")

    assert time.monotonic() - started < 30


@pytest.mark.parametrize("address", ["temporal.example.com:7233", "10.0.0.1:7233", "[2001:db8::1]:7233"])
async def test_another_machine_without_tls_is_refused(
    settings: Settings, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)

    with pytest.raises(InvalidInput, match=r"TEMPORAL_ADDRESS.*TLS"):
        await connect(settings)


SECRETS = [{"TEMPORAL_API_KEY": "hunter2"}, {"TEMPORAL_GRPC_META_AUTHORIZATION": "Bearer hunter2"}]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: next(iter(secret)))
@pytest.mark.parametrize("how", ["variable", "file"])
@pytest.mark.parametrize("address", ["temporal.example.com:7233", "127.0.0.1:7233"])
async def test_a_secret_is_never_sent_unencrypted(
    settings: Settings, secret: dict[str, str], how: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    for name, text in secret.items():
        monkeypatch.setenv(name, text)
    if how == "file":
        profile = settings.data_dir / "profile.toml"
        await asyncio.to_thread(profile.write_text, "[profile.default.tls]\ndisabled = true\n")
        monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(profile))
    else:
        monkeypatch.setenv("TEMPORAL_TLS", "false")

    with pytest.raises(InvalidInput, match=r"^TEMPORAL_TLS: [^\n]*ORDERS_INSECURE") as caught:
        await connect(settings)
    assert "hunter2" not in str(caught.value)

    insecure = settings.model_copy(update={"insecure": True, "temporal_port": free_port()})
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{insecure.temporal_port}")
    with pytest.raises(Unreachable):
        await connect(insecure)


@pytest.mark.parametrize("address", ["http://127.0.0.1:7233", "tcp://10.0.0.1:7233", "https://temporal.example.com"])
async def test_an_address_with_a_scheme_is_refused(
    settings: Settings, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    monkeypatch.setenv("TEMPORAL_TLS", "true")

    with pytest.raises(InvalidInput, match=r"^TEMPORAL_ADDRESS: must be HOST:PORT"):
        await connect(settings)


async def test_the_embedded_server_needs_no_variables_for_another_one(
    running_settings: Settings, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "hunter2")
    for name, text in {
        "PGSERVICE": "nowhere",
        "PGHOSTADDR": "10.255.255.1",
        "PGOPTIONS": "-c nonsense=1",
        "PGREQUIREAUTH": "scram-sha-256",
        "PGCLIENTENCODING": "LATIN1",
        "PGDATESTYLE": "German",
        "PGPASSFILE": "/dev/null",
        "PGSSLMODE": "require",
    }.items():
        monkeypatch.setenv(name, text)

    client = await connect(running_settings)
    async with await Database.open(database_of(running_settings), size=1) as db:
        row = await db.row(b"select now(), chr(8364)", {})

    assert client.service_client.config.target_host == stack.temporal_address
    assert row is not None
    assert row[1] == "€"


@pytest.mark.parametrize(
    ("target", "loopback"),
    [("localhost:1", True), ("127.0.0.5:1", True), ("[::1]:1", True), ("0.0.0.0:1", False), ("a.example:1", False)],
)
def test_loopback(target: str, loopback: bool) -> None:
    assert is_loopback(target) == loopback


async def test_the_running_stack_is_the_default(running_settings: Settings, stack: Stack) -> None:
    elsewhere = running_settings.model_copy(update={"temporal_port": free_port()})

    client = await connect(elsewhere)

    assert client.service_client.config.target_host == stack.temporal_address
    assert database_of(elsewhere) == stack.database_url


async def test_an_unknown_namespace_is_named(
    running_settings: Settings, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")

    with pytest.raises(InvalidInput, match=r"TEMPORAL_NAMESPACE.*nowhere"):
        await connect(running_settings)


async def test_a_broken_profile_is_reported_in_one_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = settings.data_dir / "broken.toml"
    await asyncio.to_thread(broken.write_text, "[profile")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(broken))

    with pytest.raises(InvalidInput, match="TEMPORAL_"):
        await connect(settings)


@pytest.mark.parametrize(
    "text", ["api_key = hunter2", 'api_key = "hunter2', 'api_key = ["hunter2"]', "hunter2", 'hunter2 = "hunter2"']
)
async def test_an_error_in_a_profile_shows_nothing_of_its_text(
    text: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = settings.data_dir / "broken.toml"
    await asyncio.to_thread(broken.write_text, f"[profile.default]\n{text}\n")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(broken))

    with pytest.raises(OrderError) as caught:
        await connect(settings)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("variable", ["TEMPORAL_API_KEY", "TEMPORAL_GRPC_META_AUTHORIZATION", "TEMPORAL_TLS"])
@pytest.mark.parametrize("text", ["hunter2\n", "hunter2\x01", "hunter2 é"])
async def test_a_secret_that_can_not_be_sent_is_not_printed(
    variable: str, text: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_TLS", "true")
    monkeypatch.setenv(variable, text)

    with pytest.raises(OrderError) as caught:
        await connect(settings)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_another_server_needs_a_database_url(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:7233")

    assert not is_embedded(settings)
    with pytest.raises(InvalidInput, match="DATABASE_URL"):
        database_of(settings)


def test_without_a_stack_the_error_names_the_command_that_starts_it(settings: Settings) -> None:
    with pytest.raises(Unreachable, match=r"starter\.py up"):
        database_of(settings)


async def test_the_retry_messages_of_the_sdk_are_not_printed(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    async with embedded_stack(settings):
        client = await connect(settings)
    capfd.readouterr()

    with pytest.raises(RPCError):  # the SDK would print on stdout after five attempts
        await client.count_workflows(rpc_timeout=timedelta(seconds=5))

    assert capfd.readouterr() == ("", "")
