"""The address in DATABASE_URL: checked so that no error quotes a part of its password; encrypted by default."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote

from models.errors import InvalidInput

SCHEMES = ("postgresql://", "postgres://")
ENCRYPTED = {"require", "verify-ca", "verify-full"}
UNENCODED = "special characters of the user name and the password must be percent-encoded, such as @ as %40"


@dataclass(frozen=True)
class DatabaseUrl:
    """The parts of a PostgreSQL URL that this project looks at, as libpq reads them."""

    hosts: tuple[str, ...]
    options: dict[str, str]

    @classmethod
    def parse(cls, url: str) -> "DatabaseUrl":
        """Return the parts; raise ValueError, with a message that quotes nothing of the URL."""
        if not url.startswith(SCHEMES):
            raise ValueError("must start with postgresql://")
        if re.search(r"%(?![0-9A-Fa-f]{2})", url):
            raise ValueError("has a % that two hexadecimal digits don't follow; write % itself as %25")
        authority, path, query = re.fullmatch(r"([^/?]*)([^?]*)\??(.*)", url.partition("://")[2], re.DOTALL).groups()  # type: ignore[union-attr]
        _, _, hosts = authority.rpartition("@")
        # libpq ends the user's part at the first @, and the host's part at the first slash.
        if authority.count("@") > 1 or "@" in path:
            raise ValueError(UNENCODED)
        options = dict(parse_qsl(query, keep_blank_values=True))
        return cls((*_hosts_in(hosts), *options.get("host", "").split(",")), options)

    def is_remote(self, environ: Mapping[str, str]) -> bool:
        """Return whether a host is another machine; a socket and no host at all are this one.

        What the URL leaves open, libpq completes by its own variables in `environ`.
        """
        hosts = self.hosts if any(self.hosts) else environ.get("PGHOST", "").split(",")
        addresses = (self.options.get("hostaddr") or environ.get("PGHOSTADDR", "")).split(",")
        given = (*hosts, *addresses)
        return any(host and not host.startswith(("/", "@")) and not is_this_machine(host) for host in given)


def _hosts_in(text: str) -> list[str]:
    """Return the hosts of HOST:PORT,HOST:PORT; raise ValueError."""
    found = []
    for each in text.split(","):
        if not (parts := re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[\w.%-]*)(?::([0-9]*))?", each)):
            raise ValueError(f"has a host or a port that is none; {UNENCODED}")
        found.append(unquote(parts[1].strip("[]")))
    return found


def check_database_url(url: str) -> str:
    """Return the URL; raise ValueError when it can't be read as it was meant."""
    DatabaseUrl.parse(url)
    return url


def encrypted(url: str, *, insecure: bool, variable: str = "DATABASE_URL") -> str:
    """Return the URL, with encryption required when it names another machine.

    Raises InvalidInput, which names the variable, when it allows a connection without; with `insecure` it may.
    """
    parsed = DatabaseUrl.parse(url)
    service = parsed.options.get("service") or os.environ.get("PGSERVICE")
    if insecure or not (service or parsed.is_remote(os.environ)):
        return url
    mode = parsed.options.get("sslmode") or os.environ.get("PGSSLMODE")
    if service and not mode:
        # Its file, which only libpq reads, may name any machine; sslmode in the URL would replace the file's own.
        problem = "uses a connection service, which may be on another machine"
        raise InvalidInput(variable, f"{problem}; add sslmode=require or more, or set ORDERS_INSECURE=1")
    if not mode:
        return f"{url}{'&' if '?' in url else '?'}sslmode=require"
    if mode not in ENCRYPTED:
        problem = f"names another machine, and sslmode={mode} allows a connection without encryption"
        raise InvalidInput(variable, f"{problem}; use sslmode=require or more, or set ORDERS_INSECURE=1")
    return url


def is_this_machine(host: str) -> bool:
    """Return whether a host's name or address is a loopback address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
