"""The forms of texts, such as ids: a regular expression for the check, and words for the errors and the reference."""

from typing import Any

from pydantic import Field

# Regular expression → the sentence's end after "must be".
WORDS: dict[str, str] = {}


def form(pattern: str, words: str) -> Any:
    """Return the rule that a text matches a pattern; `words` says the same after "must be"."""
    WORDS[pattern] = words
    return Field(pattern=pattern)
