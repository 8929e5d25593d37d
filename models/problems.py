"""Validation errors as a field and a sentence in words, without the value, which may be personal."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from models.errors import MISTAKES_AT_MOST
from models.forms import WORDS

Models = tuple[type[BaseModel], ...]
# The least likeness of a name that is suggested for another.
ALIKE = 0.6

# pydantic's type of an error → the sentence; {names} come from the error's context.
_SENTENCES = {
    "missing": "is missing",
    "union_tag_not_found": "is missing",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "must be {expected_tags}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be above {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be below {lt}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "finite_number": "must be a finite number",
    "json_invalid": "is not JSON",
} | {
    kind: f"must be {what}"
    for what, kinds in {
        "a text": ("string_type",),
        "a whole number": ("int_type", "int_from_float", "int_parsing", "int_parsing_size"),
        "a number": ("float_type", "float_parsing"),
        "true or false": ("bool_type", "bool_parsing"),
        "a list": ("tuple_type", "list_type"),
        "an object": ("dict_type", "model_type", "model_attributes_type", "dataclass_type"),
    }.items()
    for kind in kinds
}


def first_problem(error: ValidationError, kind: Any = None) -> tuple[str, str]:
    """Return the first of the `problems`."""
    return next(problems(error, kind))


def sentences(error: ValidationError, kind: Any, at: str) -> str:
    """Return the `problems` as one text, each with its path below `at`; many of them are only counted."""
    found = [
        f"{at}.{field}: {problem}" if field else f"{at}: {problem}"
        for field, problem in islice(problems(error, kind), MISTAKES_AT_MOST)
    ]
    left = error.error_count() - len(found)
    return "; ".join(found) + f"; and {left} more mistakes" * (left > 0)


def problems(error: ValidationError, kind: Any = None) -> Iterator[tuple[str, str]]:
    """Yield the field of each error, such as lines[0].sku, and a sentence; the field is "" for the whole value.

    `kind` is the type that was validated, a model for example; with it, a misspelt field gets a suggestion.
    """
    errors = error.errors(include_url=False, include_input=False)
    inside = {found["loc"][:length] for found in errors for length in range(len(found["loc"]))}
    for number, found in enumerate(errors):
        if found["type"] == "too_short" and found["loc"] in inside:
            continue  # pydantic does not count the invalid entries
        parts, models = _walk(found["loc"], kind)
        if found["type"].startswith("union_tag"):
            parts = (*parts, found["ctx"]["discriminator"].strip("'"))
        # To search for similar names is slow, and the later errors are only counted.
        yield path_of(parts), _sentence(found, parts, models if number < MISTAKES_AT_MOST else ())


def did_you_mean(name: str, known: Any) -> str:
    """Return "; did you mean NAME?" with the most similar of the known names, empty without one."""
    best = max(known, key=lambda other: _likeness(name, other), default=name)
    return f"; did you mean {best}?" if _likeness(name, best) >= ALIKE and best != name else ""


def _likeness(one: str, other: str) -> float:
    """Return the share of two names that begins or ends both, in linear time: a workflow compares foreign names."""
    shorter, longer = sorted((one, other), key=len)
    same = _begins_alike(shorter, longer)
    same += _begins_alike(shorter[same:][::-1], longer[::-1])
    return 2 * same / (len(one) + len(other) or 1)


def _begins_alike(shorter: str, longer: str) -> int:
    pairs = enumerate(zip(shorter, longer, strict=False))
    return next((place for place, (one, other) in pairs if one != other), len(shorter))


class Hints:
    """The suggestions of one document; only its first mistakes get one, because to search for names is slow."""

    def __init__(self) -> None:
        self._left = MISTAKES_AT_MOST

    def __call__(self, name: str, known: Any) -> str:
        """Return as `did_you_mean`, or an empty text when enough names were searched for."""
        self._left -= 1
        return did_you_mean(name, known) if self._left >= 0 else ""


def path_of(parts: tuple[int | str, ...]) -> str:
    """Return the path of a field in a document, such as lines[0].sku."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in parts)
    return path.removeprefix(".")


def shown(name: str, longest: int = 64) -> str:
    """Return a field's name as printable text of at most `longest` characters."""
    return "".join(c if c.isprintable() else "?" for c in name[:longest])


def _sentence(found: Mapping[str, Any], parts: tuple[int | str, ...], models: Models) -> str:
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        known = [name for model in models for name in model.model_fields]
        return f"is not a known field{did_you_mean(shown(str(parts[-1])), known)}"
    if kind == "string_pattern_mismatch":
        return f"must be {WORDS.get(context['pattern'], 'of another form')}"
    if kind.endswith("too_short") and context["min_length"] == 1:
        return "may not be empty"
    if kind in _SENTENCES:
        return _SENTENCES[kind].format_map({name: _plain(value) for name, value in context.items()})
    message = str(found["msg"]).removeprefix("Value error, ").replace("Input should be", "must be", 1)
    return message[:1].lower() + message[1:] if message[1:2].islower() else message  # a SKU keeps its capitals


def _plain(value: Any) -> str:
    """Return a list of quoted names, such as "'card', 'transfer'", without the quotes and with "or"."""
    text = str(value).replace("'", "")
    head, comma, last = text.rpartition(", ")
    return f"{head} or {last}" if comma and " or " not in last else text


def _walk(loc: tuple[int | str, ...], kind: Any) -> tuple[tuple[int | str, ...], Models]:
    """Return the path in the document, and the models to which its last name may belong.

    pydantic adds levels that no document has: the name of the chosen model of a union, and `[key]` of a dictionary.
    """
    parts: list[int | str] = []
    owners: Models = ()
    models = _models_in(kind)
    for part in loc:
        chosen = tuple(model for model in models if len(models) > 1 and _is_tagged(model, part))
        if chosen:
            models = chosen
        elif part != "[key]":
            parts.append(part)
        if isinstance(part, str) and not chosen:
            fields = [model.model_fields[part] for model in models if part in model.model_fields]
            owners, models = models, tuple(m for field in fields for m in _models_in(field.annotation))
    return tuple(parts), owners


def _models_in(kind: Any) -> Models:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return (kind,)
    return tuple(model for inner in get_args(kind) for model in _models_in(inner))


def _is_tagged(model: type[BaseModel], tag: int | str) -> bool:
    annotations = (field.annotation for field in model.model_fields.values())
    return any(get_origin(annotation) is Literal and tag in get_args(annotation) for annotation in annotations)
