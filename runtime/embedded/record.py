"""The keeper's record in `stack.json`; plain data classes, so that the keeper starts quickly."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from runtime.embedded.locks import is_held

State = Literal["starting", "ready", "failed"]


class Layout:
    """The paths in a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir
        self.lease = data_dir / "lease"
        self.keeper_lock = data_dir / "keeper.lock"
        self.record = data_dir / "stack.json"
        self.keeper_log = data_dir / "keeper.log"
        self.temporal_file = data_dir / "temporal.db"
        self.temporal_log = data_dir / "temporal.log"
        self.postgres_data = data_dir / "postgres"
        self.postgres_log = data_dir / "postgres.log"
        self.socket_dir = data_dir / "socket_dir"


@dataclass(frozen=True)
class Ports:
    """The ports and the tuning of a stack; a replacement keeper uses the same."""

    temporal: int
    ui: int
    tuned: bool = True


@dataclass(frozen=True)
class Record:
    """The state of a stack, and the process ids of its keeper and of its servers."""

    keeper: int
    state: State
    ports: Ports
    database_url: str = ""
    children: dict[str, int] = field(default_factory=dict)
    error: str = ""

    def write(self, layout: Layout) -> None:
        """Replace the record atomically."""
        draft = layout.record.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(self), indent=1) + "\n")
        draft.replace(layout.record)


def read_record(layout: Layout) -> Record | None:
    """Return the record of the last keeper, alive or not; None when it is missing or of another project version."""
    try:
        fields = json.loads(layout.record.read_text())
        return Record(**fields | {"ports": Ports(**fields["ports"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def live_record(layout: Layout) -> Record | None:
    """Return the record of a running keeper, None when no keeper runs."""
    record = read_record(layout) if is_held(layout.keeper_lock) else None
    return record if record is not None and is_alive(record.keeper) else None


def is_alive(pid: int) -> bool:
    """Return whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
