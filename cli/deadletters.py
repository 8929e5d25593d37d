"""`deadletters`: what could not be delivered, understood or undone, and what people do about it."""

from typing import Annotated, Any

import typer
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from cli import intake, render
from cli.diagnosis import Cause, diagnose
from cli.exits import Code, Ended
from cli.options import AsJson
from cli.output import Output
from cli.running import run_to_end
from cli.session import Session, session
from messaging.dead_letters.dead_letters import DeadLetters
from models import names
from models.dead_letters import DeadLetter, LetterGroup, LetterStatus
from models.errors import InvalidInput
from postgres.database import Database
from runtime.connection import database_of

AT_ONCE = 1000
PARKED = (
    f"WorkflowType IN ('{names.ORDER_WORKFLOW}', '{names.RECOVERY_WORKFLOW}')"
    f" AND ExecutionStatus = 'Running' AND {names.STATUS_ATTRIBUTE} = 'needs_attention'"
)

Letter = Annotated[int, typer.Argument(metavar="LETTER", help="The number of the letter.")]
Letters = Annotated[list[int] | None, typer.Argument(metavar="LETTER", help="The numbers of the letters.")]
Fingerprint = Annotated[str | None, typer.Option(help="The letters that died of this, the oldest first.")]
Everything = Annotated[bool, typer.Option("--all", help="All open letters, the oldest first.")]
AtMost = Annotated[int, typer.Option("--limit", min=1, max=AT_ONCE, help="How many at most.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the letter.")]
Actor = Annotated[str | None, typer.Option(help="Who decides; by default, who is logged in.")]

deadletters = typer.Typer(no_args_is_help=False, rich_markup_mode=None)


@deadletters.command("list")
def list_letters(as_json: AsJson = False) -> None:
    """List open letters, grouped by what they died of, and the parked effects beside them."""
    run_to_end(_list(Output(as_json)))


@deadletters.command("show")
def show(letter: Letter, as_json: AsJson = False) -> None:
    """Show one letter: the full original, why and where it died, and all that was done about it."""
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
    """Bring letters to their receiver again; stops when the same cause comes back. Exit code 3 when one did."""
    if sum((bool(letters), fingerprint is not None, everything)) != 1:
        raise InvalidInput("LETTER", "give numbers of letters, or --fingerprint, or --all")
    if fingerprint is not None and not (fingerprint.isascii() and fingerprint.isalnum()):
        raise InvalidInput("--fingerprint", "is not what `deadletters list` shows")
    by = intake.actor(actor)
    run_to_end(_redrive(letters, fingerprint, limit, by, intake.reason(reason), Output(as_json)))


@deadletters.command("discard")
def discard(letter: Letter, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Give up a letter's message for good; the letter and the reason stay."""
    run_to_end(_discard(letter, intake.actor(actor), intake.reason(reason), Output(as_json)))


async def _list(output: Output) -> None:
    async with session() as opened:
        async with await _database(opened) as database:
            letters = DeadLetters(database)
            groups, open_letters = await letters.groups(), await letters.open()
        parked = await _parked(await opened.client())
    numbers: dict[str, list[int]] = {}
    for letter in open_letters:
        numbers.setdefault(letter.fingerprint, []).append(letter.letter_id)
    document = [group.model_dump(mode="json") | {"letters": numbers.get(group.fingerprint, [])} for group in groups]
    shown = [_groups(groups, numbers)] if groups else []
    shown += [_effects(parked)] if parked else []
    output.answer({"groups": document, "parked": parked}, *(shown or ["no dead letters"]))


async def _show(number: int, output: Output) -> None:
    async with session() as opened, await _database(opened) as database:
        letters = DeadLetters(database)
        letter, audit = await letters.read(number), await letters.audit(number)
    table = render.table("when", "what", "who", "why")
    for event in audit:
        when = f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(*map(render.cell, (when, event.action, event.actor, event.reason)))
    facts = render.table("", "")
    document = _document(letter)
    for name, value in document.items():
        facts.add_row(render.cell(name), render.cell(value))
    output.answer(document | {"audit": audit}, facts, table)


async def _redrive(
    chosen: list[int] | None, fingerprint: str | None, limit: int, actor: str, reason: str, output: Output
) -> None:
    from worker import redriving, services_on  # the other commands need none of the services that receive letters

    async with session() as opened, await _database(opened) as database:
        letters = DeadLetters(database)
        found = [await letters.read(number) for number in chosen] if chosen else await letters.open(fingerprint, limit)
        redrive = redriving(await opened.client(), services_on(database, opened.settings))
        outcomes = await redrive.many(found, actor, reason)
    done = [each for each in outcomes if each.status is LetterStatus.REDRIVEN]
    back = [each for each in outcomes if each.status is not LetterStatus.REDRIVEN]
    left = len(found) - len(outcomes)
    told = f"{len(done)} redriven, {len(back)} came back, {left} left where they are"
    lines = [f"letter {each.letter_id} is {each.status}: {each.cause}" for each in back]
    output.answer({"outcomes": outcomes, "left": left}, *(render.cell(line) for line in lines), told)
    if back:
        raise Ended(Code.NOT_COMPLETED)


async def _discard(number: int, actor: str, reason: str, output: Output) -> None:
    from worker import redriving, services_on

    async with session() as opened, await _database(opened) as database:
        await redriving(await opened.client(), services_on(database, opened.settings)).discard(number, actor, reason)
    output.answer({"letter_id": number, "status": "discarded"}, f"letter {number} discarded")


async def _database(opened: Session) -> Database:
    await opened.orders()  # tells when the schema is not ours
    return await Database.open(database_of(opened.settings), size=2)


async def _parked(client: Client) -> list[dict[str, Any]]:
    """The effects that wait for a person, the dearest first, with the command to decide on each."""
    found = []
    at_risk = SearchAttributeKey.for_int(names.AT_RISK_ATTRIBUTE)
    async for run in client.list_workflows(PARKED, limit=AT_ONCE):
        stuck = await diagnose(client, run.id, run.run_id)
        if stuck and stuck.cause is Cause.PARKED:
            amount = run.typed_search_attributes.get(at_risk, 0)
            found.append(stuck.model_copy(update={"at_risk": amount}).model_dump(mode="json"))
    return sorted(found, key=lambda effect: -effect["at_risk"])


def _groups(groups: list[LetterGroup], numbers: dict[str, list[int]]) -> Any:
    table = render.table("fingerprint", "channel", "letters", "oldest", "died of", title="dead letters")
    for group in groups:
        first = ", ".join(map(str, numbers.get(group.fingerprint, [])[:5]))
        count = f"{group.count} ({first}{', …' * (group.count > 5)})"  # noqa: PLR2004 - as many as fit a line
        oldest = f"{group.oldest.astimezone():%Y-%m-%d %H:%M:%S}"
        cause = f"{group.error_type}: {group.cause}"
        table.add_row(*map(render.cell, (group.fingerprint, group.channel, count, oldest, cause)))
    return table


def _effects(parked: list[dict[str, Any]]) -> Any:
    table = render.table("process", "at risk", "what", "what helps", title="parked effects")
    for effect in parked:
        at_risk = f"{effect['at_risk'] / 100:.2f}"
        table.add_row(*map(render.cell, (effect["process_id"], at_risk, effect["detail"], effect["help"])))
    return table


def _document(letter: DeadLetter) -> dict[str, Any]:
    """The letter for JSON; an original that isn't text is shown with what can't be read replaced, and in hex."""
    document = letter.model_dump(mode="json", exclude={"original"})
    document["original"] = letter.original.decode(errors="replace")
    if document["original"].encode() != letter.original:
        document["original_hex"] = letter.original.hex()
    return document
