"""The keeper: owns both servers, restarts what dies, and stops them when their last user is gone."""

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path

from runtime.embedded.errors import StackFailed
from runtime.embedded.kept import Kept, Server
from runtime.embedded.locks import Lock
from runtime.embedded.ports import check_port
from runtime.embedded.postgres import Postgres
from runtime.embedded.processes import end_leftover, stop, trim
from runtime.embedded.record import Layout, Ports, Record, State, read_record
from runtime.embedded.temporal import Temporal

log = logging.getLogger("keeper")
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 4.0
SECONDS_BETWEEN_LOOKS = 0.05
FAILED_STARTS_AT_MOST = 4


class Keeper:
    """The two servers of one data directory."""

    def __init__(self, layout: Layout, ports: Ports, lease: Lock) -> None:
        self._layout, self._ports, self._lease = layout, ports, lease
        self._kept: dict[str, Kept] = {}
        self._told_to_stop = False
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._tell)

    def _tell(self, *_: object) -> None:
        self._told_to_stop = True

    def run(self) -> None:
        """Run until the last user is gone; raise StackFailed when the servers can't be started."""
        self._end_leftovers()
        self._note("starting")
        check_port(self._ports.temporal, "ORDERS_TEMPORAL_PORT")
        check_port(self._ports.ui, "ORDERS_UI_PORT")
        temporal, postgres = Temporal(self._layout, self._ports), Postgres(self._layout)
        try:
            self._start(temporal, postgres)
            while not self._is_over():
                self._look()
                time.sleep(SECONDS_BETWEEN_LOOKS)
        finally:
            self._layout.record.unlink(missing_ok=True)
            self._stop()
            postgres.forget_socket_dir()

    def _start(self, temporal: Temporal, postgres: Postgres) -> None:
        self._keep("temporal", temporal)
        postgres.create()
        self._keep("postgres", postgres)
        deadline = time.monotonic() + SECONDS_TO_START
        waiting: list[Server] = [postgres, temporal]
        while waiting and not self._is_over():
            waiting = [server for server in waiting if not server.is_ready()]
            self._look()
            self._give_up_if(time.monotonic() > deadline)
            time.sleep(SECONDS_BETWEEN_LOOKS / 5)
        if not waiting:
            self._note("ready", postgres.url())

    def _keep(self, name: str, server: Server) -> None:
        self._kept[name] = Kept(name, server)
        self._note("starting")

    def _look(self) -> None:
        if any([kept.look() for kept in self._kept.values()]):  # noqa: C419 - each one must be looked at
            record = read_record(self._layout)
            self._note(record.state if record else "starting", record.database_url if record else "")

    def _give_up_if(self, late: bool) -> None:  # noqa: FBT001
        for kept in self._kept.values():
            if kept.failed_starts >= FAILED_STARTS_AT_MOST or (late and not kept.server.is_ready()):
                raise StackFailed(f"{kept.name} does not start; see {self._layout.root / kept.name}.log")

    def _is_over(self) -> bool:
        return self._told_to_stop or self._lease.try_exclusive()

    def _note(self, state: State, database_url: str = "") -> None:
        children = {kept.name: kept.child.pid for kept in self._kept.values()}
        Record(os.getpid(), state, self._ports, database_url, children).write(self._layout)

    def _stop(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_STOP
        for kept in self._kept.values():
            if kept.child.poll() is None:
                kept.child.send_signal(kept.server.stop_signal)
        for kept in self._kept.values():
            stop(kept.child, kept.server.stop_signal, deadline)

    def _end_leftovers(self) -> None:
        """Wait for the servers of a keeper that was killed: two on one file would harm it."""
        record = read_record(self._layout)
        for pid in record.children.values() if record else ():
            end_leftover(pid, str(self._layout.root), SECONDS_TO_STOP)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--temporal-port", type=int, required=True)
    parser.add_argument("--ui-port", type=int, required=True)
    parser.add_argument("--untuned", action="store_true")
    return parser.parse_args()


def _alone(lock: Lock) -> bool:
    """Whether we are the only keeper; somebody who only looks at the lock is soon gone."""
    deadline = time.monotonic() + 1.0
    while not lock.try_exclusive():
        if time.monotonic() > deadline:
            return False
        time.sleep(SECONDS_BETWEEN_LOOKS / 5)
    return True


def main() -> int:
    """Keep the stack of a data directory; return 1 when it can't be started, with the reason in its record."""
    arguments = _arguments()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    layout = Layout(arguments.data_dir)
    ports = Ports(arguments.temporal_port, arguments.ui_port, tuned=not arguments.untuned)
    os.umask(0o077)
    with Lock(layout.keeper_lock) as lock, Lock(layout.lease) as lease:
        if not _alone(lock):
            return 0
        for file in (layout.keeper_log, layout.temporal_log, layout.postgres_log):
            trim(file)
        try:
            Keeper(layout, ports, lease).run()
        except (StackFailed, OSError) as error:
            log.exception("the stack can't run")
            Record(os.getpid(), "failed", ports, error=str(error)).write(layout)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
