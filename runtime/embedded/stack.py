"""Start the embedded servers, or join running ones; the servers run as long as a process holds them."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from runtime.embedded.errors import StackFailed
from runtime.embedded.locks import Lock, is_held
from runtime.embedded.processes import ignore_libpq_variables
from runtime.embedded.record import Layout, Ports, Record, live_record, read_record
from runtime.embedded.start import Echo, collect_exits, ensure
from runtime.settings import Settings

SECONDS_TO_STOP = 10.0
SECONDS_BETWEEN_POLLS = 0.02
SECONDS_BETWEEN_WATCHES = 0.25


@dataclass(frozen=True)
class Stack:
    """The addresses of the embedded servers."""

    temporal_address: str
    ui_url: str
    database_url: str


def running_stack(data_dir: Path) -> Stack | None:
    """Return the stack that runs on a data directory, None without one; neither start nor hold it."""
    record = live_record(Layout(data_dir))
    return _stack(record) if record and record.state == "ready" else None


def _stack(record: Record) -> Stack:
    ports = record.ports
    return Stack(f"127.0.0.1:{ports.temporal}", f"http://127.0.0.1:{ports.ui}", record.database_url)


@contextlib.asynccontextmanager
async def embedded_stack(settings: Settings, echo: Echo | None = None) -> AsyncIterator[Stack]:
    """Hold the stack for the length of the block: start it if needed, and stop it after its last holder.

    `echo` receives progress messages of one line each. Raises StackFailed.
    """
    ignore_libpq_variables()
    layout = _prepared(settings.data_dir)
    ports = Ports(temporal=settings.temporal_port, ui=settings.ui_port, tuned=not settings.untuned)
    with Lock(layout.lease) as lease:
        await _until(lease.try_shared, SECONDS_TO_STOP, f"the stack in {layout.root} does not stop")
        try:
            record = await ensure(layout, ports, echo or _silent)
            _check_tuning(record, ports)
            async with _watch(layout, record.ports, echo or _silent):
                yield _stack(record)
        finally:
            await _leave(layout, lease)


def _silent(_line: str) -> None:
    pass


def _check_tuning(record: Record, ports: Ports) -> None:
    """Raise StackFailed when an untuned stack is wanted but a tuned one runs, which would falsify a measurement."""
    if record.ports.tuned and not ports.tuned:
        raise StackFailed("ORDERS_UNTUNED: a tuned stack is running; stop it, or set ORDERS_DATA_DIR to another folder")


def _prepared(data_dir: Path) -> Layout:
    """Create the data directory, private to this user; root lets PostgreSQL's user traverse it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise StackFailed(f"ORDERS_DATA_DIR: {data_dir} can't be used: {error.strerror}") from None
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise StackFailed(f"ORDERS_DATA_DIR: {data_dir} is not writable by this user; set it to another folder")
    return Layout(data_dir)


@contextlib.asynccontextmanager
async def _watch(layout: Layout, ports: Ports, echo: Echo) -> AsyncIterator[None]:
    """Replace a keeper that ends during the block."""
    watch = asyncio.create_task(_replace_dead_keepers(layout, ports, echo))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _replace_dead_keepers(layout: Layout, ports: Ports, echo: Echo) -> None:
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_WATCHES)
        if live_record(layout) is None:
            try:
                await ensure(layout, ports, echo)
            except StackFailed as error:
                echo(str(error))


async def _leave(layout: Layout, lease: Lock) -> None:
    """Release the stack; the last holder waits until it has stopped."""
    record = read_record(layout)
    last = lease.try_exclusive()
    lease.close()
    if last:
        keeper = record.keeper if record else 0
        await _until(lambda: _is_left(layout, keeper), SECONDS_TO_STOP, f"the stack in {layout.root} does not stop")


def _is_left(layout: Layout, keeper: int) -> bool:
    """Return whether the keeper has ended, or stays for a process that took the lease in the meantime."""
    if not is_held(layout.keeper_lock):
        return keeper not in collect_exits()
    with Lock(layout.lease) as probe:
        return not probe.try_exclusive() and probe.try_shared()


async def _until(reached: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise StackFailed(otherwise)
        await asyncio.sleep(SECONDS_BETWEEN_POLLS)
