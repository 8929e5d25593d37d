"""The tables of a run."""

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report


def cells(table: str, label: str) -> list[str]:
    row = next(line for line in table.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def test_throughput_is_told_with_its_ratios(document: dict[str, Any]) -> None:
    assert cells(report.speed(document), "ours")[:4] == ["40.0", "4.00", "0.80", "25.0 ms"]


def test_cpu_is_split_by_process_and_what_there_is_not_is_a_dash(document: dict[str, Any]) -> None:
    assert cells(report.cost(document), "ours") == ["35.0", "20.0", "10.0", "–", "5.0", "1.00", "–"]


def test_a_floor_has_no_way_back(document: dict[str, Any]) -> None:
    text = report.trouble(document)

    assert cells(text, "ours") == ["37.5 ms", "75.0 ms", "1.50", "2.5"]
    assert "the floor" not in text


def test_ours_is_compared_with_everyone_else(document: dict[str, Any]) -> None:
    text = report.ratios(document)

    assert cells(text, "ours / by hand")[:2] == ["4.00", "0.25"]
    assert cells(text, "ours / a & b")[:2] == ["2.00", "0.50"]
    assert "the floor" not in text


def test_growth_is_compared_with_the_first_orders(document: dict[str, Any]) -> None:
    last = report.growth(document).splitlines()[-1]

    assert "1,000" in last
    assert "0.90" in last


def test_growth_shows_the_first_the_middle_and_the_last_tenth_of_each_system(document: dict[str, Any]) -> None:
    (tenth, _) = document["growth"]
    document["growth"] = [{**tenth, "name": name, "kept": kept} for name in ("a", "b") for kept in range(1, 11)]

    rows = report.growth(document).splitlines()[2:]

    assert [row.split(" | ")[:2] for row in rows] == [[f"| {name}", f"{kept}"] for name in "ab" for kept in (1, 5, 10)]


def test_the_whole_report_holds_every_table(document: dict[str, Any]) -> None:
    whole = report.written(document)

    assert whole.count("\n### ") == 5
    assert "2 cores" in whole


def test_a_run_without_growth_and_crash_is_reported_too(document: dict[str, Any]) -> None:
    document["growth"] = []
    for taken in document["turns"]:
        taken.pop("crash", None)

    assert cells(report.trouble(document), "ours")[-1] == "–"
    assert report.written(document).count("\n### ") == 4


def test_a_turn_is_told_in_one_line(document: dict[str, Any]) -> None:
    assert report.in_brief(document["turns"][0]) == (
        "40.0/s, 35 ms CPU an order, 25 ms alone, 2.5 s after a crash"
    )  # fmt: skip
    assert not re.search(r"\n", report.in_brief(document["turns"][2]))


def test_the_figures_of_a_page_are_replaced_and_nothing_else() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"

    once = report.put_into(page, "new")

    assert once == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    assert report.put_into(once, "new") == once
    with pytest.raises(ValueError, match="must have"):
        report.put_into("no place", "new")


def test_the_documentation_has_a_place_for_the_figures() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "benchmarks.md").read_text()

    assert "\n\nfigures\n\n" in report.put_into(page, "figures")
