"""The fault explorer: its list of cases is complete, and a representative sample of them ends as expected."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.explore import main
from tests.faults.explorer.expected import ends
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.cases import cases, left_out
from tests.faults.explorer.matrix.faults import FAULTS
from tests.faults.explorer.matrix.sample import representative
from tests.faults.explorer.matrix.steps import POINTS, STEPS
from tests.faults.explorer.report import stories
from tests.faults.explorer.run import explore
from tests.faults.injection.injecting import FaultPlan, Notes, queue_in

CASES = cases()


def named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def test_there_are_enough_cases_with_unique_names() -> None:
    assert len(CASES) >= 2000
    assert len({case.id for case in CASES}) == len(CASES)
    assert Counter(case.step.style for case in CASES).keys() == {"orchestrated", "choreographed"}


def test_no_combination_is_left_out_without_a_reason() -> None:
    assert len(CASES) + left_out().total() == len(STEPS) * len(POINTS) * len(FAULTS)
    assert all(left_out())


def test_every_step_every_point_and_every_fault_is_explored() -> None:
    assert {(case.step.style, case.step.name) for case in CASES} == {(step.style, step.name) for step in STEPS}
    assert {case.point for case in CASES} == set(POINTS)
    assert {case.fault for case in CASES} == set(FAULTS)


def test_the_sample_has_every_step_and_every_point() -> None:
    sample = representative()

    assert {case.step.name for case in sample} == {step.name for step in STEPS if step.path.seconds < 20}
    assert {case.point for case in sample} == set(POINTS)
    assert sample == representative()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("o-charge-called-kill", {("completed", ())}),
        ("o-charge-called-refuse", {("compensated", ("reserve",))}),
        ("o-charge-called-errors", {("compensated", ("charge", "reserve"))}),
        ("o-charge-called-hangs", {("completed", ())}),
        ("o-charge-before-hangs", {("compensated", ("charge", "reserve"))}),
        ("o-reserve-done-hangs", {("compensated", ("reserve",))}),
        ("o-reserve-before-zombie-undone", {("cancelled", ("reserve",))}),
        # Never completed: the deadline passes before the carrier can answer.
        (
            "o-reserve-before-deadline",
            {("compensated", route) for route in (("reserve",), ("charge", "reserve"), ("ship", "charge", "reserve"))},
        ),
        ("o-release-before-errors", {("compensated", ("charge", "reserve"))}),
        ("o-refund-fenced-errors", {("compensated", ("reserve", "charge"))}),
        ("o-ship-sent-cancel-heard", {("cancelled", ("ship", "charge", "reserve"))}),
        ("o-complete-before-cancel", {("completed", ())}),
        # The parcel's receipt decides between two runs of an order.
        ("o-recall-express-before-settled", {("completed", ())}),
        ("o-recall-express-fenced-settled", {("cancelled", ("ship", "charge", "reserve"))}),
        ("o-cancel_shipment-before-late-before", {("compensated", ("ship", "charge", "reserve"))}),
        ("o-cancel_shipment-before-late-crossing", {("completed", ())}),
        ("o-cancel_shipment-before-terminate-zombie", {("completed", None)}),
        ("o-cancel_shipment-fenced-terminate-zombie", {("compensated", None)}),
        # The other undos wait for a recall without an answer, and not for one that failed.
        ("o-cancel_shipment-before-hangs", {("compensated", ("ship", "charge", "reserve"))}),
        ("o-cancel_shipment-before-errors", {("compensated", ("charge", "reserve", "ship"))}),
        ("o-settle_payment-before-cancel", {("completed", ())}),
        ("o-express-settle_shipment-sent-kill-cancel", {("completed", ())}),
        ("c-ship-called-kill", {("completed", None)}),
        ("c-charge-sent-deadline", {("compensated", None), ("completed", None)}),
        ("c-reserve-sent-deadline", {("compensated", None)}),
    ],
)
def test_the_expected_ends_of_a_case(name: str, expected: set[tuple[str, tuple[str, ...] | None]]) -> None:
    assert ends(named(name)) == expected


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = FaultPlan.of((rule for case in CASES for rule in case.rules()), {"o-1": "queue-1"})
    plan.write(tmp_path / "plan.json")

    assert FaultPlan.read(tmp_path / "plan.json") == plan


def test_a_fault_strikes_once_among_concurrent_attempts(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    with ThreadPoolExecutor(16) as threads:
        won = list(threads.map(lambda number: notes.first("rule", "hit", pid=number), range(200)))

    assert won.count(True) == 1
    note = notes.read("rule", "hit")
    assert note is not None
    assert note["pid"] == won.index(True)
    assert [path.name for path in tmp_path.iterdir()] == ["rule.hit"]


def test_cases_are_selected_by_their_ids(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--case", "o-charge-called-kill,c-fail-sent-stop"]) == 0
    assert capsys.readouterr().out.split() == ["o-charge-called-kill", "c-fail-sent-stop"]


def test_an_unknown_case_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--case", "o-charge-called-flood"]) == 2
    assert "no such case" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Forward like any other order: a service apart is never tried inside the workflow task.
        ("o-express-charge-called-kill", {("completed", ())}),
        ("o-express-ship-before-cancel", {("completed", ()), ("cancelled", ("ship", "charge", "reserve"))}),
        ("o-express-ship-called-zombie-undone", {("completed", ())}),
        # Back without reliance on its history.
        ("o-express-reserve-done-zombie-undone", {("cancelled", ("ship", "charge", "reserve"))}),
        ("o-express-settle_stock-sent-kill-cancel", {("completed", ())}),
        ("c-ship-called-kill", {("completed", None)}),
    ],
)
def test_the_expected_ends_of_a_case_with_the_services_apart(
    name: str, expected: set[tuple[str, tuple[str, ...] | None]]
) -> None:
    assert ends(replace(named(name), apart=True)) == expected


def test_a_dedicated_worker_process_has_task_queues_of_its_own_for_services_apart() -> None:
    assert queue_in("explore-o-1", "orders") == "explore-o-1"
    assert queue_in("explore-o-1", "payments") == "explore-o-1-payments"
    assert queue_in("orders", "payments") == "payments"
    assert queue_in("orders", "orders") == "orders"


@pytest.mark.server
@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_cases_of_both_styles_end_as_expected_with_the_services_apart() -> None:
    names = (
        *("o-charge-called-kill", "o-reserve-done-error", "o-ship-called-refuse", "o-express-charge-called-kill"),
        *(
            "c-ship-called-kill",
            "c-charge-called-duplicate",
            "c-refund-fenced-error",
            "c-publish-StockReserved-sent-kill",
        ),
    )
    sample = [named(name) for name in names]

    findings = await explore(sample, apart=True)

    assert not stories(sample, findings), "\n".join(stories(sample, findings))


@pytest.mark.server
@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_a_representative_sample_ends_as_expected() -> None:
    sample = representative()

    findings = await explore(sample)

    assert not stories(sample, findings), "\n".join(stories(sample, findings))
