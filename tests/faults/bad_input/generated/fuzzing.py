"""The amount of fuzzing: a few fixed examples in a test run, or FUZZ_EXAMPLES new ones for each property."""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings

from models.errors import InvalidInput

Read = TypeVar("Read")

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))


def fuzzed(examples: int, *, shrink: bool = True) -> settings:
    """Return the settings of a property: `examples` in a test run, or FUZZ_EXAMPLES.

    Without `shrink` the failing example is reported as generated: with a server, a smaller one takes minutes to find.
    """
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        # A failure prints its example; a database of examples would hide how it was found.
        database=None,
        deadline=None,  # a busy machine is no bug
        print_blob=True,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def tried(read: Callable[[], Read]) -> Read | InvalidInput:
    """Return the read value, or the InvalidInput that refused it; any other error is a bug."""
    try:
        return read()
    except InvalidInput as problem:
        return problem
