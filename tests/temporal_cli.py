"""The Temporal CLI as the operator on call runs it: the exact commands of docs/operations.md."""

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
PAGE = PROJECT / "docs" / "operations.md"
# Workflow id in the documented commands.
EXAMPLE = "order-o-1001"


@dataclass(frozen=True)
class CliAnswer:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def documented(start: str = "temporal ") -> list[str]:
    """Return the distinct commands of docs/operations.md that start with `start`, on one line without comment."""
    text = PAGE.read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition(" # ")[0].strip() for block in blocks for line in block.splitlines()]
    return list(dict.fromkeys(re.sub(r"\s+", " ", line) for line in lines if line.startswith(start)))


def the_command(*words: str) -> str:
    """Return the only documented command that contains all of these words."""
    (found,) = [command for command in documented() if all(word in command for word in words)]
    return found


def run_documented(environment: dict[str, str], command: str, workflow_id: str = EXAMPLE, *more: str) -> CliAnswer:
    """Run a documented command on the server of an environment, with `workflow_id` instead of the documented one."""
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
