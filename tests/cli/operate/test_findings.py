"""`stuck` prints one short block for each cause, with every command whole on a line of its own."""

import shlex
from datetime import UTC, datetime, timedelta
from io import StringIO

from rich.console import Console

from cli.operate.findings import groups_shown
from cli.output import Output
from client.advice import START_A_WORKER, helps, starter
from client.diagnosis.findings import Cause, StuckProcess
from client.diagnosis.grouping import grouped
from client.diagnosis.waiting import resolve_command

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def refund(number: int, currency: str = "EUR") -> StuckProcess:
    failure = f"AlreadySettled: 'order-{number}:charge' was settled, code {number}"
    return StuckProcess(
        process_id=f"order-o-{number}",
        cause=Cause.PARKED,
        detail=f"waits for an operator: charge (undo): {failure}",
        step="charge",
        direction="undo",
        failure=failure,
        since=NOON - timedelta(minutes=number),
        at_risk=4970,
        currency=currency,
        **helps(resolve_command(f"o-{number}", "charge")),
    )


def nobody(number: int) -> StuckProcess:
    detail = "its workflow task waits, and no worker polls the task queue orders"
    return StuckProcess(process_id=f"slip-s-{number}", cause=Cause.NO_POLLER, detail=detail, **helps(START_A_WORKER))


def retried(number: int) -> StuckProcess:
    return StuckProcess(
        process_id=f"order-r-{number}",
        cause=Cause.RETRYING,
        detail="charge_payment is retried",
        step="charge",
        direction="do",
        failure="timeout",
        **helps(f"temporal activity reset --workflow-id order-r-{number}", first="once the cause is gone"),
    )


def printed(found: list[StuckProcess], width: int = 80) -> list[str]:
    written = StringIO()
    console = Console(file=written, width=width, highlight=False, markup=False)
    Output(answers=console).answer({}, *groups_shown(grouped(found)))
    return written.getvalue().splitlines()


def test_many_stuck_processes_are_a_few_lines_with_count_money_and_age() -> None:
    found = [refund(number) for number in range(20)] + [refund(90, "USD")] + [nobody(number) for number in range(3)]

    lines = printed(found)

    assert len(lines) == 8
    assert lines[0].startswith("parked · charge (undo) · 21 processes · 994.00 EUR + 49.70 USD at risk · since 2026-")
    assert lines[2] == "  order-o-0, order-o-1, order-o-2, order-o-3, order-o-4, … and 16 more"
    assert shlex.split(lines[3])[2:6] == ["resolve-all", "retry", "--step", "charge"]
    assert lines[4].startswith("no_poller · 3 processes")
    assert lines[7].strip() == "python worker.py"


def test_a_command_is_whole_on_its_line_however_narrow_the_terminal_is() -> None:
    (command,) = {refund(1).help_command}

    assert f"  {command}" in printed([refund(1)], width=20)


def test_commands_of_single_processes_are_few_and_what_comes_first_is_printed_once() -> None:
    lines = printed([retried(number) for number in range(5)])

    assert [line.strip() for line in lines].count("once the cause is gone:") == 1
    assert sum(line.strip().startswith("temporal activity reset") for line in lines) == 3
    assert lines[-1] == "  … and 2 more such commands, which --json lists"


def test_the_alternatives_are_printed_for_a_single_process() -> None:
    (approve, reject) = (starter("review", "s-1", "hold", "--verdict", verdict) for verdict in ("approve", "reject"))
    waits = StuckProcess(
        process_id="slip-s-1", cause=Cause.WAITING, detail="waits", **helps(approve, reject, first="decide")
    )

    assert [line.strip() for line in printed([waits])[2:]] == ["decide:", approve, "or:", reject]


def test_other_steps_and_other_failures_are_other_groups() -> None:
    changes = ({"step": "reserve"}, {"direction": "do"}, {"failure": "another"}, {"cause": Cause.RETRYING})
    found = [refund(1), *[refund(1).model_copy(update=change) for change in changes]]

    assert [group.count for group in grouped(found)] == [1] * 5
