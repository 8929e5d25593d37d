"""A short drill: whatever an outage of the provider parks is ended by the commands that the product advises."""

import pytest

from tests.faults.drill.drill import drill, own_folder

pytestmark = pytest.mark.server


async def test_the_advised_commands_end_an_incident() -> None:
    lines: list[str] = []

    with own_folder() as folder:
        done = await drill(folder, 20, 40.0, lines.append, hasty=True)

    assert done.stuck_after_the_outage > 0, lines
    assert done.commands["parked"] > 0, lines
    assert done.failed == [], lines
    assert sum(done.outcomes.values()) == 20
    assert set(done.outcomes) <= {"completed", "compensated"}
    assert done.held == 0
