"""Commands that are advised to people, who copy them into a shell: each works as it is printed."""

import shlex
from typing import Any

from temporalio.client import Client

from models.participants import SERVICES

PYTHON_STARTER = ("python", "starter.py")
START_A_WORKER = "python worker.py"
START_A_RELAY = "python worker.py --relay-only"
SET_UP = "python starter.py setup"
# The reason of an advised decision.
CAUSE_FIXED = "cause fixed"
# Where the `temporal` command looks when it is not told otherwise.
USUAL_ADDRESSES = {"localhost:7233", "127.0.0.1:7233"}
USUAL_NAMESPACE = "default"


def command(*words: str) -> str:
    """Return the words as one shell command: a workflow's id may be any text, and must not run as part of it."""
    return shlex.join(words)


def start_a_worker(queue: str) -> str:
    """Return the command that starts a worker of a task queue."""
    return f"{START_A_WORKER} --serve {queue}" if queue in SERVICES else START_A_WORKER


def starter(*words: str) -> str:
    """Return a command of `starter.py`."""
    return command(*PYTHON_STARTER, *words)


def temporal(client: Client, *words: str) -> str:
    """Return a command of the Temporal CLI for the server and namespace of `client`.

    TLS and API keys come from the CLI's own environment, and are never printed.
    """
    address, where = client.service_client.config.target_host, list[str]()
    if address not in USUAL_ADDRESSES:
        where += ["--address", address]
    if client.namespace != USUAL_NAMESPACE:
        where += ["--namespace", client.namespace]
    return command("temporal", *words, *where)


def helps(*commands: str, first: str = "") -> dict[str, Any]:
    """Return the fields `help`, `help_command` and `alternatives` of a diagnosis.

    The first command is the usual one; the others are other decisions, or decisions on other steps. `first` is what to
    do or to know before it; without any command there is nothing to run.
    """
    words = f"{first}: {commands[0]}" if commands and first else first or commands[0]
    return {"help": words, "help_command": commands[0] if commands else None, "alternatives": commands[1:]}
