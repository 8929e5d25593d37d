"""`deadletters`: list, show, redrive and discard dead letters."""

import itertools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli import intake, render
from cli.exits import Code, CommandEnded
from cli.live import EXAMINING, interruptible, noted
from cli.operate.findings import groups_shown
from cli.options import Actor, AsJson
from cli.output import Output, plain
from cli.run import run_to_end
from client.advice import START_A_WORKER
from client.dead_letters import AT_ONCE, GroupedLetters, redrive_group
from client.diagnosis.grouping import grouped
from client.orders import OrdersClient
from models.dead_letters import DeadLetter, LetterStatus, RedriveResult
from models.errors import InvalidInput
from models.moments import moment
from orders import connect

FEW = 5
CLOSED = {LetterStatus.REDRIVEN, LetterStatus.DISCARDED}
SLOW = (
    f"no answer yet, each letter is waited for up to half a minute; unless a worker runs, `{START_A_WORKER}` starts one"
)
HELD = "the letter that is being redriven stays taken for five minutes; then the same command redrives what is left"

Letter = Annotated[int, typer.Argument(metavar="LETTER", help="The number of the letter.")]
Letters = Annotated[list[int] | None, typer.Argument(metavar="LETTER", help="The numbers of the letters.")]
Fingerprint = Annotated[str | None, typer.Option(help="The open letters with this fingerprint, oldest first.")]
Everything = Annotated[bool, typer.Option("--all", help="All open letters, oldest first.")]
AtMost = Annotated[int, typer.Option("--limit", min=1, max=AT_ONCE, help="Maximum number of letters.")]
Reason = Annotated[str, typer.Option(help="The reason; it is stored with the letter.")]

deadletters = typer.Typer(no_args_is_help=False, rich_markup_mode=None)


@deadletters.command("list")
def list_letters(as_json: AsJson = False) -> None:
    """List open letters, grouped by cause, and parked effects."""
    run_to_end(_list(Output(as_json)))


@deadletters.command("show")
def show(letter: Letter, as_json: AsJson = False) -> None:
    """Show one letter: its original message, its cause, where it failed, and its audit trail."""
    run_to_end(_show(letter, Output(as_json)))


@deadletters.command("redrive")
def redrive(
    letters: Letters = None,
    *,
    reason: Reason,
    fingerprint: Fingerprint = None,
    everything: Everything = False,
    limit: AtMost = AT_ONCE,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Deliver letters again; skip those with the cause or process of one that failed again, with exit code 3."""
    if sum((bool(letters), fingerprint is not None, everything)) != 1:
        raise InvalidInput("LETTER", "give either letter numbers, --fingerprint or --all")
    if fingerprint is not None and not (fingerprint.isascii() and fingerprint.isalnum()):
        raise InvalidInput("--fingerprint", "must be a fingerprint that `deadletters list` shows")
    by = intake.actor(actor)
    run_to_end(_redrive(letters, fingerprint, limit, by, intake.reason(reason), Output(as_json)))


@deadletters.command("discard")
def discard(letter: Letter, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Discard a letter's message permanently; the letter and the reason are kept."""
    run_to_end(_discard(letter, intake.actor(actor), intake.reason(reason), Output(as_json)))


async def _list(output: Output) -> None:
    async with connect() as orders:
        with noted(output, EXAMINING):
            groups, parked = await orders.dead_letters.groups(), await orders.dead_letters.parked()
    document = [
        each.group.model_dump(mode="json") | {"letters": each.letters, "at_risk": each.at_risk} for each in groups
    ]
    of_parked = grouped(parked)
    shown = [*_groups(groups), *groups_shown(of_parked)]
    output.answer({"groups": document, "parked": parked, "parked_groups": of_parked}, *(shown or ["no dead letters"]))


async def _show(number: int, output: Output) -> None:
    async with connect() as orders:
        letter, audit = await orders.dead_letters.read(number)
    table = render.table("when", "what", "who", "why")
    for event in audit:
        table.add_row(*map(render.cell, (moment(event.at), event.action, event.actor, event.reason)))
    facts = render.table("", "")
    document = _document(letter)
    for name, value in document.items():
        facts.add_row(render.cell(name), render.cell(value))
    output.answer(document | {"audit": audit}, facts, table)


async def _redrive(
    chosen: list[int] | None, fingerprint: str | None, limit: int, actor: str, reason: str, output: Output
) -> None:
    async with connect() as orders:
        found = await orders.dead_letters.chosen(chosen, fingerprint, limit)
        # A limit may leave others.
        total = len(found) if chosen else await orders.dead_letters.count_open(fingerprint)
        with interruptible(output, HELD), noted(output, SLOW):
            outcomes = await (await _redriving(orders)).many(found, actor, reason, _progress(len(found), output))
    left = max(total, len(found)) - len(outcomes)
    failed = [each for each in outcomes if each.cause]
    lines = [f"letter {each.letter_id} is {each.status}: {each.cause}" for each in failed]
    output.answer({"outcomes": outcomes, "left": left}, *map(render.cell, lines), _counts(outcomes, left))
    if failed:
        raise CommandEnded(Code.NOT_COMPLETED)


def _counts(outcomes: list[RedriveResult], left: int) -> str:
    going = sum(each.in_progress for each in outcomes)
    back = sum(each.status not in CLOSED for each in outcomes)
    closed = sum(bool(each.cause) for each in outcomes) - back
    counts = f"{len(outcomes) - going - back - closed} redriven, {back} failed again, {left} not tried"
    counts += f", {closed} closed before" * bool(closed)
    return counts + f", {going} not processed yet; unless a worker runs, `{START_A_WORKER}` starts one" * bool(going)


def _progress(count: int, output: Output) -> Callable[[RedriveResult], None]:
    """Return a function that notes the result of each of many letters."""
    tried = itertools.count(1)

    def seen(result: RedriveResult) -> None:
        if count > 1:
            status = "not processed yet" if result.in_progress else f"is {result.status}"
            output.note(f"{next(tried)} of {count}: letter {result.letter_id} {status}")

    return seen


async def _discard(number: int, actor: str, reason: str, output: Output) -> None:
    async with connect() as orders:
        await (await _redriving(orders)).discard(number, actor, reason)
    output.answer({"letter_id": number, "status": "discarded"}, f"letter {number} discarded")


async def _redriving(orders: OrdersClient) -> Any:
    from worker import redriving  # the import is slow, and the other commands don't need it

    return redriving(await orders.connection.temporal(), await orders.connection.services())


def _groups(groups: list[GroupedLetters]) -> list[str]:
    """Return the lines of the groups of letters: what they are, the cause, and the command, each on one line."""
    lines = []
    for each in groups:
        group = each.group
        first = ", ".join(map(str, each.letters[:FEW])) + f", … and {group.count - FEW} more" * (group.count > FEW)
        letters = f"letter{'s' * (group.count != 1)} {first}"
        money = f"{' + '.join(map(str, each.at_risk))} at risk · " if each.at_risk else ""
        since = f"since {moment(group.oldest)}"
        lines += [f"dead letters of {group.channel} · {group.count} · {money}{since} · {group.fingerprint}"]
        lines += [f"  {plain(f'{group.error_type}: {group.cause}')}", f"  {letters}", f"  {redrive_group(group)}"]
    return lines


def _document(letter: DeadLetter) -> dict[str, Any]:
    """Return the letter for JSON; an original that is not UTF-8 has replacement characters, and is added in hex."""
    document = letter.model_dump(mode="json", exclude={"original"})
    document["original"] = letter.original.decode(errors="replace")
    if document["original"].encode() != letter.original:
        document["original_hex"] = letter.original.hex()
    return document
