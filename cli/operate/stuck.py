"""`stuck`: the processes without progress, each with its cause and a command that helps."""

import re
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from cli import render
from cli.options import AsJson
from cli.output import Output
from cli.run import run_to_end
from client.diagnosis.causes import StuckProcess
from models.errors import InvalidInput
from models.moments import moment
from orders import connect

# Older than any process, and within the range of dates.
OLDEST = timedelta(days=3650)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

OlderThan = Annotated[str, typer.Option(metavar="AGE", help="Only processes older than this: 30s, 5m, 2h, 1d.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of processes to examine.")]


def stuck(older_than: OlderThan = "5m", limit: Limit = 200, as_json: AsJson = False) -> None:
    """List the processes without progress, each with its cause and a command that helps."""
    run_to_end(_stuck(_age(older_than), limit, Output(as_json)))


async def _stuck(age: timedelta, limit: int, output: Output) -> None:
    async with connect() as orders:
        survey = await orders.stuck(age, limit)
    if survey.cut_off:
        output.note(f"only {limit} processes were examined; raise --limit")
    output.answer({"stuck": survey.stuck}, _shown(survey.stuck) if survey.stuck else "no process is stuck")


def _shown(found: list[StuckProcess]) -> Table:
    table = render.table("process", "cause", "since", "detail", "remedy")
    for each in found:
        since = moment(each.since) if each.since else ""
        table.add_row(*map(render.cell, (each.process_id, each.cause, since, each.detail, each.help)))
    return table


def _age(text: str) -> timedelta:
    given = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if given is None:
        raise InvalidInput("--older-than", "must be a number with the unit s, m, h or d, such as 5m")
    age = timedelta(seconds=int(given[1]) * SECONDS[given[2]])
    if age > OLDEST:
        raise InvalidInput("--older-than", f"must be at most {OLDEST.days}d")
    return age
