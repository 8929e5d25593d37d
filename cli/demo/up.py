"""`up`: run the embedded stack and a worker until a signal."""

import asyncio
import signal

from cli.demo.system import System, stop_on_signals, whole_system
from cli.exits import Code, CommandEnded
from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from models.process import Status
from runtime import logs
from runtime.settings import Settings

NEXT = """
Web UI                  {ui_url}
  waits for an operator {needs_attention}
  waits for an event    {waiting}

Try, in another terminal, after `. .venv/bin/activate`:
  python starter.py batch 20 --mix ok=14,declined=3,refused=3
  python starter.py list
  python starter.py history ID
  python starter.py stuck

Stop with Ctrl-C."""


def up(as_json: AsJson = False) -> None:
    """Start Temporal, its Web UI, the database and a worker, and run until SIGINT or SIGTERM."""
    run_to_end(_up(Output(as_json)))


async def _up(output: Output) -> None:
    settings = Settings.read()
    logs.configure(settings.log_level, settings.log_format)
    received = stop_on_signals(output.note)
    try:
        async with whole_system(settings, output.note) as system:
            _print_addresses(system, output)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not received:
            raise
    raise CommandEnded(Code.INTERRUPTED if received == [signal.SIGINT] else Code.DONE)


def _print_addresses(system: System, output: Output) -> None:
    address = system.client.service_client.config.target_host
    waiting = {status.value: system.list_of(status) for status in (Status.NEEDS_ATTENTION, Status.WAITING)}
    document = {"ui_url": system.ui_url, "temporal_address": address, "lists": waiting}
    output.answer(document, NEXT.format(ui_url=system.ui_url, **waiting))
