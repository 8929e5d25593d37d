"""Validation errors as a field and a sentence, without the value, which may be personal."""

from pydantic import ValidationError


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Return the field of the first error, such as lines[0].sku, and the message; the field is "" for a whole model."""
    problem = error.errors(include_url=False, include_input=False)[0]
    return path_of(problem["loc"]), problem["msg"].removeprefix("Value error, ")


def path_of(parts: tuple[int | str, ...]) -> str:
    """Return the path of a field in a document, such as lines[0].sku."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in parts)
    return path.removeprefix(".")


def shown(name: str, longest: int = 64) -> str:
    """Return a field's name as printable text of at most `longest` characters."""
    return "".join(c if c.isprintable() else "?" for c in name)[:longest]
