"""The way to the Temporal server: the embedded one, or whatever Temporal's own client configuration names."""

import asyncio
import os
from ipaddress import ip_address

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from models.errors import InvalidInput, Unavailable
from runtime.converter import DATA_CONVERTER
from runtime.embedded.stack import running_stack
from runtime.metrics import quiet_runtime
from runtime.settings import Settings, is_utf8

SECONDS_TO_ANSWER = 5.0


class Unreachable(Unavailable):
    """The Temporal server does not answer, or does not let us in."""


async def connect(settings: Settings, *, address: str | None = None, runtime: Runtime | None = None) -> Client:
    """Return a client of the configured server, or of `address`; raise Unreachable within some 5 seconds."""
    config = _target(settings, address)
    target = config["target_host"]
    try:
        async with asyncio.timeout(SECONDS_TO_ANSWER):
            chosen = runtime or quiet_runtime()
            client = await Client.connect(**config, data_converter=DATA_CONVERTER, runtime=chosen)
            await _check_namespace(client)
    except TimeoutError:
        raise Unreachable(f"Temporal at {target} gave no answer in {SECONDS_TO_ANSWER:.0f} s") from None
    except RPCError as error:
        raise Unreachable(f"Temporal at {target} refused: {_one_line(error.message)}") from None
    except (RuntimeError, OSError, ValueError) as error:
        raise Unreachable(f"can't reach Temporal at {target}: {_one_line(str(error))}") from None
    return client


def _target(settings: Settings, address: str | None) -> ClientConnectConfig:
    try:
        config = _profile().to_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidInput("TEMPORAL_*", _one_line(str(error))) from None
    if not config.get("namespace", "").isprintable():
        raise InvalidInput("TEMPORAL_NAMESPACE", "may not hold control characters")
    target = address or config.get("target_host") or _default_address(settings)
    config["target_host"] = target
    secured = bool(config.get("tls")) or config.get("api_key") is not None
    if not (secured or settings.insecure or is_loopback(target)):
        raise InvalidInput(
            "TEMPORAL_ADDRESS", f"{target} is not this machine; set TEMPORAL_TLS or an API key, or ORDERS_INSECURE=1"
        )
    return config


def _default_address(settings: Settings) -> str:
    stack = running_stack(settings.data_dir) if settings.database_url is None else None
    return stack.temporal_address if stack else f"127.0.0.1:{settings.temporal_port}"


def is_embedded(settings: Settings) -> bool:
    """Return whether nothing names another server or database, so that the embedded parts are meant."""
    return settings.database_url is None and not _configured_address()


def _configured_address() -> str | None:
    return _profile().address


def _profile() -> ClientConfigProfile:
    """What Temporal's own variables and files say; raise InvalidInput when they can't be read."""
    readable = {name: text for name, text in os.environ.items() if is_utf8(name) and is_utf8(text)}
    for name in os.environ.keys() - readable:
        if name.startswith("TEMPORAL_"):
            raise InvalidInput(name, "is not UTF-8")
    try:
        # The SDK's own look at the environment would panic at any variable that isn't UTF-8, be it whose it may.
        return ClientConfigProfile.load(override_env_vars=readable)
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidInput("TEMPORAL_*", _one_line(str(error))) from None


def database_of(settings: Settings) -> str:
    """Return the address of the services' database; raise InvalidInput when none is set and none is running."""
    if settings.database_url is not None:
        return settings.database_url
    if not is_embedded(settings):
        raise InvalidInput("DATABASE_URL", "must be set when another Temporal server is configured")
    stack = running_stack(settings.data_dir)
    if stack is None:
        raise Unreachable(
            "nothing is running here: start it with `starter.py up`, or set TEMPORAL_ADDRESS and DATABASE_URL"
        )
    return stack.database_url


def is_loopback(target: str) -> bool:
    """Return whether HOST:PORT is on this machine."""
    host = target.rpartition(":")[0].strip("[]") or target
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _check_namespace(client: Client) -> None:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        raise InvalidInput("TEMPORAL_NAMESPACE", f"the server has no namespace {client.namespace!r}") from None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
