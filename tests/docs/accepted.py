"""Whether a program would accept a command of the documentation that is not run."""

import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import warnings
from contextlib import redirect_stdout, suppress
from functools import cache
from itertools import dropwhile, takewhile
from pathlib import Path
from unittest import mock

from cli.app import run
from tests.docs.blocks import PROJECT

# A run of the tests by `make test` passes these to its processes, and they would change the dry run.
_OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS"}
# The programs of the benchmarks' peers, whose libraries are in an environment of their own.
PEERS = ".peers/"
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


def problem(text: str) -> str:
    """Return why a command would be refused: its target, its name or an option is unknown; else an empty text."""
    program, *words = dropwhile(_ASSIGNMENT.match, shlex.split(text.removesuffix("&")))
    if program == "make":
        return _problem_of_target(words)
    if program.startswith(PEERS):
        module = PROJECT / (words[1].replace(".", "/") + ".py")
        return "" if module.exists() else f"{text}: no such module"
    known = _help(Path(program).name, tuple(_name(words)))
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    unknown = [option for option in options if not re.search(rf"{option}(?![\w-])", known)]
    return f"{text}: unknown {' '.join(unknown)}" if unknown else ""


def _name(words: list[str]) -> list[str]:
    """Return the words before the first option: `-m MODULE`, or the command with its arguments."""
    return words[:2] if words[0] == "-m" else list(takewhile(lambda word: not word.startswith("-"), words))


def _problem_of_target(words: list[str]) -> str:
    variables = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
    asked = ["make", "--dry-run", f"VENV={sys.prefix}", *words]
    dry = subprocess.run(asked, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    commands = re.findall(
        r"/python ((?:starter|worker)\.py.*|-m (?:benchmarks|tests)\.(?!peers).*)$", dry.stdout, re.MULTILINE
    )
    problems = [dry.stderr] if dry.returncode else [problem(f"python {command}") for command in commands]
    return "\n".join(filter(None, problems))


@cache
def _help(program: str, name: tuple[str, ...]) -> str:
    """Return the help of a command; raise when the program doesn't know the command."""
    if program == "python" and name[0] != "starter.py":
        return _help_of_module(Path(name[-1]).stem if name[0] != "-m" else name[1])
    if program == "python":
        with redirect_stdout(io.StringIO()) as out:
            assert run([*name[1:], "--help"]) == 0, name
        return out.getvalue()
    asked = [str(Path(sys.prefix) / "bin" / program), *name, "--help"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def _help_of_module(module: str) -> str:
    """Return the help of a module, in this process: starting Python for each of them takes longer."""
    arguments = mock.patch.object(sys, "argv", [module, "--help"])
    with redirect_stdout(io.StringIO()) as out, arguments, suppress(SystemExit), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the module is imported already
        runpy.run_module(module, run_name="__main__")
    return out.getvalue()
