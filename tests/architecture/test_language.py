"""Code, comments and documentation are written in plain technical English (CONTRIBUTING.md, Style)."""

import re

from tests.architecture.packages import PACKAGES, PROJECT, SUPPORT

# Words with a plainer technical term: operator, received, released, permanently, without success.
UNWANTED = ("whoever", "somebody", "anybody", "untold", "for ever", "let go of", "in vain", "lest", "whence", "thereof")
PATTERN = re.compile(rf"\b({'|'.join(UNWANTED)})\b", re.IGNORECASE)


def test_plain_words_are_used() -> None:
    files = [*PROJECT.glob("*.py"), *PROJECT.glob("*.md")]
    for folder in PACKAGES | SUPPORT:
        files += [*(PROJECT / folder).rglob("*.py"), *(PROJECT / folder).rglob("*.md")]
    found = {path.name: PATTERN.findall(path.read_text()) for path in files if path.name != "test_language.py"}

    assert {name: words for name, words in found.items() if words} == {}
