"""Connections to Temporal: to the embedded server, or to the server named by Temporal's own client configuration."""

import asyncio
import os
import re
from ipaddress import ip_address

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, ListNamespacesRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from models.errors import InvalidInput, Unavailable
from runtime.converter import DATA_CONVERTER
from runtime.database_url import encrypted
from runtime.embedded.processes import ignore_libpq_variables
from runtime.embedded.stack import running_stack
from runtime.metrics import quiet_runtime
from runtime.settings import Settings, is_utf8
from runtime.transport_errors import in_words

SECONDS_TO_ANSWER = 5.0
# Parts of the names of gRPC metadata that identify the caller.
SECRET_METADATA = ("authorization", "cookie", "key", "secret", "token")


class Unreachable(Unavailable):
    """The Temporal server does not answer, or refuses the connection."""


async def connect(settings: Settings, *, address: str | None = None, runtime: Runtime | None = None) -> Client:
    """Return a client of the configured server, or of `address` (HOST:PORT).

    Raises Unreachable within about 5 seconds, and InvalidInput that names the variable at fault.
    """
    config = _target(settings, address)
    target = config["target_host"]
    try:
        async with asyncio.timeout(SECONDS_TO_ANSWER):
            chosen = runtime or quiet_runtime()
            client = await Client.connect(**config, data_converter=DATA_CONVERTER, runtime=chosen)
            await _check_namespace(client)
    except TimeoutError:
        raise Unreachable(f"Temporal at {target} did not answer within {SECONDS_TO_ANSWER:.0f} s") from None
    except RPCError as error:
        said = in_words(error.message, tls=bool(config.get("tls")))
        raise Unreachable(f"Temporal at {target} refused the connection: {said}") from None
    except (RuntimeError, OSError, ValueError) as error:
        said = in_words(str(error), tls=bool(config.get("tls")))
        raise Unreachable(f"can't reach Temporal at {target}: {said}") from None
    return client


def _target(settings: Settings, address: str | None) -> ClientConnectConfig:
    try:
        config = _profile().to_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidInput("TEMPORAL_*", _without_source(str(error))) from None
    if not config.get("namespace", "").isprintable():
        raise InvalidInput("TEMPORAL_NAMESPACE", "may not hold control characters")
    _check_secrets(config, settings)
    if is_embedded(settings):
        # Variables for another server: the embedded one has no TLS, and needs no key.
        config = {"namespace": config["namespace"]} if "namespace" in config else {}
    target = address or config.get("target_host") or _default_address(settings)
    if "://" in target:
        raise InvalidInput("TEMPORAL_ADDRESS", "must be HOST:PORT, without a scheme")
    config["target_host"] = target
    secured = bool(config.get("tls")) or config.get("api_key") is not None
    if not (secured or settings.insecure or is_loopback(target)):
        raise InvalidInput(
            "TEMPORAL_ADDRESS", f"{target} is a remote address; set TEMPORAL_TLS or an API key, or ORDERS_INSECURE=1"
        )
    return config


def _check_secrets(config: ClientConnectConfig, settings: Settings) -> None:
    """Raise InvalidInput when an API key, or a secret in gRPC metadata, would be sent without encryption."""
    secret = config.get("api_key") is not None or any(
        word in name.lower() for name in config.get("rpc_metadata", {}) for word in SECRET_METADATA
    )
    if secret and not config.get("tls") and not settings.insecure:
        raise InvalidInput(
            "TEMPORAL_TLS", "is off, so an API key would be sent unencrypted; turn TLS on, or set ORDERS_INSECURE=1"
        )


def _default_address(settings: Settings) -> str:
    stack = None if settings.names_a_database else running_stack(settings.data_dir)
    return stack.temporal_address if stack else f"127.0.0.1:{settings.temporal_port}"


def is_embedded(settings: Settings) -> bool:
    """Return whether the embedded servers are to be used: no other server or database is configured."""
    return not settings.names_a_database and not _configured_address()


def _configured_address() -> str | None:
    return _profile().address


def _profile() -> ClientConfigProfile:
    """Return the profile of Temporal's own variables and files; raise InvalidInput when they can't be read."""
    readable = {name: text for name, text in os.environ.items() if is_utf8(name) and is_utf8(text)}
    for name in os.environ.keys() - readable:
        if name.startswith("TEMPORAL_"):
            raise InvalidInput(name, "is not UTF-8")
    try:
        # Without `override_env_vars` the SDK reads the environment itself, and panics at any variable that isn't UTF-8.
        return ClientConfigProfile.load(override_env_vars=readable)
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidInput("TEMPORAL_*", _without_source(str(error))) from None


def database_of(settings: Settings) -> str:
    """Return the URL of the services' database; raise InvalidInput when it must be set, Unreachable when none runs."""
    if settings.database_url is not None:
        return encrypted(settings.database_url, insecure=settings.insecure)
    if not is_embedded(settings):
        raise InvalidInput("DATABASE_URL", "must be set when another Temporal server is configured")
    ignore_libpq_variables()
    stack = running_stack(settings.data_dir)
    if stack is None:
        raise Unreachable(
            "the embedded servers are not running: run `starter.py up`, or set TEMPORAL_ADDRESS and DATABASE_URL"
        )
    return stack.database_url


def is_loopback(target: str) -> bool:
    """Return whether `target` (HOST:PORT) is a loopback address."""
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
        await _check_that_it_lists(client)
        raise InvalidInput("TEMPORAL_NAMESPACE", f"the server has no namespace {client.namespace!r}") from None


async def _check_that_it_lists(client: Client) -> None:
    """Raise RPCError when the server's own database is away: it then finds no namespace, and can't list any."""
    try:
        await client.workflow_service.list_namespaces(ListNamespacesRequest(page_size=1))
    except RPCError as error:
        if error.status not in {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}:
            raise


def _without_source(error: str) -> str:
    """Return an error about a profile in one line, without the text of its file, which may hold an API key."""
    place = re.search(r"TOML parse error at line [0-9]+, column [0-9]+", error)
    return f"the profile's file can't be read: {place[0]}" if place else _one_line(error)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
