"""The seeded bugs are kept alive: each patch fits the code as it is, and its header says who can find it."""

import shutil
from pathlib import Path

import pytest

from runtime.settings import PROJECT
from tests.faults.explorer.cases import cases
from tests.faults.mutants.bugs import PATCHES, bugs, read
from tests.faults.mutants.copies import DoesNotApply, patch
from tests.faults.mutants.findings import kind_of

SEEDED = sorted(PATCHES.glob("*.patch"))
AT_LEAST = 24
GIT = pytest.mark.skipif(shutil.which("git") is None, reason="git applies the patches, and is not here")
HEADER = "Bug: One.\nBreaks: I3\nHunt: explore --case o-ship-called-refuse\n"
DIFF = "\n--- a/worker.py\n+++ b/worker.py\n@@ -1 +1 @@\n-what was never there\n+nothing\n"


@GIT
@pytest.mark.parametrize("path", SEEDED, ids=lambda path: path.stem)
def test_its_patch_fits_the_code(path: Path) -> None:
    patch(PROJECT, path, check=True)


@pytest.mark.parametrize("path", SEEDED, ids=lambda path: path.stem)
def test_its_header_names_hunters_that_there_are(path: Path) -> None:
    known = {case.id for case in cases()}
    for hunt in read(path).hunts:
        asked = dict(zip(hunt.arguments[::2], hunt.arguments[1::2], strict=True))
        assert set(asked.get("--case", "o-ship-called-refuse").split(",")) <= known


def test_there_are_enough_and_no_two_are_the_same() -> None:
    assert len({bug.sentence for bug in bugs()}) == len(SEEDED) >= AT_LEAST


def test_the_docs_tell_of_each() -> None:
    page = (PROJECT / "docs" / "reliability.md").read_text()
    assert [bug.name for bug in bugs() if f"| `{bug.name}` | {bug.sentence} |" not in page] == []


@GIT
def test_a_patch_that_no_longer_fits_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "old.patch").write_text(HEADER + DIFF)
    with pytest.raises(DoesNotApply, match=r"old\.patch no longer applies: .*worker\.py"):
        patch(PROJECT, tmp_path / "old.patch", check=True)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("Breaks: I3\nHunt: explore --quick\n", "no line Bug:"),
        (HEADER.replace("I3", "I99"), "nothing is called I99"),
        (HEADER.replace("explore", "look"), "a hunt is explore or chaos"),
        (HEADER + "Hint: none\n", "means nothing"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, header: str, problem: str) -> None:
    (tmp_path / "wrong.patch").write_text(header + DIFF)
    with pytest.raises(ValueError, match=problem):
        read(tmp_path / "wrong.patch")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("I4: the provider took money 2 times for o-1", "I4"),
        ("I17: asked: 0, and at least 1 were asked for", None),
        ("it is completed, undone [], and had to be cancelled, undone ['reserve']", "end"),
        ("its late attempt was told 'error: KeyReused' (first None), not {'answer'}", "late"),
        ("vacuous: its fault never struck", None),
        ("it came to no end: TimeoutError: ", None),
    ],
)
def test_only_what_is_wrong_is_a_finding(told: str, kind: str | None) -> None:
    assert kind_of(told) == kind
