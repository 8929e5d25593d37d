"""What the picture of a run shows, and that it is drawn."""

import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.contestants.on_peers import PYTHON
from benchmarks.measuring import chart

HOUSE = Path(__file__).parent.parent.parent
IMAGES = HOUSE / "docs" / "images"
SVG = "{http://www.w3.org/2000/svg}"
needs_the_library = pytest.mark.skipif(not PYTHON.exists(), reason="`make .peers/.installed` installs what draws")


def words(svg: str) -> set[str]:
    return {"".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")}  # noqa: S314 - our own


def labels_and_figures(shown: dict[str, Any]) -> set[str]:
    """Return what the picture of this must say."""
    figures = [system[name] for system in shown["systems"] for name in ("per_second", "alone", "cpu")]
    return {system["label"] for system in shown["systems"]} | {f"{found:.1f}" for found in figures if found is not None}


def draw(shown: str, folder: Path) -> str:
    file, svg = folder / "chart.json", folder / "chart.svg"
    file.write_text(shown)
    subprocess.run([PYTHON, "-m", "benchmarks.peers.drawing", file, svg], cwd=HOUSE, check=True, timeout=120)
    return svg.read_text()


def test_each_system_is_shown_with_its_figures(document: dict[str, Any]) -> None:
    shown = chart.shown(document)

    assert shown["note"] == "1 rounds, medians; 2 cores"
    assert [system["label"] for system in shown["systems"]] == ["ours", "by hand", "the floor", "a & b"]
    assert [system["kind"] for system in shown["systems"]] == ["ours", "other", "floor", "other"]
    assert [system["per_second"] for system in shown["systems"]] == [40.0, 10.0, 50.0, 20.0]
    assert [system["alone"] for system in shown["systems"]] == [25.0, 100.0, 20.0, 50.0]
    assert {system["cpu"] for system in shown["systems"]} == {35.0}
    assert shown["systems"][0]["cpu_by_role"] == {"server": 20.0, "worker": 10.0, "postgres": 5.0}


def test_what_was_not_measured_is_not_shown(document: dict[str, Any]) -> None:
    del document["turns"][0]["load"]

    ours = chart.shown(document)["systems"][0]

    assert (ours["per_second"], ours["alone"], ours["cpu"], ours["cpu_by_role"]) == (None, 25.0, None, {})


def test_the_picture_of_the_documentation_shows_the_figures_of_its_tables() -> None:
    page = (HOUSE / "docs" / "benchmarks.md").read_text()
    shown = json.loads((IMAGES / "benchmarks.json").read_text())

    for system in shown["systems"]:
        speed, cost = [line for line in page.splitlines() if line.startswith(f"| {system['label']} |")][:2]
        roles = [f"{system['cpu_by_role'].get(role, '–')}" for role in ("server", "worker", "client", "postgres")]
        assert f"| {system['per_second']} |" in speed
        assert f"| {system['alone']} ms |" in speed
        assert f"| {' | '.join([str(system['cpu']), *roles])} |" in cost
    assert labels_and_figures(shown) <= words((IMAGES / "benchmarks.svg").read_text())


@needs_the_library
def test_the_picture_of_the_documentation_is_drawn_from_the_file_beside_it(tmp_path: Path) -> None:
    drawn = draw((IMAGES / "benchmarks.json").read_text(), tmp_path)

    assert words(drawn) == words((IMAGES / "benchmarks.svg").read_text())


@needs_the_library
def test_the_same_figures_give_the_same_picture(document: dict[str, Any], tmp_path: Path) -> None:
    shown = chart.written(document)

    once = draw(shown, tmp_path)

    assert labels_and_figures(json.loads(shown)) <= words(once)
    assert draw(shown, tmp_path) == once


@needs_the_library
def test_a_run_without_load_is_drawn_too(document: dict[str, Any], tmp_path: Path) -> None:
    for turn in document["turns"]:
        del turn["load"]

    assert {"ours", "25.0"} <= words(draw(chart.written(document), tmp_path))
