"""How much is fuzzed: a little, the same every time, in a test run; else FUZZ_EXAMPLES of each property, new ones."""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings

from models.errors import InvalidInput

Read = TypeVar("Read")

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))


def fuzzed(examples: int, *, shrink: bool = True) -> settings:
    """Return how often a property is tried in a test run, unless FUZZ_EXAMPLES says how often.

    Without `shrink` the example that fails is told as it is: with a server, a smaller one takes minutes to find.
    """
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        # The examples that failed are told by the failure itself; a file of them would only hide how it was found.
        database=None,
        deadline=None,  # a busy machine is no bug
        print_blob=True,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def tried(read: Callable[[], Read]) -> Read | InvalidInput:
    """Return what was read, or why it was refused; any other error is a bug."""
    try:
        return read()
    except InvalidInput as problem:
        return problem
