"""Generators of valid documents, built from the models' JSON schemas."""

from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

Schema = dict[str, Any]
Document = Any
# Printable and without digits, so that no text looks like a card number by accident.
PLAIN = st.characters(categories=("Lu", "Ll", "Lo", "Po", "Sm", "So"), include_characters=" ")
ITEMS_AT_MOST = 4


def valid(model: type[BaseModel]) -> st.SearchStrategy[Document]:
    """Return a strategy for documents that the model's schema allows."""
    schema = model.model_json_schema()
    return of(schema, schema.get("$defs", {}))


def of(schema: Schema, known: dict[str, Schema]) -> st.SearchStrategy[Document]:
    """Return a strategy for documents of a schema; `known`: name → schema that it may refer to."""
    if "$ref" in schema:
        return of(known[schema["$ref"].rpartition("/")[2]], known)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of([of(choice, known) for choice in choices])
    kinds = {"object": _object, "array": _array, "string": _text, "integer": _integer}
    if kind := kinds.get(schema.get("type", "")):
        return kind(schema, known)
    return {"boolean": st.booleans(), "null": st.none()}.get(schema.get("type", ""), anything())


def anything() -> st.SearchStrategy[Document]:
    """Return a strategy for any JSON value with printable texts."""
    text = st.text(PLAIN, min_size=1, max_size=8).filter(str.strip)
    scalars = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | text
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))


def _object(schema: Schema, known: dict[str, Schema]) -> st.SearchStrategy[Document]:
    if "properties" not in schema:
        pattern: str = next(iter(schema.get("patternProperties", {"^[a-z]{1,9}$": {}})))
        return st.dictionaries(_matching(pattern), anything(), max_size=3)
    required = set(schema.get("required", ()))
    fields = {name: of(field, known) for name, field in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )


def _array(schema: Schema, known: dict[str, Schema]) -> st.SearchStrategy[Document]:
    least = schema.get("minItems", 0)
    return st.lists(of(schema["items"], known), min_size=least, max_size=max(least, ITEMS_AT_MOST))


def _text(schema: Schema, _: dict[str, Schema]) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return _matching(schema["pattern"])
    longest = min(schema.get("maxLength", 20), 20)
    return st.text(PLAIN, min_size=schema.get("minLength", 0), max_size=longest).filter(str.strip)


def _integer(schema: Schema, _: dict[str, Schema]) -> st.SearchStrategy[int]:
    return st.integers(schema.get("minimum"), schema.get("maximum"))


def _matching(pattern: str) -> st.SearchStrategy[str]:
    # In Python's patterns $ also matches before a final newline.
    return st.from_regex(pattern, fullmatch=True).filter(lambda text: "\n" not in text)
