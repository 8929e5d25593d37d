"""Small changes to the good history, each with the invariants that it violates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.faults.evidence.evidence import Evidence

Change = Callable[[Evidence], Evidence]


@dataclass(frozen=True)
class Bad:
    """A bad history: a sentence about the problem, the violated invariants, and the change that causes it."""

    sentence: str
    invariants: str
    change: Change


def changed(table: str, where: dict[str, object], **fields: Any) -> Change:
    """Change fields of the matching records; a field that is a function computes the new value from the record."""

    def change(evidence: Evidence) -> Evidence:
        records = getattr(evidence, table)
        assert any(_is(record, where) for record in records), f"{table}: no record matches {where}"
        new = [_with(record, fields) if _is(record, where) else record for record in records]
        return _put(evidence, table, new)

    return change


def dropped(table: str, **where: object) -> Change:
    """Remove the matching records."""

    def change(evidence: Evidence) -> Evidence:
        kept = [record for record in getattr(evidence, table) if not _is(record, where)]
        assert len(kept) < len(getattr(evidence, table)), f"{table}: no record matches {where}"
        return _put(evidence, table, kept)

    return change


def added(table: str, *records: object) -> Change:
    """Add records."""
    return lambda evidence: _put(evidence, table, [*getattr(evidence, table), *records])


def doubled(table: str, where: dict[str, object], **fields: Any) -> Change:
    """Add copies of the matching records, with some fields changed."""

    def change(evidence: Evidence) -> Evidence:
        found = [record for record in getattr(evidence, table) if _is(record, where)]
        assert found, f"{table}: no record matches {where}"
        return added(table, *(_with(record, fields) for record in found))(evidence)

    return change


def logged(order: str, step: str, direction: str, **fields: Any) -> Change:
    """Change a line of the logs of an order's runs."""

    def new(run: Any) -> tuple[Any, ...]:
        where: dict[str, object] = {"step": step, "direction": direction}
        assert any(_is(line, where) for line in run.log), f"{order}: its log has no {direction} of {step}"
        return tuple(_with(line, fields) if _is(line, where) else line for line in run.log)

    return changed("processes", {"order_id": order}, log=new)


def unlogged(order: str, step: str, direction: str) -> Change:
    """Remove a line of an order's log."""

    def new(run: Any) -> tuple[Any, ...]:
        return tuple(line for line in run.log if (line.step, line.direction) != (step, direction))

    return changed("processes", {"order_id": order}, log=new)


def last_snapshot(**fields: Any) -> Change:
    """Change the last snapshot."""

    def change(evidence: Evidence) -> Evidence:
        *before, last = evidence.snapshots
        return replace(evidence, snapshots=(*before, _with(last, fields)))

    return change


def all_of(*changes: Change) -> Change:
    """Apply several changes in their order."""

    def change(evidence: Evidence) -> Evidence:
        for one in changes:
            evidence = one(evidence)
        return evidence

    return change


def _put(evidence: Evidence, table: str, records: Sequence[Any]) -> Evidence:
    fields: dict[str, Any] = {table: tuple(records)}
    return replace(evidence, **fields)


def _is(record: Any, where: dict[str, object]) -> bool:
    return all(getattr(record, name) == value for name, value in where.items())


def _with(record: Any, fields: dict[str, Any]) -> Any:
    made = {name: value(record) if callable(value) else value for name, value in fields.items()}
    return replace(record, **made)
