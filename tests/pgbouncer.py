"""A PgBouncer in front of the tests' PostgreSQL, on machines that have the program."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.servers import free_ports

NEEDED = pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="the program pgbouncer is not installed")
SECONDS_TO_START = 30.0


@contextmanager
def bouncing(url: str, **configuration: str) -> Iterator[str]:
    """Yield the URL of the database of `url` through a PgBouncer with this configuration, such as pool_mode."""
    server = conninfo_to_dict(url)
    (port,) = free_ports(1)
    # As the user of the server, who may use its socket.
    owner = Path(str(server["host"])).stat().st_uid
    with tempfile.TemporaryDirectory(prefix="pgbouncer-", dir="/tmp") as folder:
        os.chown(folder, owner, -1)
        file = Path(folder) / "pgbouncer.ini"
        given = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "default_pool_size": "5",
        } | configuration
        lines = [f"* = host={server['host']} port={server['port']} user=postgres", "[pgbouncer]"]
        file.write_text("\n".join(["[databases]", *lines, *(f"{name} = {text}" for name, text in given.items()), ""]))
        with (Path(folder) / "log").open("wb") as log:
            user = owner if os.geteuid() == 0 else None
            child = subprocess.Popen(["pgbouncer", file], user=user, stdout=log, stderr=log)  # noqa: S607
        try:
            address = f"postgresql://postgres@127.0.0.1:{port}/{server['dbname']}"
            _until_it_answers(address, Path(folder) / "log")
            yield address
        finally:
            child.terminate()
            child.wait()


def _until_it_answers(address: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return
