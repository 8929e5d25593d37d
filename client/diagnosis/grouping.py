"""Group what makes no progress: one group for each cause, step and failure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from client.advice import CAUSE_FIXED, starter
from client.diagnosis.findings import Cause, StuckGroup, StuckProcess
from messaging.dead_letters.fingerprints import fingerprint_of
from models.money import Money
from models.names import name_of_workflow

LATEST = datetime.max.replace(tzinfo=UTC)


def grouped(found: Sequence[StuckProcess]) -> list[StuckGroup]:
    """Return the groups; the most money at risk first, then the most processes."""
    groups: dict[tuple[str, ...], list[StuckProcess]] = {}
    for each in found:
        groups.setdefault(_key(each), []).append(each)
    made = [_group(members) for members in groups.values()]
    return sorted(made, key=lambda group: (-sum(money.amount for money in group.at_risk), -group.count))


def _key(stuck: StuckProcess) -> tuple[str, ...]:
    ids = (stuck.process_id, name_of_workflow(stuck.process_id).id)
    # What helps tells causes of one kind apart, such as two task queues without workers.
    failure, remedy = [fingerprint_of("", "", text, *ids) for text in (stuck.failure or "", stuck.help)]
    return (stuck.cause, stuck.step or "", stuck.direction or "", failure, remedy)


def _group(members: list[StuckProcess]) -> StuckGroup:
    first = min(members, key=lambda each: each.since or LATEST)
    commands = tuple(dict.fromkeys(each.help_command for each in members if each.help_command))
    if first.cause is Cause.PARKED and len(members) > 1 and first.step:
        commands = (resolve_all_command(first.step, first.direction),)
    sums = Counter[str]()
    for each in members:
        sums[each.currency or ""] += each.at_risk
    return StuckGroup(
        cause=first.cause,
        step=first.step,
        direction=first.direction,
        failure=first.failure,
        detail=first.detail,
        help=first.help.removesuffix(first.help_command or "").removesuffix(": "),
        commands=commands,
        alternatives=first.alternatives if len(members) == 1 else (),
        count=len(members),
        processes=tuple(each.process_id for each in members),
        since=first.since,
        at_risk=sums_of(sums),
    )


def sums_of(amounts: Mapping[str, int]) -> tuple[Money, ...]:
    """Return the sum of each currency, also one that is larger than any single amount may be."""
    known = [(currency, amount) for currency, amount in amounts.items() if amount and currency]
    return tuple(Money.model_construct(amount=amount, currency=currency) for currency, amount in known)


def resolve_all_command(step: str, direction: str | None) -> str:
    """Return the command that retries a step of all processes that wait for an operator there."""
    way = ["--direction", direction] if direction else []
    return starter("resolve-all", "retry", "--step", step, *way, "--reason", CAUSE_FIXED)
