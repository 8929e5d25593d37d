"""A run as a picture: throughput, time alone and CPU of each system, as bars in SVG."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from benchmarks import figures

Document = Mapping[str, Any]
LABELS, BARS, VALUES, GAP = 240, 200, 60, 24
ROW, TOP, FOOT = 26, 72, 46
PANEL = BARS + VALUES
OURS, OTHER, FLOOR = "#1f6f54", "#8aa1b4", "#c9cfd4"
ROLES = {"server": "#35507a", "worker": "#6f93c4", "client": "#b9cbe4", "postgres": "#d9a441"}
STYLE = "text{font:13px system-ui,sans-serif;fill:#222}.h{font-weight:600}.s{font-size:11px;fill:#666}"


def drawn(document: Document) -> str:
    """Return the picture."""
    names = list(document["labels"])
    width, height = LABELS + 3 * PANEL + 2 * GAP, TOP + ROW * len(names) + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        text(12, 24, "The same three writing steps, one PostgreSQL, one run", "h"),
        *labels(document["labels"]),
        *panel(document, 0, "sagas a second, 30 in flight", "load.per_second"),
        *panel(document, 1, "ms alone, median", "alone.p50"),
        *panel(document, 2, "ms of CPU an order", "load.cpu"),
        *legend(height - 16),
        text(
            12, height - 16, f"{document['plan']['rounds']} rounds, medians; {document['machine']['cores']} cores", "s"
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def labels(names: Mapping[str, str]) -> list[str]:
    """Return the systems' names, one a row."""
    return [text(12, middle(row), label) for row, label in enumerate(names.values())]


def panel(document: Document, column: int, title: str, figure: str) -> list[str]:
    """Return one figure of all systems as bars, whose longest fills the panel."""
    left = LABELS + column * (PANEL + GAP)
    turns = {name: [turn for turn in document["turns"] if turn["name"] == name] for name in document["labels"]}
    found = {name: figures.median(own, figure) for name, own in turns.items()}
    scale = BARS / max((value for value in found.values() if value), default=1.0)
    parts = [text(left, TOP - 16, title, "h")]
    for row, (name, value) in enumerate(found.items()):
        if value is None:
            continue
        pieces = by_role(turns[name]) if figure == "load.cpu" else [(value, colour(name, document["floors"]))]
        parts += stacked(left, row, [(piece * scale, fill) for piece, fill in pieces])
        parts.append(text(left + value * scale + 6, middle(row), f"{value:.0f}" if value >= 10 else f"{value:.1f}"))  # noqa: PLR2004 - one digit more where it tells something
    return parts


def by_role(turns: Sequence[Mapping[str, Any]]) -> list[tuple[float, str]]:
    """Return the medians of each role's CPU, in the roles' colours."""
    pieces = []
    for role, fill in ROLES.items():
        own = [turn for turn in turns if role in turn.get("load", {}).get("cpu", {})]
        pieces.append((figures.median(own, f"load.cpu.{role}") or 0.0, fill))
    return pieces


def colour(name: str, floors: Sequence[str]) -> str:
    """Return the colour of a system's bars."""
    return OURS if name.startswith("ours") else FLOOR if name in floors else OTHER


def stacked(left: float, row: int, pieces: Sequence[tuple[float, str]]) -> list[str]:
    """Return one bar, made of pieces."""
    parts = []
    for length, fill in pieces:
        parts.append(
            f'<rect x="{left:.1f}" y="{TOP + row * ROW + 4}" width="{length:.1f}" height="{ROW - 8}" fill="{fill}"/>'
        )
        left += length
    return parts


def legend(y: int) -> list[str]:
    """Return what the colours of the last panel mean."""
    parts, left = [], LABELS + 2 * (PANEL + GAP)
    for role, fill in ROLES.items():
        parts += [f'<rect x="{left}" y="{y - 9}" width="10" height="10" fill="{fill}"/>', text(left + 14, y, role, "s")]
        left += 62
    return parts


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return a line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def middle(row: int) -> float:
    """Return the base line of a row's text."""
    return TOP + row * ROW + ROW / 2 + 5
