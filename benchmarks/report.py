"""Print the tables of a run, in Markdown: python -m benchmarks.report FILE [--into PAGE] [--chart FILE].

`--into docs/benchmarks.md --chart docs/images/benchmarks.json` updates the figures of the documentation.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import chart, figures
from benchmarks.measuring.figures import ROLES, turns_of, with_role

Document = Mapping[str, Any]
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
GOALS = ("load.per_second", "alone.p50", "load.p99", "load.cpu")


def in_brief(turn: Mapping[str, Any]) -> str:
    """Return one turn as a progress line."""
    parts = []
    if "load" in turn:
        parts.append(f"{turn['load']['per_second']:.1f}/s, {figures.value(turn, 'load.cpu'):.0f} ms CPU an order")
    if "alone" in turn:
        parts.append(f"{turn['alone']['p50']:.0f} ms alone")
    if "crash" in turn:
        parts.append(f"{turn['crash']['seconds']:.1f} s after a crash")
    return ", ".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(found: float | None, digits: int = 1) -> str:
    """Return a figure for a table; a dash where nothing was measured."""
    return "–" if found is None else f"{found:.{digits}f}"


def speed(document: Document) -> str:
    """Return throughput and latencies, with the ratios to the saga by hand and to the floor."""
    head = ["", "sagas/s", "to by hand", "to the floor", "p50 alone", "p99 alone", "p50 of 30", "p99 of 30"]
    rows = []
    for name, label in document["labels"].items():
        turns = turns_of(document, name)
        rates = [figures.ratio(turns, turns_of(document, base), "load.per_second") for base in ("by-hand", "floor")]
        times = ("alone.p50", "alone.p99", "load.p50", "load.p99")
        cells = [number(figures.median(turns, "load.per_second")), *(number(rate, 2) for rate in rates)]
        rows.append([label, *cells, *(f"{number(figures.median(turns, figure))} ms" for figure in times)])
    return table(head, rows)


def cost(document: Document) -> str:
    """Return the CPU of one order under load, by role, with the ratios to both floors."""
    rows = []
    for name, label in document["labels"].items():
        turns = turns_of(document, name)
        by_role = [number(figures.median(with_role(turns, role), f"load.cpu.{role}")) for role in ROLES]
        bases = [figures.ratio(turns, turns_of(document, base), "load.cpu") for base in ("floor", "floor-local")]
        rows.append([label, number(figures.median(turns, "load.cpu")), *by_role, *(number(base, 2) for base in bases)])
    return table(["ms of CPU an order", "all", *ROLES, "to the floor", "to the local floor"], rows)


def trouble(document: Document) -> str:
    """Return the latency of the way back, and the time to continue after a crash."""
    rows = []
    for name, label in document["labels"].items():
        turns = turns_of(document, name)
        if name not in document["floors"]:
            back = [number(figures.median(turns, figure), 1) for figure in ("undo.p50", "undo.p99")]
            times = number(figures.median(turns, "undo_ratio"), 2)
            rows.append(
                [label, *(f"{cell} ms" for cell in back), times, number(figures.median(turns, "crash.seconds"))]
            )
    return table(["", "undone p50", "undone p99", "to the way forward", "s after kill -9"], rows)


def ratios(document: Document) -> str:
    """Return the ratio of each variant of `ours` to each other saga; `speed` and `cost` have those to the floors."""
    labels, rows = document["labels"], []
    mine = [name for name in labels if name.startswith("ours")]
    for name in mine:
        for base in [base for base in labels if base not in (*mine, *document["floors"])]:
            pair = turns_of(document, name), turns_of(document, base)
            found = [number(figures.ratio(*pair, figure), 2) for figure in GOALS]
            rows.append([f"{labels[name]} / {labels[base]}", *found])
    return table(["", "throughput", "p50 alone", "p99 of 30", "CPU an order"], rows)


def growth(document: Document) -> str:
    """Return the cost of an order while orders accumulate: the first, the middle and the last tenth of each system."""
    rows = []
    for row in _first_middle_last(document["growth"]):
        first = next(other for other in document["growth"] if other["name"] == row["name"])
        speeds = [number(row["per_second"]), number(row["per_second"] / first["per_second"], 2)]
        costs = figures.value(row, "cpu"), figures.value(row, "cpu") / figures.value(first, "cpu")
        memory = [f"{row['memory'].get(role, 0):.0f}" for role in ("server", "worker")]
        kept = f"{row['kept']:,}"
        rows.append([row["name"], kept, *speeds, number(costs[0]), number(costs[1], 2), number(row["p50"]), *memory])
    head = ["", "orders kept", "sagas/s", "to the first", "ms of CPU", "to the first", "p50 of 30"]
    return table([*head, "server MB", "worker MB"], rows)


def _first_middle_last(tenths: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    by_system: dict[str, list[Mapping[str, Any]]] = {}
    for tenth in tenths:
        by_system.setdefault(tenth["name"], []).append(tenth)
    return [rows[place] for rows in by_system.values() for place in sorted({0, (len(rows) - 1) // 2, len(rows) - 1})]


def written(document: Document) -> str:
    """Return the whole report."""
    plan, made_on = document["plan"], document["machine"]
    versions = ", ".join(f"{name} {found}" for name, found in document["versions"].items())
    day = document["made"].partition("T")[0]
    about = (
        f"{day}, {made_on['cores']} cores of {made_on['cpu']}, {made_on['memory_gb']} GB.\n"
        f"Rounds: {plan['rounds']}. Cores that other programs kept busy: {document['others_cores']}.\n"
        f"{versions}."
    )
    parts = [about, "### Throughput and latency", speed(document), "### CPU", cost(document)]
    parts += ["### Ours to the others", ratios(document), "### The way back, and a crash", trouble(document)]
    if document["growth"]:
        parts += ["### Orders accumulate", growth(document)]
    return "\n\n".join(parts)


def put_into(page: str, tables: str) -> str:
    """Return a page with its figures replaced; raise ValueError when the page has no markers for them."""
    before, found, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"the page must have {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def main() -> None:
    """Print the tables of a run; replace the figures of a page and write the chart's data if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="the output of `python -m benchmarks.compare --json FILE`")
    parser.add_argument("--into", type=Path, help="replace the figures of this page")
    parser.add_argument("--chart", type=Path, help="write the chart's data to this file, for benchmarks.peers.drawing")
    given = parser.parse_args()
    document = json.loads(given.file.read_text())
    tables = written(document)
    print(tables)
    if given.into:
        given.into.write_text(put_into(given.into.read_text(), tables))
    if given.chart:
        given.chart.write_text(chart.written(document))


if __name__ == "__main__":
    main()
