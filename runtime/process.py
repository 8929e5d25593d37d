"""The lifecycle of a worker process: its arguments, its signals, and its exit."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from models.errors import InvalidInput
from models.names import TASK_QUEUE
from models.participants import QUEUES, names_in
from models.problems import shown

PROCESSES_AT_MOST = 64
SUPERVISED = "--supervised"
Serve = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True)
class Arguments:
    """The command-line arguments of worker.py."""

    serve: tuple[str, ...] = (TASK_QUEUE,)
    relay_only: bool = False
    processes: int = 1
    supervised: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidInput("worker.py", message)


def read_arguments(given: Sequence[str]) -> Arguments:
    """Return the parsed command line; raise InvalidInput."""
    parser = _Parser(prog="worker.py", description="Serve orders until SIGTERM or SIGINT.", allow_abbrev=False)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--serve",
        type=_queues,
        default=(TASK_QUEUE,),
        metavar="QUEUES",
        help="the task queues to serve, separated by commas: orders (the default: the workflows, and each service that "
        "isn't apart), inventory, payments, shipping",
    )
    what.add_argument("--relay-only", action="store_true", help="only relay the outbox's events; run no worker")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="run N processes, and restart one that exits"
    )
    parser.add_argument(SUPERVISED, action="store_true", help=argparse.SUPPRESS)
    arguments = Arguments(**vars(parser.parse_args(given)))
    if not 1 <= arguments.processes <= PROCESSES_AT_MOST:
        raise InvalidInput("--processes", f"must be 1 to {PROCESSES_AT_MOST}")
    return arguments


def _queues(text: str) -> tuple[str, ...]:
    try:
        return names_in(text, QUEUES)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def without_workflows(given: Sequence[str]) -> bool:
    """Return whether a command line asks only for services apart; a wrong one does not."""
    with suppress(InvalidInput):
        return TASK_QUEUE not in read_arguments(given).serve
    return False


async def until_signalled(serve: Serve, *, supervised: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, which set the event passed to `serve`; a second signal ends the process at once.

    A supervised process also drains and stops when its supervisor ends.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal(signum: signal.Signals) -> None:
        if stop.is_set():
            leave(128 + signum)
        stop.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, on_signal, signum)
    if supervised:
        loop.add_reader(sys.stdin.fileno(), _on_supervisor_gone, stop)
    await serve(stop)


def _on_supervisor_gone(stop: asyncio.Event) -> None:
    """Stop: the supervisor writes nothing to stdin, so stdin becomes readable only when the supervisor ends."""
    asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    if stop.is_set():  # the supervisor ended during the drain, by a second signal
        leave(128 + signal.SIGTERM)
    stop.set()


def complain(error: str) -> None:
    """Write an error as one line to stderr, also before the log is configured; a broken stderr is ignored."""
    with suppress(OSError):
        print(f"error: {shown(error, 1000)}", file=sys.stderr, flush=True)  # noqa: T201


def leave(code: int) -> None:
    """Exit without finalizing the interpreter, which the threads of Temporal's core can crash."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the reader of a pipe has gone, or the disk is full: the exit code stays true
            stream.flush()
    os._exit(code)
