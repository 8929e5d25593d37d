"""The fenced blocks of the documentation, and the commands in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in sorted((PROJECT / "docs").glob("*.md"))),
)
LANGUAGES = {"bash", "python", "json", "mermaid", "text"}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:make|python|\.venv/bin/python|starter\.py|temporal) [^`]+)`")
_COMMENT = re.compile(r"(?:^|\s)#\s.*$")
_EXIT_CODE = re.compile(r"exit code (\d+)")


@dataclass(frozen=True)
class Block:
    """One fenced block: its page, the heading above it, the number of its first line, its language and its text."""

    page: str
    heading: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def lines(self) -> list[str]:
        """The lines of the block, where a line that a backslash continues is one line."""
        return self.text.replace("\\\n", " ").splitlines()

    @property
    def expected_codes(self) -> list[int]:
        """The exit codes other than 0 that the comments announce, as in `# exit code 3: it waits`."""
        return [int(code) for line in self.lines for code in _EXIT_CODE.findall(comment(line))]


def blocks(page: str, text: str | None = None) -> list[Block]:
    """Return the blocks of a page, in their order."""
    return list(_blocks(page, (PROJECT / page).read_text() if text is None else text))


def _blocks(page: str, text: str) -> Iterator[Block]:
    for fence in _FENCE.finditer(text):
        before = text[: fence.start()]
        headings = re.findall(r"^#+ (.*)$", re.sub(_FENCE, "", before), re.MULTILINE)
        yield Block(page, headings[-1] if headings else "", before.count("\n") + 2, fence[1], fence[2])


def inline_commands(text: str) -> list[str]:
    """Return the commands in the running text and the tables of a page, with the program that runs a script."""
    prose = re.sub(r"[\[\]]", "", _FENCE.sub("", text))
    found = [" ".join(each.split()) for each in _INLINE.findall(prose)]
    return [f"python {each}" if each.startswith("starter.py") else each for each in dict.fromkeys(found)]


def command(line: str) -> str:
    """Return the command of a line: without its comment, and with single blanks."""
    return " ".join(_COMMENT.sub("", line).split())


def comment(line: str) -> str:
    """Return the comment of a line; an empty text when it has none."""
    found = _COMMENT.search(line)
    return found[0] if found else ""
