"""The settings of a process, read from environment variables."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict
from pydantic_settings import PydanticBaseSettingsSource as Source

from models.errors import InvalidInput
from models.order import DEADLINE_AT_MOST
from models.participants import OWNERS, SERVICES, Owner, Service, names_in
from models.problems import first_problem
from runtime.database_url import check_database_url, is_this_machine
from runtime.deployment import check_deployment, name_given, with_controlled

PREFIX, DATABASE = "ORDERS_", "DATABASE_URL_"
# The share of equal characters, from which on a name is taken for a mistyped one.
ALIKE = 0.8
# https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
INJECTED = r"_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$"
CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
PROJECT = Path(__file__).resolve().parent.parent


def variable(field: str) -> str:
    """Return the environment variable that sets a field."""
    return field.upper() if field.startswith("database_url") else PREFIX + field.upper()


def _loopback_by_default(address: str) -> str:
    """Return IP:PORT, with the loopback address for a bare port; raise ValueError for anything else."""
    host, _, port = f"127.0.0.1:{address}".rpartition(":") if address.isdecimal() else address.rpartition(":")
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError("must be IP:PORT, as in 127.0.0.1:9464") from None
    if not port.isdecimal() or not 0 < int(port) <= 65535:  # noqa: PLR2004 - the highest port
        raise ValueError("must be IP:PORT, as in 127.0.0.1:9464")
    return f"{host}:{port}"


def _webhook(url: str) -> str:
    """Return the URL; raise ValueError for an invalid one, or one that sends alerts unencrypted to another machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        valid = parts.port != 0 and host.isascii() and url.isprintable() and " " not in url
    except ValueError:
        raise ValueError("is not a URL") from None
    safe = bool(host) if parts.scheme == "https" else parts.scheme == "http" and is_this_machine(host)
    if not (valid and safe):
        raise ValueError("must be a URL with https://, or with http:// and an address of this machine")
    return url


def _folder(path: Path) -> Path:
    """Return the absolute path of a folder, which may not exist yet."""
    if re.search(CONTROL, str(path)):
        raise ValueError("may not hold control characters")
    try:
        folder = path.expanduser().absolute()
        folder.exists()
    except RuntimeError:
        raise ValueError("names the home folder of an unknown user") from None
    except OSError as error:
        raise ValueError((error.strerror or str(error)).lower()) from None
    return folder


def _services(given: object) -> object:
    """Return the services in a comma-separated text; raise ValueError for anything else in it."""
    return names_in(given, SERVICES) if isinstance(given, str) else given


Port = Annotated[int, Field(ge=1, le=65535)]
DatabaseAddress = Annotated[str, AfterValidator(check_database_url)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class Settings(BaseSettings):
    """All settings and their defaults; each field but the `database_url`s is set by the variable ORDERS_ + its name."""

    # The alias of each field makes errors name the variable. The prefix applies when a field is read by its name:
    # without it, a variable named `express` would be a setting.
    model_config = SettingsConfigDict(
        frozen=True, alias_generator=variable, validate_by_name=True, env_prefix=PREFIX, case_sensitive=True
    )

    database_url: DatabaseAddress | None = None
    # The databases of services that have their own.
    database_url_orders: DatabaseAddress | None = None
    database_url_inventory: DatabaseAddress | None = None
    database_url_payments: DatabaseAddress | None = None
    database_url_shipping: DatabaseAddress | None = None
    data_dir: Annotated[Path, AfterValidator(_folder)] = PROJECT / ".data"
    temporal_port: Port = 7233
    ui_port: Port = 8233
    untuned: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] | None = None
    max_activities: Annotated[int, Field(ge=1, le=10_000)] = 100
    database_pool: Annotated[int, Field(ge=1, le=1000)] = 10
    # Off, because the sandbox costs a third of a worker's time; the tests and the replays of all histories use it.
    workflow_sandbox: bool = False
    # Longer than the longest activity attempt, so that a drain interrupts none.
    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    metrics_address: Annotated[str, AfterValidator(_loopback_by_default)] | None = None
    deployment: Annotated[str, AfterValidator(check_deployment)] | None = None
    build_id: Name | None = None
    insecure: bool = False
    # The period of the reconciler, which finds orders without a running workflow.
    reconcile_seconds: Annotated[int, Field(ge=1, le=24 * 3600)] = 60
    # In seconds, for orders without their own deadline.
    deadline_seconds: Annotated[int, Field(ge=1, le=DEADLINE_AT_MOST)] | None = None
    # For orders without their own choice: run the steps as local activities, inside the workflow task, first.
    express: bool = False
    # False: this worker runs no step inside a workflow task, whatever the order chooses.
    worker_express: bool = True
    # The services whose activities go to workers of their own, which `worker.py --serve` starts.
    apart: Annotated[tuple[Service, ...], NoDecode, BeforeValidator(_services)] = ()
    # Names of providers in providers/registry.py.
    card_provider: Name = "simulated"
    carrier: Name = "simulated"
    alert_webhook: Annotated[str, AfterValidator(_webhook)] | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.deployment is None) != (self.build_id is None):
            raise ValueError("ORDERS_DEPLOYMENT: and ORDERS_BUILD_ID must be given together")
        if self.temporal_port == self.ui_port:
            raise ValueError("ORDERS_UI_PORT: must differ from ORDERS_TEMPORAL_PORT")
        return self

    @property
    def own_databases(self) -> dict[Owner, str]:
        """The addresses of the databases of services that have their own."""
        given = {owner: getattr(self, f"database_url_{owner}") for owner in OWNERS}
        return {owner: url for owner, url in given.items() if url is not None}

    @property
    def names_a_database(self) -> bool:
        """Whether any database is configured."""
        return self.database_url is not None or bool(self.own_databases)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: Source,
        *_: Source,
        **__: Source,
    ) -> tuple[Source, ...]:
        """Use the constructor's arguments only; `read` is what reads an environment."""
        return (init_settings,)

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of an environment, by default os.environ; raise InvalidInput that names the variable."""
        given = os.environ if environ is None else environ
        _check_names_and_bytes(given)
        source = EnvSettingsSource(cls)
        # An empty variable counts as unset, as in a shell.
        texts = {name: text for name, text in given.items() if text and not _is_injected(name, text)}
        source.env_vars = with_controlled(texts)
        try:
            return cls(**source())
        except ValidationError as error:
            first = _first_of(error)
            raise InvalidInput(name_given(first.field, given), first.problem) from None


def is_utf8(text: str) -> bool:
    """Return whether a variable's bytes were UTF-8; Python decodes other bytes to lone surrogates."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _check_names_and_bytes(environ: Mapping[str, str]) -> None:
    """Raise InvalidInput for a variable whose name is nearly that of a setting, or a setting that is not UTF-8."""
    known = {variable(field) for field in Settings.model_fields}
    for name in environ:
        if name in known and not is_utf8(environ[name]):
            raise InvalidInput(name, "is not UTF-8")
    databases = sorted(name for name in environ if name.startswith(DATABASE) and name not in known)
    for prefix, names in ((PREFIX, unknown_variables(environ)), (DATABASE, databases)):
        # Compared without the prefix, which would make any two names alike.
        endings = {each.removeprefix(prefix): each for each in known}
        for name in names:
            if near := get_close_matches(name.removeprefix(prefix).upper(), endings, n=1, cutoff=ALIKE):
                raise InvalidInput(name, f"is not a setting of this project; did you mean {endings[near[0]]}?")


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the variables with the prefix that are no settings, without those that an orchestrator injects."""
    known = {variable(field) for field in Settings.model_fields}
    ours = {name for name in environ if name.startswith(PREFIX)} - known
    return sorted(name for name in ours if not _is_injected(name, environ[name]))


def _is_injected(name: str, text: str) -> bool:
    """Return whether Kubernetes or Docker has set the variable, to describe a service whose name begins like ours."""
    is_address = name.endswith("_PORT") and re.match(r"(tcp|udp|sctp)://", text) is not None
    return is_address or re.search(INJECTED, name) is not None


def _first_of(error: ValidationError) -> InvalidInput:
    """Return the first problem; the message of a rule about several settings begins with its variable."""
    name, message = first_problem(error)
    if not name:
        return InvalidInput(*message.split(": ", 1))
    message = message.removeprefix("Input ")
    return InvalidInput(name, message[:1].lower() + message[1:])
