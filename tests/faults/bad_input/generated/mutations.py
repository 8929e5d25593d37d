"""Mutations of valid documents: of their content, or of their bytes."""

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.faults.bad_input.generated.nasty import BIG, NASTY, NASTY_TEXTS, nearly

Draw = st.DrawFn
Path = tuple[Any, ...]


def paths(document: Any, at: Path = ()) -> list[Path]:
    """Return the path of every value in a document, the document itself first."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [at, *(path for name, value in items for path in paths(value, (*at, name)))]


def _found(document: Any, path: Path) -> Any:
    for name in path:
        document = document[name]
    return document


def _put(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    _found(document, path[:-1])[path[-1]] = value
    return document


def drop(_: Draw, document: Any, path: Path) -> Any:
    """Remove a value."""
    if path:
        del _found(document, path[:-1])[path[-1]]
    return document


def retype(draw: Draw, document: Any, path: Path) -> Any:
    """Replace a value by a nasty one."""
    return _put(document, path, copy.deepcopy(draw(st.sampled_from(NASTY))))


def extend(draw: Draw, document: Any, path: Path) -> Any:
    """Add a field to an object or an item to a list."""
    here, value = _found(document, path), copy.deepcopy(draw(st.sampled_from(NASTY)))
    if isinstance(here, dict):
        here[draw(st.sampled_from(NASTY_TEXTS))] = value
    elif isinstance(here, list):
        here.append(value)
    return document


def repeat(draw: Draw, document: Any, path: Path) -> Any:
    """Repeat the items of a list or the letters of a text many times."""
    here = _found(document, path)
    return _put(document, path, here * draw(st.integers(2, 120))) if isinstance(here, list | str) else document


def reorder(draw: Draw, document: Any, path: Path) -> Any:
    """Shuffle a list or the fields of an object."""
    here = _found(document, path)
    if isinstance(here, dict):
        return _put(document, path, dict(draw(st.permutations(list(here.items())))))
    return _put(document, path, draw(st.permutations(here))) if isinstance(here, list) else document


def blemish(draw: Draw, document: Any, path: Path) -> Any:
    """Insert a nasty text into a text."""
    here = _found(document, path)
    if not isinstance(here, str):
        return document
    at = draw(st.integers(0, len(here)))
    return _put(document, path, here[:at] + draw(st.sampled_from(NASTY_TEXTS)) + here[at:])


def wrap(draw: Draw, document: Any, path: Path) -> Any:
    """Nest a value in few or many arrays or objects."""
    value, lists = _found(document, path), draw(st.booleans())
    for _ in range(draw(st.sampled_from((1, 2, 63, 64, 150, 260)))):
        value = [value] if lists else {"a": value}
    return _put(document, path, value)


def confuse(draw: Draw, document: Any, path: Path) -> Any:
    """Replace a value by a similar one: a number as a text or just over a limit, a text in capitals."""
    return _put(document, path, draw(st.sampled_from(nearly(_found(document, path)))))


CHANGES: tuple[Callable[[Draw, Any, Path], Any], ...] = (
    *(confuse, confuse, confuse, blemish, blemish, retype, extend, drop),
    *(repeat, reorder, wrap),
)


@st.composite
def mutated(draw: Draw, documents: st.SearchStrategy[Any]) -> Any:
    """Return a document after one or two mutations, of its scalar values as often as of its containers."""
    document = copy.deepcopy(draw(documents))
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2)):
        every = paths(document)
        values = [path for path in every if not isinstance(_found(document, path), dict | list)]
        holders = [path for path in every if path not in values]
        document = change(draw, document, draw(st.sampled_from(values or every) | st.sampled_from(holders or every)))
    return document


@st.composite
def written(draw: Draw, documents: st.SearchStrategy[Any]) -> bytes:
    """Return a document's bytes in one of the encodings that JSON allows."""
    escaped, indent = draw(st.booleans()), draw(st.sampled_from((None, 0, 3)))
    text = json.dumps(draw(documents), ensure_ascii=escaped, indent=indent).replace(f'"{BIG}"', "1e999")
    return text.encode(errors="surrogatepass").replace(b"\n", draw(st.sampled_from((b"\n", b"\r\n", b" \t\n"))))


@st.composite
def damaged(draw: Draw, writings: st.SearchStrategy[bytes]) -> bytes:
    """Return damaged bytes of a document."""
    raw = draw(writings)
    at = draw(st.integers(0, len(raw)))
    noise = draw(st.binary(min_size=1, max_size=4))
    return draw(
        st.sampled_from(
            (
                raw[:at],
                raw[at:],
                raw[:at] + noise + raw[at:],
                raw[:at] + noise + raw[at + len(noise) :],
                b"\xef\xbb\xbf" + raw,
                raw.decode(errors="replace").encode("utf-16"),
                raw + raw,
                raw[:-1] + b',"order_id":"twice","order_id":"twice"}',
                raw.replace(b":", b": NaN,", 1),
                raw.replace(b'"', b"'"),
            )
        )
    )
