"""Draw the chart of a run: .peers/venv/bin/python -m benchmarks.peers.drawing FILE SVG.

FILE is the output of `benchmarks.compare --chart` or `benchmarks.report --chart`. The same file gives the same picture.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

System = Mapping[str, Any]
TITLE = "The same three writing steps, one PostgreSQL, one run"
PANELS = {"per_second": "sagas a second, 30 in flight", "alone": "ms alone, median", "cpu": "ms of CPU an order"}
KINDS = {"ours": "#1f6f54", "other": "#8aa1b4", "floor": "#c9cfd4"}
ROLES = {"server": "#35507a", "worker": "#6f93c4", "client": "#b9cbe4", "postgres": "#d9a441"}
WIDTH, ROW, AROUND = 11.0, 0.27, 1.25  # inches
STYLE = {
    "svg.fonttype": "none",  # text that can be read and searched
    "svg.hashsalt": "benchmarks",  # the same names for its parts each time
    "text.parse_math": False,  # a label is plain text
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],  # the first is the widest, so that no other needs more room
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.bottom": False,
    "axes.edgecolor": "#999999",
    "axes.xmargin": 0.2,  # room for the figure beside the longest bar
    "axes.ymargin": 0.02,
    "ytick.major.size": 0,
    "figure.constrained_layout.w_pad": 0.14,
    "figure.constrained_layout.h_pad": 0.08,
    "savefig.facecolor": "white",  # readable on a dark page, too
}


def drawn(systems: Sequence[System], note: str) -> Figure:
    """Return the picture: a row for each system, a panel for each figure."""
    figure = Figure(figsize=(WIDTH, AROUND + ROW * len(systems)), layout="constrained")
    figure.suptitle(f"{TITLE} ({note})", x=0.014, ha="left", size=11)
    panels = dict(zip(PANELS, figure.subplots(1, len(PANELS), sharey=True), strict=True))
    for name, axes in panels.items():
        bars = by_role(axes, systems) if name == "cpu" else by_kind(axes, systems, name)
        axes.bar_label(bars, ["" if system[name] is None else f"{system[name]:.1f}" for system in systems], padding=4)
        axes.set_title(PANELS[name])
        axes.set_xticks([])
    first = panels["per_second"]
    first.set_yticks(range(len(systems)), [system["label"] for system in systems])
    first.invert_yaxis()
    figure.legend(loc="outside lower right", ncols=len(ROLES), frameon=False, fontsize=8.5)
    return figure


def by_kind(axes: Axes, systems: Sequence[System], name: str) -> BarContainer:
    """Draw a bar for each system, in the colour of its kind."""
    colours = [KINDS[system["kind"]] for system in systems]
    return axes.barh(range(len(systems)), [system[name] or 0.0 for system in systems], color=colours)


def by_role(axes: Axes, systems: Sequence[System]) -> BarContainer:
    """Draw a stacked bar for each system, one piece for each role, and return the last pieces."""
    ends = [0.0] * len(systems)
    for role, colour in ROLES.items():
        pieces = [system["cpu_by_role"].get(role, 0.0) for system in systems]
        bars = axes.barh(range(len(systems)), pieces, left=ends, color=colour, label=role)
        ends = [end + piece for end, piece in zip(ends, pieces, strict=True)]
    return bars


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, help="the chart's data")
    parser.add_argument("svg", type=Path, help="the SVG file to write")
    given = parser.parse_args()
    shown = json.loads(given.file.read_text())
    with mpl.rc_context(STYLE):
        # Without date and library version, so that the file changes only with its data.
        drawn(shown["systems"], shown["note"]).savefig(given.svg, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
