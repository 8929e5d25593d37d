"""Texts of other programs, such as workflow ids, can't control a terminal, and advised commands run nothing of them."""

import io
import shlex
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text
from temporalio.client import Client

from cli import render
from cli.orders.trace import tree
from cli.output import Output, _Console
from client.advice import command, starter
from client.choreographed import ChoreographedStatus
from client.diagnosis.waiting import resolve_command
from models.process import OrderResult, ProcessState, Status, StepExecution
from runtime.converter import DATA_CONVERTER
from tests.cli.conftest import Ran, Starter, as_bytes, order_document, run_starter
from tests.cli.operate.parking import sql, until
from tests.orders.scenarios import Scenario
from tests.systems import Environment

ESC, CSI, OSC, BEL, BIDI, C1 = "\x1b[2J", "\x9b31m", "\x1b]0;title\x07", "\x07", "\u202e\u2066", "\x85\x8d"
EVIL = f"evil{ESC}{CSI}{OSC}{BEL}{BIDI}{C1}\r;touch${{IFS}}hacked"
LINES = f"{EVIL}\nsecond line"


def assert_harmless(text: str) -> None:
    """No character that a terminal acts on, but the line feed."""
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


class Seen(io.StringIO):
    """A terminal, or a pipe."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def console(seen: Seen) -> Console:
    # Without colours, so that every control character in the output is foreign.
    return _Console(file=seen, highlight=False, markup=False, no_color=True, width=300, force_terminal=False)


def state() -> ProcessState:
    now = "2026-01-01T00:00:00Z"
    line = dict.fromkeys(("step", "direction", "status", "summary", "error"), LINES)
    lines = [line | {"direction": direction} for direction in ("resolve", "undo", LINES)]
    steps = tuple(
        StepExecution.model_validate(
            each | {"attempt": 2, "started_at": now, "result": {"actor": EVIL, "reason": LINES}}, strict=False
        )
        for each in lines
    )
    known = {"process_id": EVIL, "process_type": EVIL, "current_step": EVIL, "status": "running", "data": {}}
    return ProcessState.model_validate(known | {"history": steps, "started_at": now, "updated_at": now}, strict=False)


RESULT = OrderResult(
    order_id=EVIL,
    status=Status.NEEDS_ATTENTION,
    tracking=EVIL,
    failed_step=EVIL,
    reason=LINES,
    undone=(EVIL, EVIL),
    waived=(EVIL,),
)


def name_of(words: tuple[str, ...]) -> str:
    return "-".join(words[:2])[:20].encode("unicode_escape").decode()


def rows() -> Any:
    table = render.table("foreign")
    table.add_row(LINES)
    table.add_row(render.cell(LINES))
    return table


@pytest.mark.parametrize(
    "shown",
    [
        EVIL,
        Text(EVIL),
        rows(),
        render.styled(LINES),
        render.steps(state().history),
        render.trail(state()),
        render.live(EVIL, state()),
        render.live(EVIL, None),
        render.result(RESULT),
        tree(ChoreographedStatus(RESULT, [], [])),
    ],
    ids=lambda shown: type(shown).__name__,
)
def test_whatever_is_printed_is_neutralised(shown: Any) -> None:
    answers, notes = Seen(terminal=False), Seen(terminal=False)
    output = Output(answers=console(answers), notes=console(notes))

    output.answer({}, shown)
    output.note(EVIL)

    assert "evil" in answers.getvalue() + notes.getvalue()
    assert_harmless(answers.getvalue() + notes.getvalue())


@pytest.mark.parametrize(
    "shown", [rows(), render.steps(state().history), render.result(RESULT), render.styled(LINES), render.trail(state())]
)
def test_a_foreign_line_feed_makes_no_line(shown: Any) -> None:
    answers = Seen(terminal=False)

    Output(answers=console(answers)).answer({}, shown)

    assert not [line for line in answers.getvalue().splitlines() if line.strip().startswith("second line")]


@pytest.mark.parametrize(
    "word", ["plain-1", EVIL, "$(touch hacked)", "`id`", "a b", "a'b", 'a"b', "", "a\nb", "~", "*"]
)
def test_an_advised_command_has_a_foreign_text_as_one_word(word: str) -> None:
    assert shlex.split(command("temporal", "workflow", "show", word)) == ["temporal", "workflow", "show", word]
    assert shlex.split(starter("status", word)) == ["python", "starter.py", "status", word]
    assert shlex.split(resolve_command(word, word))[3:5] == [word, word]


def test_ordinary_commands_are_not_quoted() -> None:
    assert resolve_command("o-1001", "charge") == (
        "python starter.py resolve o-1001 charge retry --reason 'cause fixed'"
    )


@pytest.fixture(scope="module")
async def attacked(system: Environment) -> Environment:
    """A system whose namespace has workflows of another program, and whose tables have texts of it."""
    client = await Client.connect(
        system["TEMPORAL_ADDRESS"], namespace=system["TEMPORAL_NAMESPACE"], data_converter=DATA_CONVERTER
    )
    for name in (f"order-{EVIL}", EVIL, f"slip-{EVIL}"):
        kind = "RoutingSlipWorkflow" if name.startswith("slip") else "OrderWorkflow"
        await client.start_workflow(kind, Scenario("foreign").order(), id=name, task_queue=f"nowhere{ESC}")
    letter = """
    insert into dead_letters.letters (channel, message_id, process_id, place, original, error_type, cause, fingerprint,
      attempts, total_attempts, blocks) values (%s, %s, %s, %s, %s, %s, %s, 'f00', 1, 1, true)"""
    # The worker has started when it has completed an order.
    assert run_starter(system, "place", "-", stdin=as_bytes(order_document("o-own"))).code == 0
    sql(system, letter, EVIL, EVIL, f"order-{EVIL}", EVIL, EVIL.encode(), EVIL, LINES)
    sql(
        system,
        "insert into orders.orders (order_id, status, reason, closed_at) values (%s, 'failed', %s, now())",
        "o-foreign",
        LINES,
    )
    return system


COMMANDS = [
    ("list",),
    ("find", "running"),
    ("find", "failed"),
    ("stuck", "--older-than", "0s"),
    ("deadletters", "list"),
    ("deadletters", "show", "1"),
    ("deadletters", "redrive", "1", "--reason", "r"),
    ("status", "o-foreign"),
    ("history", "o-foreign"),
    ("plan", "o-foreign"),
    ("trace", "o-foreign"),
    ("watch", "o-foreign"),
    ("cancel", "o-foreign", "--reason", "r"),
    ("status", f"order-{EVIL}"),
    (EVIL,),
    ("list", f"--{EVIL}"),
    ("list", "--after", EVIL),
    ("place", EVIL),
]


@pytest.mark.server
@pytest.mark.parametrize("words", COMMANDS, ids=name_of)
def test_no_command_prints_a_control_character(attacked: Environment, starter: Starter, words: tuple[str, ...]) -> None:
    ran: Ran = starter(*words)

    assert ran.code != 1, ran.err
    assert_harmless(ran.out + ran.err)
    as_document = starter(*words, "--json")
    assert_harmless(as_document.out)


@pytest.mark.server
def test_the_advice_for_a_foreign_workflow_is_quoted(attacked: Environment, starter: Starter) -> None:
    def advised() -> list[str]:
        found = starter("stuck", "--older-than", "0s", "--json").document["stuck"]
        return [each["help"] for each in found if "hacked" in each["process_id"]]

    for help_ in until(advised):
        assert all("touch" not in word or "evil" in word for word in shlex.split(help_.partition(": ")[2] or help_))
