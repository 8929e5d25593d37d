"""`resolve-all`: one decision on all parked steps that a filter selects."""

from collections import Counter
from typing import Annotated, Any, Literal

import typer
from temporalio.client import RPCError

from cli import render
from cli.accepted import Wait
from cli.exits import Code, CommandEnded
from cli.live import interruptible
from cli.operate.resolve import Evidence, decision_fields
from cli.options import Actor, AsJson, Reason
from cli.output import Output, plain
from cli.run import run_to_end
from client.diagnosis.grouping import sums_of
from client.outages import known_error
from client.resolving import AT_ONCE, Effect, ParkedFilter, ParkedStep, Resolution, Selection, VerbForMany
from models.commands import Resolve
from models.errors import InvalidInput, OrderError, Unavailable
from models.intake.reading import made
from models.money import Money
from orders import connect

Verbs = Annotated[
    VerbForMany, typer.Argument(metavar="VERB", help="retry, skip (needs --evidence) or waive (needs --confirm).")
]
Step = Annotated[str, typer.Option(metavar="STEP", help="Only this parked step, such as charge.")]
Direction = Annotated[
    Literal["do", "undo"] | None, typer.Option(metavar="DIRECTION", help="Only this direction: do or undo.")
]
Failure = Annotated[
    str | None, typer.Option("--failure-contains", metavar="TEXT", help="Only failures with this text.")
]
Limit = Annotated[int, typer.Option(min=1, max=AT_ONCE, help="Maximum number of steps.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list what is selected.")]
Confirm = Annotated[
    int | None, typer.Option(metavar="NUMBER", help="For waive: how many effects are left open, as --dry-run counts.")
]


def resolve_all(
    verb: Verbs,
    *,
    step: Step,
    reason: Reason,
    direction: Direction = None,
    failure: Failure = None,
    evidence: Evidence = None,
    actor: Actor = None,
    limit: Limit = AT_ONCE,
    dry_run: DryRun = False,
    confirm: Confirm = None,
    wait: Wait = 5.0,
    as_json: AsJson = False,
) -> None:
    """Decide on all parked steps of a filter, the most at risk first; exit code 3 when one is still parked.

    The steps are selected once, at the start. When a failure comes back, the others with the same failure are not
    tried.
    """
    if verb == "skip" and not evidence:
        raise InvalidInput("--evidence", "is needed by skip: the proof that the effects were settled by hand")
    if verb == "waive" and not dry_run and confirm is None:
        raise InvalidInput("--confirm", "is needed by waive: the number of effects that --dry-run lists")
    fields = decision_fields("--step", step, actor, reason, evidence) | {"verb": verb}
    command = made(Resolve, fields, {"step": "--step"})
    chosen = ParkedFilter(command.step, direction, failure)
    if dry_run:
        run_to_end(_list(chosen, limit, Output(as_json)))
    else:
        run_to_end(_resolve(chosen, command, limit, wait, confirm, Output(as_json)))


async def _list(chosen: ParkedFilter, limit: int, output: Output) -> None:
    async with connect() as orders:
        orders.tell_outages(output.note)
        selection = await orders.parked_steps(chosen, limit)
    _note_left(selection, output)
    steps = selection.steps
    lines = [_shown(parked) for parked in steps]
    document = {"dry_run": True, "selected": steps, "at_risk": _sums(steps), "not_selected": _left(selection)}
    output.answer(document, *lines, _counted(selection))


async def _resolve(
    chosen: ParkedFilter, command: Resolve, limit: int, wait: float, confirm: int | None, output: Output
) -> None:
    done: list[Resolution] = []
    ended: OrderError | None = None
    async with connect() as orders:
        orders.tell_outages(output.note)
        selection = await orders.parked_steps(chosen, limit)
        steps = selection.steps
        if confirm is not None and confirm != len(steps):
            raise InvalidInput("--confirm", f"is {confirm}, but {len(steps)} steps are selected now")
        _note_left(selection, output)
        try:
            with interruptible(output, "the accepted decisions go on; the same command decides on the rest"):
                async for resolution in orders.resolve_each(steps, command, wait):
                    done.append(resolution)
                    if resolution.effect is not Effect.NOT_TRIED:
                        output.note(f"{len(done)} of {len(steps)}: {_line(resolution)}")
        except (RPCError, Unavailable) as error:  # what was decided until then is told all the same
            if (ended := known_error(error)) is None:
                raise
    counts = Counter(each.effect for each in done)
    words = ", ".join(f"{counts[effect]} {effect.value.replace('_', ' ')}" for effect in Effect if counts[effect])
    by_effect = {effect.value: counts[effect] for effect in Effect}
    document = {"resolutions": done, "counts": by_effect, "not_selected": _left(selection)}
    output.answer(document, words or _counted(selection))
    if ended:
        output.note(f"error: {ended}; the same command again goes on with the rest")
        raise CommandEnded(Code.UNREACHABLE)
    if counts[Effect.CAME_BACK] or counts[Effect.REFUSED]:
        raise CommandEnded(Code.NOT_COMPLETED)


def _left(selection: Selection) -> dict[str, Any]:
    return {"beyond_limit": selection.beyond_limit, "unread": selection.unread}


def _note_left(selection: Selection, output: Output) -> None:
    """Say what is parked and not selected."""
    if selection.beyond_limit:
        output.note(f"{selection.beyond_limit} more parked steps are not selected; raise --limit")
    if selection.unread:
        names = ", ".join(selection.unread)
        output.note(
            f"{len(selection.unread)} parked processes could not be examined; see `python starter.py stuck`: {names}"
        )


def _line(resolution: Resolution) -> str:
    status = f", now {resolution.status}" if resolution.status else ""
    reason = f": {resolution.reason}" if resolution.reason else ""
    effect = resolution.effect.value.replace("_", " ")
    return plain(f"{resolution.process_id} {resolution.step} {effect}{status}{reason}")


def _shown(parked: ParkedStep) -> str:
    money = render.amount(parked.at_risk)
    at_risk = f" · {money} {parked.currency or ''}".rstrip() if money else ""
    return plain(f"{parked.process_id} · {parked.step} ({parked.direction}){at_risk} · {parked.failure}")


def _sums(selection: list[ParkedStep]) -> tuple[Money, ...]:
    # A process with several parked steps has one amount at risk.
    sums, amounts = Counter[str](), {each.process_id: (each.currency, each.at_risk) for each in selection}
    for currency, amount in amounts.values():
        sums[currency or ""] += amount
    return sums_of(sums)


def _counted(selection: Selection) -> str:
    if not selection.steps:
        others = f"; parked are {', '.join(selection.others)}" if selection.others else ""
        return plain(f"no parked step is selected{others}")
    money = " + ".join(map(str, _sums(selection.steps)))
    return f"{len(selection.steps)} parked steps are selected" + f" · {money} at risk" * bool(money)
