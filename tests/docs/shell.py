"""The terminal of a reader: a clean copy of the project, in which the blocks of a page run one after another."""

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.blocks import PROJECT, Block

# The longest duration of a block in seconds.
PATIENCE = 300
_LEFT_OUT = ("tests", ".*")
# Bash reports each command that fails; its variables are kept for the next block.
_SCRIPT = """trap 'echo "$? $BASH_COMMAND" >> "$FAILURES"' ERR
{text}
env -0 > "$VARIABLES"
"""


@dataclass(frozen=True)
class Ran:
    """The output of a block, and its failed commands: each with its exit code."""

    output: str
    failures: list[tuple[int, str]]


def copy_project(home: Path) -> Path:
    """Return a new copy of the project, with the virtual environment that runs the tests as its `.venv`."""
    shutil.copytree(PROJECT, home, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    shutil.copy(PROJECT / ".env.example", home)
    (home / ".venv").symlink_to(sys.prefix)
    return home


def without_virtual_environment(variables: dict[str, str]) -> dict[str, str]:
    """Return variables in which no virtual environment is active: the page itself activates it."""
    mine = str(Path(sys.prefix) / "bin")
    path = os.pathsep.join(part for part in variables["PATH"].split(os.pathsep) if part != mine)
    kept = {name: text for name, text in variables.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return {**kept, "PATH": path}


@dataclass
class Shell:
    """Runs blocks in a copy of the project; a block has the variables that the blocks before it have set."""

    home: Path
    variables: dict[str, str]
    _count: int = field(default=0, init=False)

    async def run(self, block: Block, text: str) -> Ran:
        """Run the text of a bash or python block."""
        self._count += 1
        if block.language == "python":
            program = self.home / f"block_{self._count}.py"
            program.write_text(text)
            text = f"python {program.name}"
        return await self._run(text)

    async def _run(self, text: str) -> Ran:
        names = ("script", "failures", "variables")
        script, failures, variables = (self.home.parent / f"{name}-{self._count}" for name in names)
        script.write_text(_SCRIPT.format(text=text))
        failures.touch()
        process = await asyncio.create_subprocess_exec(
            "bash",
            script,
            cwd=self.home,
            env={**self.variables, "FAILURES": str(failures), "VARIABLES": str(variables)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        self.variables = dict(each.split("=", 1) for each in variables.read_text().split("\0") if each)
        failed = [line.split(" ", 1) for line in failures.read_text().splitlines()]
        return Ran(output.decode(), [(int(code), failing) for code, failing in failed])
