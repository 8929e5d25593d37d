"""The corpus: bad inputs, kept as files in tests/corpus or generated here because of their size.

A file's folder names the command, and its name the problem; `index.json` has the expected exit code and the expected
error line, which begins with the field.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "corpus"
WHO = ("--actor", "ann", "--reason", "looked into it")
# {waiting}, {parked} and {done} are orders of the target: one waits for its transfer, one has a parked completion.
COMMANDS: dict[str, tuple[str, ...]] = {
    "orders": ("place", "{file}"),
    "slips": ("slip", "{file}"),
    "events/payment_settled": (
        *("event", "{waiting}", "--type", "payment_settled", "--event-id", "e-1", "--payload", "{file}"),
    ),
    "events/payment_failed": (
        *("event", "{waiting}", "--type", "payment_failed", "--event-id", "e-2", "--payload", "{file}"),
    ),
    "requests": ("resolve", "{parked}", "complete", "edit", *WHO, "--request", "{file}"),
    "environments": ("status", "o-1"),
}
INDEX: dict[str, dict[str, dict[str, Any]]] = json.loads((FOLDER / "index.json").read_text())


@dataclass(frozen=True)
class CorpusCase:
    """A bad input: its command, the expected exit code, and the expected text of the error line."""

    name: str
    arguments: tuple[str, ...]
    code: int
    says: str
    document: bytes = b""
    environment: dict[str, str | None] = field(default_factory=dict)


def kept() -> list[CorpusCase]:
    """Return the cases of the corpus for the starter."""
    folders = [folder for folder in INDEX if folder != "updates"]
    return [_case(folder, name) for folder in folders for name in INDEX[folder]]


def updates() -> dict[str, dict[str, str]]:
    """Return the updates that are sent directly to a workflow, each with the expected text of its refusal."""
    return {
        name: json.loads((FOLDER / "updates" / name).read_bytes()) | expected
        for name, expected in INDEX["updates"].items()
    }


def _case(folder: str, name: str) -> CorpusCase:
    path, expected = FOLDER / folder / name, INDEX[folder][name]
    arguments = COMMANDS.get(folder) or tuple(json.loads(path.read_bytes()))
    environment = json.loads(path.read_bytes()) if folder == "environments" else {}
    given = tuple(argument.replace("{file}", str(path)) for argument in arguments)
    return CorpusCase(f"{folder}/{name}", given, **expected, environment=environment)


KILO = 1024
TOO_MUCH = 256 * KILO
LARGE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "256 KB and a byte": ("orders", lambda: b" " * (TOO_MUCH + 1), "order: is over 256 KB"),
    "10 MB": ("orders", lambda: b"{" + b" " * (10 * KILO * KILO), "order: is over 256 KB"),
    "10,000 arrays": ("orders", lambda: b'{"lines": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "order: is nested too"),
    "10,000 objects": ("orders", lambda: b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "order: is nested too deeply"),
    "100,000 open arrays": ("orders", lambda: b"[" * 100_000, "order: is nested too deeply"),
    "a number of 100,000 digits": ("orders", lambda: b'{"total": ' + b"9" * 100_000 + b"}", "order: holds a number"),
    "10,000 lines": (
        "orders",
        lambda: _order(b'{"sku":"SKU-1","quantity":1},' * 8_000),
        "lines: must have at most 100",
    ),
    "a name of 200 KB": ("orders", lambda: _order(b'{"sku":"' + b"S" * 200_000 + b'","quantity":1},'), "lines[0].sku"),
    "10,000 unknown fields": ("orders", lambda: _fields(10_000), "order_id: is missing"),
    "zeros": ("orders", lambda: bytes(100 * KILO), "order: is not JSON"),
    "noise": ("orders", lambda: bytes(range(256)) * 400, "order: is not UTF-8"),
    "5,000 stops": (
        "slips",
        lambda: (
            b'{"slip_id": "s", "max_hops": 50, "itinerary": ['
            + b",".join(b'{"name":"s%d","activity":"rm"}' % n for n in range(5_000))
            + b"]}"
        ),
        "itinerary: must have at most 50 entries",
    ),
    "a slip of 256 KB and a byte": ("slips", lambda: b" " * (TOO_MUCH + 1), "slip: is over 256 KB"),
    "a payload of 256 KB and a byte": (
        "events/payment_settled",
        lambda: b" " * (TOO_MUCH + 1),
        "payload: is over 256 KB",
    ),
    "a reason of 200 KB": ("events/payment_failed", lambda: b'{"reason": "' + b"r" * 200_000 + b'"}', "payload: "),
    "a request of 256 KB and a byte": ("requests", lambda: b" " * (TOO_MUCH + 1), "--request: is over 256 KB"),
    "a request of over 16 KB": ("requests", lambda: _fields(10_000), "--request: is over 16 KB"),
}


def made() -> list[CorpusCase]:
    """Return the cases that are too large for files; their documents come on stdin."""
    return [
        CorpusCase(
            name,
            tuple(argument.replace("{file}", "-") for argument in COMMANDS[folder]),
            code=2,
            says=says,
            document=document(),
        )
        for name, (folder, document, says) in LARGE.items()
    ]


def _order(lines: bytes) -> bytes:
    document = (FOLDER / "orders" / "total-tampered.json").read_bytes()
    begin, end = document.index(b"["), document.index(b"]")
    return document[: begin + 1] + lines.rstrip(b",") + document[end:]


def _fields(number: int) -> bytes:
    return json.dumps({f"field-{n}": n for n in range(number)}).encode()
