"""The command line: the commands, and how each of them ends."""

import json
import os
import sys
from functools import cache
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from temporalio.client import RPCError

from cli.demo.demo import demo
from cli.demo.up import up
from cli.exits import BY_CLASS, Code, CommandEnded
from cli.operate.dead_letters import deadletters
from cli.operate.move import move
from cli.operate.prune import prune
from cli.operate.resolve import resolve
from cli.operate.resolve_all import resolve_all
from cli.operate.setup import setup
from cli.operate.states import find, rebuild
from cli.operate.stuck import stuck
from cli.orders.batch import batch
from cli.orders.cancel import cancel
from cli.orders.event import event
from cli.orders.history import history
from cli.orders.listing import list_orders
from cli.orders.place import place
from cli.orders.plan import plan
from cli.orders.status import status
from cli.orders.trace import trace
from cli.orders.watch import watch
from cli.output import plain
from cli.schema import schema
from cli.slips.slip import review, slip
from client.outages import error_of
from models.problems import first_problem

app = typer.Typer(
    name="starter.py",
    help="Place and operate orders: an order saga on Temporal.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


# As in pyproject.toml, which the container image doesn't have.
VERSION = "0.1.0"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"order-saga {VERSION}")  # noqa: T201 - the command's output
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Place and operate orders: an order saga on Temporal."""


def main() -> None:
    """Run one command and end the process with its exit code."""
    code = run(sys.argv[1:])
    # Not sys.exit: the SDK's threads still run when the interpreter shuts down, and can crash it.
    os._exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; each error is one line on stderr."""
    try:
        ended = _invoke(arguments)
        if ended.line:
            _print_line(ended, as_document="--json" in arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        return Code.BROKEN_PIPE
    except OSError as error:  # a full disk, for example
        os.write(2, f"error: the output can't be written: {error.strerror}\n".encode())
        return Code.UNEXPECTED
    return ended.code


def _invoke(arguments: list[str]) -> CommandEnded:
    """Run one command; return its exit code and its last line."""
    try:
        code = _command()(arguments, standalone_mode=False)
    except CommandEnded as ended:
        return ended
    except (KeyboardInterrupt, typer.Abort):
        return CommandEnded(Code.INTERRUPTED, "interrupted")
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - every error becomes one line
        return _ending(error)
    return CommandEnded(Code.INTERRUPTED, "interrupted") if code == Code.INTERRUPTED else CommandEnded(Code(code or 0))


@cache
def _command() -> Any:  # typer's own copy of click.Command, which it doesn't export
    return typer.main.get_command(app)


def _ending(error: Exception) -> CommandEnded:
    """Return the exit code and the line for an error; for a group, of its first error."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if os.environ.get("ORDERS_LOG_LEVEL", "").lower() == "debug":
        sys.excepthook(type(error), error, error.__traceback__)
    if isinstance(error, RPCError):
        error = error_of(error) or error
    for known, code in BY_CLASS.items():
        if isinstance(error, known):
            message = _words(error) if isinstance(error, typer.TyperException) else str(error)
            return CommandEnded(code, message, getattr(error, "others", ()))
    return CommandEnded(Code.UNEXPECTED, f"unexpected {type(error).__name__}: {error}")


def _words(error: typer.TyperException) -> str:
    """Return what is wrong with an option or an argument, in the words for a field of a document."""
    if isinstance(error.__cause__, ValidationError):
        error.message = first_problem(error.__cause__)[1]
    return error.format_message()


def _print_line(ended: CommandEnded, as_document: bool) -> None:
    lines = [plain(" ".join(line.split())) for line in (ended.line, *ended.others)]
    for line in lines:
        print(line if ended.code is Code.INTERRUPTED else f"error: {line}", file=sys.stderr)  # noqa: T201 - the command's output
    if as_document:
        several = {"errors": lines} if ended.others else {}
        print(json.dumps({"error": lines[0], **several, "exit_code": int(ended.code)}))  # noqa: T201


COMMANDS = (
    ("demo", demo, "Watch five orders complete, fail and be undone."),
    ("up", up, "Keep Temporal, the database and a worker running."),
    ("place", place, "Place an order and show its steps live."),
    ("watch", watch, "Follow an order until it ends or needs an operator."),
    ("batch", batch, "Place many test orders and measure them."),
    ("status", status, "Show the status of an order or a slip."),
    ("list", list_orders, "List orders, newest or riskiest first."),
    ("plan", plan, "Show what a cancel would undo."),
    ("cancel", cancel, "Cancel an order and undo its steps."),
    ("resolve", resolve, "Decide on a parked step."),
    ("resolve-all", resolve_all, "Decide on all parked steps of a filter."),
    ("slip", slip, "Run a routing slip and show its stops live."),
    ("review", review, "Approve or reject at a slip's review stop."),
    ("event", event, "Report a bank transfer's result to an order."),
    ("find", find, "Find orders by status, also after Temporal's retention."),
    ("rebuild", rebuild, "Update the read model of process states."),
    ("prune", prune, "Delete receipts and personal data of old orders."),
    ("history", history, "Show the attempts, times and errors of an order."),
    ("trace", trace, "Draw the events of a choreographed order."),
    ("schema", schema, "List the fields of an order, a slip or a payload."),
    ("stuck", stuck, "List processes without progress, and what helps."),
    ("setup", setup, "Prepare a Temporal server and a database."),
    ("move", move, "Bind a restored database or a new namespace."),
)
for name, command, short in COMMANDS:
    app.command(name, short_help=short)(command)
app.add_typer(deadletters, name="deadletters", short_help="List, show, redrive or discard dead letters.")
