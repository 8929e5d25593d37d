"""The plain Temporal CLI, as the person on call runs it: the commands of docs/operations.md, word for word."""

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
BINARY = Path(sys.executable).parent / "temporal"
# The order that the documented commands name.
EXAMPLE = "order-o-1001"


@dataclass(frozen=True)
class CliAnswer:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def documented(start: str = "temporal ") -> list[str]:
    """Return every command of the handbook that starts so, on one line, once."""
    text = (PROJECT / "docs" / "operations.md").read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return list(dict.fromkeys(re.sub(r"\s+", " ", line) for line in lines if line.startswith(start)))


def the_command(*words: str) -> str:
    """Return the one documented command that holds all of these words."""
    (found,) = [command for command in documented() if all(word in command for word in words)]
    return found


def run_documented(environment: dict[str, str], command: str, workflow_id: str = EXAMPLE, *more: str) -> CliAnswer:
    """Run a documented command on the server of an environment, for another order than the handbook's."""
    arguments = shlex.split(command.replace(EXAMPLE, workflow_id))[1:]
    done = subprocess.run(
        [BINARY, *arguments, *more],
        env={**environment, "TEMPORAL_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return CliAnswer(done.returncode, done.stdout, done.stderr)
