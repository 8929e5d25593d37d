"""The causes of a failed run: a violation, no rest, too few faults or orders; and the files that are kept."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.chaos import __main__ as chaos
from tests.faults.chaos.planning.faults import FAULTS, OUTAGES
from tests.faults.chaos.planning.floors import minimums, vacuous
from tests.faults.chaos.planning.kinds import KINDS
from tests.faults.chaos.planning.plan import RunPlan, plan
from tests.faults.chaos.report import document, summary
from tests.faults.chaos.rest import Rest
from tests.faults.chaos.run import ChaosRun
from tests.faults.evidence.evidence import Evidence, Hit


@pytest.fixture(scope="module")
def made() -> RunPlan:
    return plan(1, 60)


def test_a_run_that_did_nothing_fails(made: RunPlan) -> None:
    found = chaos.check(ChaosRun(made))
    problems = " ".join(violation.problem for violation in found)
    assert all(fault in problems for fault in FAULTS)
    assert all(kind in problems for kind in KINDS)
    assert "no rest" in problems


def test_the_floors_grow_with_the_run(made: RunPlan) -> None:
    short, long = minimums(made), minimums(plan(1, 1800))
    assert all(short[fault] >= 1 for fault in FAULTS)
    assert all(long[fault] >= (2 if fault in OUTAGES else 10) for fault in FAULTS)
    assert long["completed"] > 5 * short["completed"]
    assert long["failed"] >= 1


def test_a_run_that_kept_to_its_plan_is_not_vacuous(made: RunPlan) -> None:
    placed = Counter(order.kind for order in made.orders)
    hit = Counter(fault.kind for fault in made.faults)
    assert vacuous(made, placed, hit) == []
    assert vacuous(made, placed - Counter({"reset": 1000}), hit) != []
    assert vacuous(made, placed, {"worker_kill": 3}) != []


def test_an_order_that_does_not_end_is_a_violation(made: RunPlan) -> None:
    found = chaos.check(ChaosRun(made, rest=Rest(None, {"open orders": 2})))
    assert any(violation.problem == "no rest: {'open orders': 2}" for violation in found)


def test_a_run_without_readable_evidence_has_only_that_violation(made: RunPlan) -> None:
    (violation,) = chaos.check(ChaosRun(made, unread="database: connection refused"))
    assert "can't be read: database: connection refused" in violation.problem


def test_the_report_has_the_hits_and_the_seed(made: RunPlan) -> None:
    hits = [Hit(1.0, "worker_kill"), Hit(1.0, "activity_in_worker_kill", "o-1"), Hit(2.0, "worker_kill")]
    ran = ChaosRun(made, hits=hits, tried=Counter(worker_kill=3), evidence=Evidence(hits=tuple(hits)))
    report = document(ran, chaos.check(ran))
    assert report["faults"]["worker_kill"] == {"tried": 3, "hit": 2}
    assert report["faults_hit"] == 2
    assert report["activities_struck"] == {"activity_in_worker_kill": 1}
    assert "seed 1" in summary(report)


def test_evidence_logs_and_the_timeline_of_the_first_bad_order_are_kept(made: RunPlan, tmp_path: Path) -> None:
    folder, kept = tmp_path / "run", tmp_path / "kept"
    (folder / "data").mkdir(parents=True)
    for name in ("supervisor.txt", "worker-1.log", "data/postgres.log"):
        (folder / name).write_text("a line\n")
    ran = ChaosRun(made, evidence=Evidence())
    found = [replace(chaos.check(ran)[0], order_id="o-1")]

    chaos._keep_logs(folder, kept)
    chaos._keep(ran, found, kept)

    assert {path.name for path in kept.iterdir()} == {
        "supervisor.txt",
        "worker-1.log",
        "postgres.log",
        "evidence.json",
        "o-1.txt",
    }
