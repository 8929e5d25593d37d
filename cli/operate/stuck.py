"""`stuck`: the processes without progress, grouped by cause, with the command that helps."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from cli.live import EXAMINING, noted
from cli.operate.findings import groups_shown
from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from models.errors import InvalidInput
from orders import connect

# Older than any process, and within the range of dates.
OLDEST = timedelta(days=3650)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

OlderThan = Annotated[str, typer.Option(metavar="AGE", help="Only processes older than this: 30s, 5m, 2h, 1d.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of processes to examine.")]


def stuck(older_than: OlderThan = "5m", limit: Limit = 200, as_json: AsJson = False) -> None:
    """List the processes without progress, grouped by cause, each group with a command that helps."""
    _age(older_than)  # refused before a server is called
    run_to_end(_stuck(older_than, limit, Output(as_json)))


async def _stuck(asked: str, limit: int, output: Output) -> None:
    async with connect() as orders:
        with noted(output, EXAMINING):
            survey = await orders.stuck(_age(asked), limit)
    if survey.beyond_limit:
        output.note(f"only {limit} processes were examined, {survey.beyond_limit} were not; raise --limit")
    if survey.younger:
        line = f"{survey.younger} younger than {asked} were not examined; --older-than 0s examines them, too"
        output.note(line)
    document = {
        "stuck": survey.stuck,
        "groups": survey.groups,
        "not_examined": {"younger": survey.younger, "beyond_limit": survey.beyond_limit},
    }
    nothing = f"no process older than {asked} is stuck" if survey.younger else "no process is stuck"
    output.answer(document, *(groups_shown(survey.groups) or [nothing]))


def _age(text: str) -> timedelta:
    given = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if given is None:
        raise InvalidInput("--older-than", "must be a number with the unit s, m, h or d, such as 5m")
    age = timedelta(seconds=int(given[1]) * SECONDS[given[2]])
    if age > OLDEST:
        raise InvalidInput("--older-than", f"must be at most {OLDEST.days}d")
    return age
