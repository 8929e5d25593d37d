"""What a command writes: one document for programs on stdout, everything else for people."""

import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from rich.console import Console, RenderableType


def plain(text: str) -> str:
    """Return a text that can't move the cursor or break the line of a terminal, whoever wrote it."""
    return "".join(c if c.isprintable() else "?" for c in text)


def as_json(value: Any) -> Any:
    """Return plain data for JSON from models and from containers of models."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


class _Console(Console):
    """A console that leaves the exit code to the command when its reader goes away."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _answers() -> Console:
    return _Console(highlight=False, markup=False)


def _notes() -> Console:
    return _Console(stderr=True, highlight=False, markup=False)


@dataclass(frozen=True)
class Output:
    """Where a command writes: with `as_document`, its answer is one JSON document on stdout."""

    as_document: bool = False
    answers: Console = field(default_factory=_answers)
    notes: Console = field(default_factory=_notes)

    def answer(self, document: Any, *shown: RenderableType) -> None:
        """Write the command's one answer: as a document, or as it is shown to people."""
        if self.as_document:
            print(json.dumps(as_json(document), default=str), flush=True)  # noqa: T201 - the command's output
            return
        for each in shown:
            self.answers.print(each, soft_wrap=isinstance(each, str))

    def note(self, text: str) -> None:
        """Tell people something along the way, on stderr."""
        self.notes.print(plain(text), soft_wrap=True)
