"""The keeper: runs both embedded servers, restarts a server that exits, and stops them when no process uses them."""

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path

from runtime.embedded.errors import StackFailed
from runtime.embedded.locks import Lock
from runtime.embedded.ports import check_port
from runtime.embedded.postgres import Postgres
from runtime.embedded.processes import end_leftover, stop, trim
from runtime.embedded.record import Layout, Ports, Record, State, read_record
from runtime.embedded.supervised import Server, SupervisedServer
from runtime.embedded.temporal import Temporal

log = logging.getLogger("keeper")
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 4.0
SECONDS_BETWEEN_POLLS = 0.05
FAILED_STARTS_AT_MOST = 4


class Keeper:
    """The two servers of one data directory."""

    def __init__(self, layout: Layout, ports: Ports, lease: Lock) -> None:
        self._layout, self._ports, self._lease = layout, ports, lease
        self._servers: dict[str, SupervisedServer] = {}
        self._stop_requested = False
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._request_stop)

    def _request_stop(self, *_: object) -> None:
        self._stop_requested = True

    def run(self) -> None:
        """Run the servers until no process uses them; raise StackFailed when they can't be started."""
        self._end_leftovers()
        self._record("starting")
        check_port(self._ports.temporal, "ORDERS_TEMPORAL_PORT")
        check_port(self._ports.ui, "ORDERS_UI_PORT")
        temporal, postgres = Temporal(self._layout, self._ports), Postgres(self._layout)
        try:
            self._start(temporal, postgres)
            while not self._is_over():
                self._restart_dead()
                time.sleep(SECONDS_BETWEEN_POLLS)
        finally:
            self._layout.record.unlink(missing_ok=True)
            self._stop()
            postgres.forget_socket_dir()

    def _start(self, temporal: Temporal, postgres: Postgres) -> None:
        self._supervise("temporal", temporal)
        postgres.create()
        self._supervise("postgres", postgres)
        deadline = time.monotonic() + SECONDS_TO_START
        waiting: list[Server] = [postgres, temporal]
        while waiting and not self._is_over():
            waiting = [server for server in waiting if not server.is_ready()]
            self._restart_dead()
            self._give_up_if(time.monotonic() > deadline)
            time.sleep(SECONDS_BETWEEN_POLLS / 5)
        if not waiting:
            self._record("ready", postgres.url())

    def _supervise(self, name: str, server: Server) -> None:
        self._servers[name] = SupervisedServer(name, server)
        self._record("starting")

    def _restart_dead(self) -> None:
        if any([server.restart_if_dead() for server in self._servers.values()]):  # noqa: C419 - must call it for each server
            record = read_record(self._layout)
            self._record(record.state if record else "starting", record.database_url if record else "")

    def _give_up_if(self, late: bool) -> None:  # noqa: FBT001
        for server in self._servers.values():
            if server.failed_starts >= FAILED_STARTS_AT_MOST or (late and not server.server.is_ready()):
                raise StackFailed(f"{server.name} does not start; see {self._layout.root / server.name}.log")

    def _is_over(self) -> bool:
        return self._stop_requested or self._lease.try_exclusive()

    def _record(self, state: State, database_url: str = "") -> None:
        children = {server.name: server.child.pid for server in self._servers.values()}
        Record(os.getpid(), state, self._ports, database_url, children).write(self._layout)

    def _stop(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_STOP
        for server in self._servers.values():
            if server.child.poll() is None:
                server.child.send_signal(server.server.stop_signal)
        for server in self._servers.values():
            stop(server.child, server.server.stop_signal, deadline)

    def _end_leftovers(self) -> None:
        """End the servers of a keeper that was killed: two servers on one file would corrupt it."""
        if (record := read_record(self._layout)) is None:
            return
        # PostgreSQL's command line names the folder, Temporal's the port.
        marks = str(self._layout.root), f" --port {record.ports.temporal} "
        for pid in record.children.values():
            end_leftover(pid, marks, SECONDS_TO_STOP)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--temporal-port", type=int, required=True)
    parser.add_argument("--ui-port", type=int, required=True)
    parser.add_argument("--untuned", action="store_true")
    return parser.parse_args()


def _take(lock: Lock) -> bool:
    """Take the keeper's lock; return False when another keeper holds it for more than a second.

    A process that only checks the lock holds it for a moment.
    """
    deadline = time.monotonic() + 1.0
    while not lock.try_exclusive():
        if time.monotonic() > deadline:
            return False
        time.sleep(SECONDS_BETWEEN_POLLS / 5)
    return True


def main() -> int:
    """Run the stack of a data directory; return 1 when it can't be started, and store the cause in its record."""
    arguments = _arguments()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    layout = Layout(arguments.data_dir)
    ports = Ports(arguments.temporal_port, arguments.ui_port, tuned=not arguments.untuned)
    os.umask(0o077)
    with Lock(layout.keeper_lock) as lock, Lock(layout.lease) as lease:
        if not _take(lock):
            return 0
        for file in (layout.keeper_log, layout.temporal_log, layout.postgres_log):
            trim(file)
        try:
            Keeper(layout, ports, lease).run()
        except (StackFailed, OSError) as error:
            log.exception("the embedded servers can't run")
            Record(os.getpid(), "failed", ports, error=str(error)).write(layout)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
