"""The checker: it finds nothing in a good history, and exactly the seeded problem in each bad one."""

from pathlib import Path

import pytest

from runtime.settings import PROJECT
from tests.architecture.packages import PACKAGES
from tests.conservation import ALWAYS
from tests.faults.checker import CONSERVED, OF_ALL, OF_AN_ORDER, main, violations
from tests.faults.evidence.dossier import dossiers
from tests.faults.evidence.evidence import read, write
from tests.faults.evidence.queries import BESIDES
from tests.faults.evidence.records import Receipt
from tests.faults.good.history import good
from tests.faults.invariants.vacuity import ALLOWED, counts
from tests.faults.spoilt import goods, money, orders, outbox, running, undo
from tests.faults.spoilt.goods import LATE
from tests.faults.spoilt.histories import Bad, added, changed

BAD = [
    *orders.BAD,
    *money.BAD,
    *goods.BAD,
    *undo.BAD,
    *outbox.BAD,
    *running.BAD,
]


def test_a_good_history_has_no_violation() -> None:
    assert violations(good(), {"o-lost": 0, "worker killed": 1, "completed": 3, "needs_attention": 3}) == []


def test_an_undo_that_finds_nothing_may_come_after_the_end_of_a_choreographed_order_only() -> None:
    nothing_charged = added("receipts", Receipt("payments", "c-sold-out:charge", "tombstone", 1, LATE))
    nothing_shipped = changed("receipts", {"key": "o-lost:ship"}, status="tombstone", at=LATE)

    assert violations(nothing_charged(good())) == []
    assert [wrong.invariant for wrong in violations(nothing_shipped(good()))] == ["I6"]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.sentence.replace(" ", "-"))
def test_a_bad_history_violates_exactly_its_invariants(bad: Bad) -> None:
    found = violations(bad.change(good()))

    assert {wrong.invariant for wrong in found} == set(bad.invariants.split()), found


def test_there_are_enough_different_bad_histories() -> None:
    assert len({bad.sentence for bad in BAD}) == len(BAD) >= 40


def test_every_check_finds_something_in_some_bad_history() -> None:
    broken = [bad.change(good()) for bad in BAD]
    orders = [dossier for evidence in broken for dossier in dossiers(evidence)]

    unused = [check.__name__ for _, check in OF_ALL if not any(list(check(evidence)) for evidence in broken)]
    unused += [check.__name__ for _, check in OF_AN_ORDER if not any(list(check(order)) for order in orders)]

    assert unused == []


@pytest.mark.parametrize(
    "name", ["worker killed", "lost answer", "cancelled", "needs_attention", "too late", "asked", "snapshots"]
)
def test_a_run_in_which_too_little_happened_is_a_violation(name: str) -> None:
    happened = counts(good())[name]

    assert happened
    assert violations(good(), {name: happened}) == []
    assert [wrong.invariant for wrong in violations(good(), {name: happened + 1})] == ["I17"]


def test_an_evidence_file_can_be_checked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, bad = tmp_path / "good.json", tmp_path / "bad.json"
    write(good(), kept)
    write(BAD[0].change(good()), bad)

    assert read(kept) == good()
    assert main(kept) == 0
    assert main(bad) == 1
    assert "I1   o-gone: the order was accepted, but has no row" in capsys.readouterr().out


def test_every_allowed_error_and_every_conservation_finding_still_exists() -> None:
    files = [path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")]
    code = "".join(path.read_text() for path in files)

    assert [text for text in ALLOWED if text not in code] == []
    assert [word for word in CONSERVED if not any(word in meaning for meaning in ALWAYS | BESIDES)] == []
