"""The output of a command: its answer on stdout, as text or as one JSON document; notes on stderr."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, TypeAdapter
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_MOMENT = TypeAdapter(datetime)
UNLIMITED = 10_000


def plain(text: str) -> str:
    """Return a text without control characters, which could move the cursor or break the line."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _kept_lines(text: str) -> str:
    return "\n".join(map(plain, text.split("\n")))


def as_json(value: Any) -> Any:
    """Convert models, times, and containers of them, to plain data for JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return _MOMENT.dump_python(value, mode="json")
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


class _Console(Console):
    """A console for foreign texts, such as the ids of other programs' workflows.

    No text that is printed, from wherever it comes, has control or bidirectional characters. A console raises
    BrokenPipeError when its reader closes the pipe, instead of exiting.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of a renderable; rich's own control codes are segments of another kind."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control or text == "\n" else Segment(_kept_lines(text), style)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _answers() -> Console:
    made = _Console(highlight=False, markup=False)
    if not made.is_terminal and not os.environ.get("COLUMNS"):
        made.width = UNLIMITED  # a program, or a person's grep, reads each row on one line
    return made


def _notes() -> Console:
    return _Console(stderr=True, highlight=False, markup=False)


@dataclass(frozen=True)
class Output:
    """Writes a command's output; with `as_document` the answer is one JSON document."""

    as_document: bool = False
    answers: Console = field(default_factory=_answers)
    notes: Console = field(default_factory=_notes)

    def answer(self, document: Any, *shown: RenderableType) -> None:
        """Write the command's one answer: `document` as JSON, or `shown` as text."""
        if self.as_document:
            print(json.dumps(as_json(document), default=str), flush=True)  # noqa: T201 - the command's output
            return
        for each in shown:
            self.answers.print(each, soft_wrap=isinstance(each, str))

    def note(self, text: str) -> None:
        """Write a progress line to stderr."""
        self.notes.print(plain(text), soft_wrap=True)
