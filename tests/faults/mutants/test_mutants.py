"""The seeded bugs are kept alive: each fits the code as it is, and its header says who can find it."""

from pathlib import Path

import pytest

from runtime.settings import PROJECT
from tests.faults.explorer.matrix.cases import cases
from tests.faults.mutants.bugs import Bug, bugs, read
from tests.faults.mutants.copies import DoesNotApply, Edit, place_of, spoil
from tests.faults.mutants.findings import kind_of

AT_LEAST = 24
HEADER = "Bug: One.\nBreaks: I3\nHunt: explore --case o-ship-called-refuse\n"
EDIT = "\n[as it is]\nwhat was never there\n[with the bug]\nnothing\n"


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_it_fits_the_code(bug: Bug) -> None:
    assert all(edit.before != edit.after and place_of(edit) for edit in bug.edits)


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_its_header_names_hunters_that_there_are(bug: Bug) -> None:
    known = {case.id for case in cases()}
    for hunt in bug.hunts:
        asked = dict(zip(hunt.arguments[::2], hunt.arguments[1::2], strict=True))
        assert set(asked.get("--case", "o-ship-called-refuse").split(",")) <= known


def test_there_are_enough_and_no_two_are_the_same() -> None:
    assert len({bug.sentence for bug in bugs()}) == len(bugs()) >= AT_LEAST


def test_the_docs_tell_of_each() -> None:
    page = (PROJECT / "docs" / "reliability.md").read_text()
    assert [bug.name for bug in bugs() if f"| `{bug.name}` | {bug.sentence} |" not in page] == []


def test_a_bug_that_no_longer_fits_is_noticed() -> None:
    with pytest.raises(DoesNotApply, match=r"^stands 0 times \(nowhere\): 'what was never there'$"):
        place_of(Edit("what was never there", ""))
    with pytest.raises(DoesNotApply, match=r"^stands \d\d+ times"):
        place_of(Edit("async def ", ""))


def test_a_bug_is_made_wherever_its_code_stands(tmp_path: Path) -> None:
    (tmp_path / "services" / "new").mkdir(parents=True)
    for name in ("orders.py", "worker.py", "starter.py"):
        (tmp_path / name).touch()
    moved = tmp_path / "services" / "new" / "place.py"
    moved.write_text("a = 1\nb = 2\n")

    spoil(tmp_path, [Edit("b = 2", "b = 3")])

    assert moved.read_text() == "a = 1\nb = 3\n"


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("Breaks: I3\nHunt: explore --quick\n", "no line Bug:"),
        (HEADER.replace("I3", "I99"), "unknown finding I99"),
        (HEADER.replace("explore", "look"), "a hunt is explore or chaos"),
        (HEADER + "Hint: none\n", "means nothing"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, header: str, problem: str) -> None:
    (tmp_path / "wrong.txt").write_text(header + EDIT)
    with pytest.raises(ValueError, match=problem):
        read(tmp_path / "wrong.txt")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("I4: the provider took money 2 times for o-1", "I4"),
        ("I17: asked: 0, and at least 1 are required", None),
        ("it is completed, undone [], and must be cancelled, undone ['reserve']", "end"),
        ("its late attempt was answered 'error: KeyReused' (first None), not {'answer'}", "late"),
        ("vacuous: its fault never struck", None),
        ("it did not end: TimeoutError: ", None),
    ],
)
def test_only_what_is_wrong_is_a_finding(told: str, kind: str | None) -> None:
    assert kind_of(told) == kind
