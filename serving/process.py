"""A worker's process: its settings, the servers, several processes of one program, and the exit code."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from temporalio.client import Client

from client.outages import known_error
from models.errors import OrderError, Unavailable, WrongInstallation
from runtime import logs
from runtime.connection import connect, is_embedded
from runtime.databases import DatabaseUrls, databases_of
from runtime.loop import loop_factory
from runtime.metrics import build_runtime
from runtime.process import Arguments, Serve, complain, read_arguments, until_signalled
from runtime.settings import PROJECT, Settings, unknown_variables
from runtime.supervisor import Supervisor

log = logging.getLogger("worker")
FAILED, USAGE, UNREACHABLE, CONFLICT = 1, 2, 4, 6
WORKER = str(PROJECT / "worker.py")
# (client, the databases' URLs, settings) → what is done at the start, during a block, and at its end.
Block = Callable[[Client, DatabaseUrls, Settings], AbstractAsyncContextManager[object]]


@dataclass(frozen=True)
class Program:
    """What a process does: `run` serves during its block, `ready` only checks what `run` needs; both raise OrderError.

    `flags` are the arguments of a process with the same program.
    """

    name: str
    queues: tuple[str, ...]
    run: Block
    ready: Block
    flags: tuple[str, ...] = ()


def main(program_of: Callable[[Arguments], Program]) -> int:
    """Run the program of the command line until SIGTERM or SIGINT.

    Returns the exit code: 0, 1 for an unexpected error, 2 for bad configuration or a missing set-up, 4 for an
    unreachable dependency, 6 for a database and a namespace of different installations.
    """
    try:
        arguments = read_arguments(sys.argv[1:])
        settings = Settings.read()
        logs.configure(settings.log_level, settings.log_format)
        if unknown := unknown_variables(os.environ):
            log.warning("variables that are no settings are ignored", extra={"variables": unknown})
        serve = _serving(settings, program_of(arguments), arguments.processes)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(until_signalled(serve, supervised=arguments.supervised))
    except Exception as error:
        if (known := known_error(error)) is None:
            log.exception("worker failed")
            return FAILED
        complain(str(known))
        return _exit_code(known)
    return 0


def _exit_code(error: OrderError) -> int:
    usual = UNREACHABLE if isinstance(error, Unavailable) else USAGE
    return CONFLICT if isinstance(error, WrongInstallation) else usual


def _serving(settings: Settings, program: Program, processes: int) -> Serve:
    return partial(_supervise, settings, program, processes) if processes > 1 else partial(_run, settings, program)


async def _run(settings: Settings, program: Program, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain; raise an OrderError when the program can't start."""
    async with _held_stack(settings):
        client = await connect(settings, runtime=build_runtime(settings))
        async with program.run(client, databases_of(settings), settings):
            known = {"task_queue": ",".join(program.queues), "namespace": client.namespace}
            log.info(f"{program.name} started", extra=known)  # noqa: G004 - one of two names
            await stop.wait()
            log.info("draining", extra={"seconds_at_most": settings.drain_seconds})
    log.info("worker stopped")


async def _supervise(settings: Settings, program: Program, number: int, stop: asyncio.Event) -> None:
    """Run `number` processes of the program until `stop` is set; raise an OrderError when they can't start."""
    async with _held_stack(settings):
        # The preconditions of the processes, so that a refusal is one line.
        async with program.ready(await connect(settings), databases_of(settings), settings):
            pass
        supervisor = Supervisor([sys.executable, WORKER, *program.flags], number, settings)
        log.info("supervisor started", extra={"processes": number})
        await supervisor.serve(stop)
    log.info("supervisor stopped")


@asynccontextmanager
async def _held_stack(settings: Settings) -> AsyncIterator[None]:
    """Hold the embedded servers, if they are used.

    A worker raises Unreachable when they don't run and never starts them, so that a wrong setting doesn't.
    """
    if not is_embedded(settings):
        yield
        return
    from runtime.embedded.stack import embedded_stack  # noqa: PLC0415 - imported only where they are used

    databases_of(settings)
    async with embedded_stack(settings, log.warning):
        yield
