"""Open processes that no workflow runs: choreographed orders, and processes whose dead letter waits for an operator."""

from dataclasses import dataclass, replace
from datetime import datetime

from models.names import ProcessKind, ProcessName, name_of_workflow
from models.process import Status, Style
from services.assembly import Services

LETTERS_AT_ONCE = 1000


@dataclass(frozen=True)
class WithoutWorkflow:
    """One process; `at_risk` is in minor units of `currency`."""

    name: ProcessName
    started_at: datetime
    at_risk: int = 0
    currency: str | None = None


async def waiting_for_operators(services: Services) -> list[WithoutWorkflow]:
    """Return the open processes behind a dead letter, each with its highest amount at risk; raise Unavailable."""
    behind: dict[str, WithoutWorkflow] = {}
    after = 0
    while letters := await services.dead_letters.open(limit=LETTERS_AT_ONCE, after=after):
        after = letters[-1].letter_id
        for letter in letters:
            if not letter.blocks or letter.process_id is None:
                continue
            known = behind.get(letter.process_id)
            at_risk = max(letter.at_risk, known.at_risk if known else 0)
            name = name_of_workflow(letter.process_id)
            since, currency = (known.started_at, known.currency) if known else (letter.died_at, None)
            behind[letter.process_id] = WithoutWorkflow(name, since, at_risk, letter.currency or currency)
    orders = [each.name.id for each in behind.values() if each.name.kind is ProcessKind.ORDER]
    started = {record.order_id: record for record in await services.orders.of_ids(orders)}
    found = []
    for each in behind.values():
        record = started.get(each.name.id) if each.name.kind is ProcessKind.ORDER else None
        if record is None or not record.status.final:
            found.append(replace(each, started_at=record.created_at if record else each.started_at))
    return found


async def choreographed(services: Services, limit: int, before: datetime | None) -> list[WithoutWorkflow]:
    """Return up to `limit` open choreographed orders that no dead letter blocks, newest first; raise Unavailable."""
    records = await services.orders.open_of_style(Style.CHOREOGRAPHED, limit, before)
    names = [ProcessName(ProcessKind.ORDER, record.order_id) for record in records]
    blocked = await services.dead_letters.blocked([name.workflow_id for name in names])
    return [
        WithoutWorkflow(name, record.created_at)
        for name, record in zip(names, records, strict=True)
        if name.workflow_id not in blocked
    ]


async def without_workflow(
    services: Services, status: Status, limit: int, before: datetime | None
) -> list[WithoutWorkflow]:
    """Return the processes of an open status that no workflow runs, begun at `before` or earlier; raise Unavailable."""
    if status is Status.RUNNING:
        return await choreographed(services, limit, before)
    if status is not Status.NEEDS_ATTENTION:
        return []
    return [each for each in await waiting_for_operators(services) if before is None or each.started_at <= before]
