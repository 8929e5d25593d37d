"""What pydantic found wrong, as a field and a sentence; without the value, which may be personal."""

from pydantic import ValidationError


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Return the field at fault, such as lines[0].sku, and what is wrong with it; no field for a rule about all."""
    problem = error.errors(include_url=False, include_input=False)[0]
    return path_of(problem["loc"]), problem["msg"].removeprefix("Value error, ")


def path_of(parts: tuple[int | str, ...]) -> str:
    """Return the path of a field in a document."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in parts)
    return path.removeprefix(".")


def shown(name: str, longest: int = 64) -> str:
    """Return a field's name fit for one line of a terminal, however it was sent."""
    return "".join(c if c.isprintable() else "?" for c in name)[:longest]
