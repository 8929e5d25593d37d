"""Each seeded bug still fits the code, and its header names existing hunters and cases."""

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
def test_each_bug_fits_the_code(bug: Bug) -> None:
    assert all(edit.before != edit.after and place_of(edit) for edit in bug.edits)


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_the_code_with_a_bug_is_still_code(bug: Bug) -> None:
    changed: dict[Path, str] = {}
    for edit in bug.edits:
        path = place_of(edit)
        changed[path] = changed.get(path, path.read_text()).replace(edit.before, edit.after)

    for path, text in changed.items():
        compile(text, path, "exec")


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_each_header_names_existing_cases(bug: Bug) -> None:
    known = {case.id for case in cases()}
    for hunt in bug.hunts:
        if hunt.hunter == "test":
            assert all(_is_test(name) for name in hunt.arguments)
            continue
        asked = dict(zip(hunt.arguments[::2], hunt.arguments[1::2], strict=True))
        assert set(asked.get("--case", "o-ship-called-refuse").split(",")) <= known


def _is_test(node_id: str) -> bool:
    """Return whether the id names an existing test."""
    path, _, name = node_id.partition("::")
    return f"def {name.partition('[')[0]}(" in (PROJECT / path).read_text()


def test_there_are_enough_different_bugs() -> None:
    assert len({bug.sentence for bug in bugs()}) == len(bugs()) >= AT_LEAST


def test_the_docs_list_each_bug() -> None:
    page = (PROJECT / "docs" / "reliability.md").read_text()
    assert [bug.name for bug in bugs() if f"| `{bug.name}` | {bug.sentence} |" not in page] == []


def test_a_bug_that_no_longer_fits_is_an_error() -> None:
    with pytest.raises(DoesNotApply, match=r"^found 0 times \(nowhere\): 'what was never there'$"):
        place_of(Edit("what was never there", ""))
    with pytest.raises(DoesNotApply, match=r"^found \d\d+ times"):
        place_of(Edit("async def ", ""))


def test_a_bug_is_applied_in_the_file_with_its_code(tmp_path: Path) -> None:
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
        ("Breaks: I3\nHunt: explore --quick\n", "lacks a line Bug:"),
        (HEADER.replace("I3", "I99"), "no invariant or expectation is called I99"),
        (HEADER.replace("explore", "look"), "use explore, chaos or test"),
        (HEADER + "Hint: none\n", "unknown line 'Hint: none' in the header"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, header: str, problem: str) -> None:
    (tmp_path / "wrong.txt").write_text(header + EDIT)
    with pytest.raises(ValueError, match=problem):
        read(tmp_path / "wrong.txt")


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("I4: the provider took money 2 times for o-1", "I4"),
        ("I17: asked: 0 happened, at least 1 required", None),
        ("the order is completed, undone [], expected cancelled, undone ['reserve']", "end"),
        ("the late attempt ended with 'error: KeyReused' (first None), expected {'answer'}", "late"),
        ("vacuous: the fault never struck", None),
        ("the case did not end: TimeoutError: ", None),
    ],
)
def test_a_sentence_has_its_kind_of_finding(sentence: str, kind: str | None) -> None:
    assert kind_of(sentence) == kind
