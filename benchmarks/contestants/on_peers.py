"""The peers that do not run on Temporal, from the environment that `make bench` installs for them."""

import asyncio
import http
import json
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.contestants.contestant import Contestant, Running
from benchmarks.contestants.on_temporal import stop
from benchmarks.contestants.up import apart, together
from benchmarks.measuring.driver import RunFailed, begin
from benchmarks.measuring.stage import HERE, PEERS, BenchStage, until
from runtime.embedded.ports import LOOPBACK, free_port

PYTHON = PEERS / "venv" / "bin" / "python"
CODE = HERE / "peers"
# Hypercorn's processes: on two cores that are shared with the server, a second one made Restate slower.
APP_PROCESSES = 1
SECONDS_TO_REGISTER = 60.0


@dataclass(frozen=True)
class Dbos(Contestant):
    """DBOS, with its system database and the steps' database on the same PostgreSQL."""

    writes: Literal["datasource", "step"]

    @asynccontextmanager
    async def running(self, stage: BenchStage) -> AsyncIterator[Running]:
        """Run the one process that DBOS needs."""
        system = stage.database(f"{self.database}_system")
        command = [
            PYTHON,
            CODE / "dbos_saga.py",
            "--system-database",
            system,
            "--writes",
            self.writes,
        ]
        command += ["--database", stage.database(self.database)]
        roles = {"postgres": [stage.postgres_pid]}
        async with together(command, stage.of(self.name) / "starter.log", roles) as running:
            yield running


@dataclass(frozen=True)
class Restate(Contestant):
    """Restate's own server, the saga served by Hypercorn, and a client at the ingress."""

    @asynccontextmanager
    async def running(self, stage: BenchStage) -> AsyncIterator[Running]:
        """Run the server, the app and a client; register the app once the server answers."""
        folder = stage.of(self.name)
        ports = ports_of(folder)
        async with restate_server(folder, ports) as server:
            app = [
                PYTHON,
                "-m",
                "hypercorn",
                "--config",
                CODE / "hypercorn.toml",
                "--workers",
                str(APP_PROCESSES),
            ]
            app += ["--bind", f"{LOOPBACK}:{ports['app']}", f"{CODE / 'restate_saga.py'}:app"]
            starter = [PYTHON, CODE / "restate_saga.py", f"http://{LOOPBACK}:{ports['ingress']}"]
            roles = {"server": [server], "postgres": [stage.postgres_pid]}
            env = {"DATABASE": stage.database(self.database)}
            async with apart(app, starter, folder, roles, env=env) as running:
                await asyncio.to_thread(register, ports)
                yield running


def ports_of(folder: Path) -> dict[str, int]:
    """Return a server's ports, the same in every turn, because the server stores its own and its apps' addresses."""
    note = folder / "ports.json"
    if not note.exists():
        note.write_text(json.dumps({name: free_port() for name in ("ingress", "admin", "node", "app")}))
    ports: dict[str, int] = json.loads(note.read_text())
    return ports


@asynccontextmanager
async def restate_server(folder: Path, ports: dict[str, int]) -> AsyncIterator[int]:
    """Yield the process id of a server with every default except the ports and disabled telemetry."""
    env = {
        "RESTATE_BASE_DIR": str(folder / "state"),
        "RESTATE_NODE_NAME": "bench",
        "RESTATE_BIND_IP": LOOPBACK,
        "RESTATE_ADVERTISED_HOST": LOOPBACK,
        "RESTATE_BIND_PORT": str(ports["node"]),
        "RESTATE_INGRESS__BIND_PORT": str(ports["ingress"]),
        "RESTATE_ADMIN__BIND_PORT": str(ports["admin"]),
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_DISABLE_TELEMETRY": "true",
    }
    log = folder / "server.log"
    server = begin([next(PEERS.glob("node_modules/@restatedev/restate-server-*/bin/restate-server"))], log, env)
    try:
        await until(lambda: healthy(ports), server, log)
        yield server.pid
    finally:
        stop(server)


def healthy(ports: dict[str, int]) -> bool:
    """Return whether the server accepts orders and registrations."""
    checks = (f"{ports['ingress']}/restate/health", f"{ports['admin']}/health")
    return all(answers(f"http://{LOOPBACK}:{check}") for check in checks)


def answers(url: str, body: bytes | None = None) -> bool:
    """Return whether an address answers without an error."""
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - a local address
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return bool(answer.status < http.HTTPStatus.BAD_REQUEST)
    except OSError:  # URLError and HTTPError, too
        return False


def register(ports: dict[str, int]) -> None:
    """Register the app at the server; raise RunFailed when the server doesn't find the app."""
    body = json.dumps({"uri": f"http://{LOOPBACK}:{ports['app']}", "force": True}).encode()
    deadline = time.monotonic() + SECONDS_TO_REGISTER
    while not answers(f"http://{LOOPBACK}:{ports['admin']}/deployments", body):
        if time.monotonic() > deadline:
            raise RunFailed("Restate does not find the app")
        time.sleep(0.1)
