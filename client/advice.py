"""Commands that are advised to people, who copy them into a shell."""

import shlex

PYTHON_STARTER = ("python", "starter.py")
START_A_WORKER = "python worker.py"


def command(*words: str) -> str:
    """Return the words as one shell command: a workflow's id may be any text, and must not run as part of it."""
    return shlex.join(words)


def starter(*words: str) -> str:
    """Return a command of `starter.py`."""
    return command(*PYTHON_STARTER, *words)
