"""The dead letter channel, with real alerts and a real database: messages are moved once, complete and in order."""

import asyncio
import uuid
from dataclasses import dataclass, field

import pytest

from messaging.dead_letters.dead_letters import DeadLetters
from messaging.dead_letters.fingerprints import fingerprint_of
from messaging.dead_letters.redrive import Redriving
from models.activities.operators import Alert
from models.dead_letters import DeadLetter, LetterStatus, Undeliverable
from models.errors import Conflict, Final, InvalidInput, NotFound, Unavailable
from postgres.database import Database
from services.operators.alerts import Alerts
from services.operators.unsent_alerts import UnsentAlerts
from tests.systems import System

pytestmark = pytest.mark.server


def dead(process: str = "p-1", cause: str = "no such field", **changes: object) -> Undeliverable:
    message = {
        "channel": "events",
        "message_id": f"e-{uuid.uuid4().hex}",
        "original": b'{"half": "a doc',
        "error_type": "InvalidInput",
        "cause": cause,
        "attempts": 4,
        "process_id": f"{process}-{uuid.uuid4().hex[:8]}",
    }
    return Undeliverable.model_validate(message | changes)


@dataclass
class FakeReceiver:
    """A redriver that accepts letters, except those in `refuses`."""

    refuses: set[str] = field(default_factory=set)
    took: list[str] = field(default_factory=list)
    gave_up: list[str] = field(default_factory=list)

    async def redrive(self, letter: DeadLetter) -> None:
        self.took.append(letter.message_id)
        await asyncio.sleep(0.05)
        if letter.message_id in self.refuses:
            raise Unavailable(letter.cause)

    async def discard(self, letter: DeadLetter, unit: Database) -> None:
        self.gave_up.append(letter.message_id)


@dataclass
class Pager:
    """A notifier that fails until `up` is set."""

    up: bool = False
    sent: list[str] = field(default_factory=list)

    async def notify(self, alert: Alert) -> None:
        if not self.up:
            raise Unavailable("the pager gives no answer")
        self.sent.append(alert.key)


@pytest.fixture
def letters(workerless: System) -> DeadLetters:
    return DeadLetters(workerless.db)


def redriving(letters: DeadLetters, receiver: FakeReceiver) -> Redriving:
    return Redriving(letters._db, {"events": receiver})


async def recorded(letters: DeadLetters, *messages: Undeliverable) -> list[DeadLetter]:
    return [await letters.read(await letters.record(message)) for message in messages]


async def test_a_message_is_moved_once_and_completely(letters: DeadLetters) -> None:
    message = dead(original=b"\xff\x00 not text", correlation_id="c-1", place="the relay")

    numbers = {await letters.record(message) for _ in range(3)}

    (letter,) = [await letters.read(number) for number in numbers]
    assert letter.model_dump(include=set(Undeliverable.model_fields)) == message.model_dump()
    assert (letter.status, letter.total_attempts, letter.parent_id) == (LetterStatus.OPEN, 4, None)
    assert [event.action for event in await letters.audit(letter.letter_id)] == ["died"]


async def test_a_move_is_rolled_back_with_its_acknowledgement(workerless: System, letters: DeadLetters) -> None:
    message = dead()

    async def moved() -> None:
        async with workerless.db.transaction() as connection:
            await letters.record(message, connection)
            raise RuntimeError("the acknowledgement failed")

    with pytest.raises(RuntimeError, match="the acknowledgement failed"):
        await moved()

    assert not await letters.is_blocked(str(message.process_id))


async def test_concurrent_recordings_of_one_message_are_one_letter(letters: DeadLetters) -> None:
    message = dead()

    assert len(set(await asyncio.gather(*(letters.record(message) for _ in range(20))))) == 1


async def test_a_fixed_letter_is_redriven_once(letters: DeadLetters) -> None:
    (letter,) = await recorded(letters, dead())
    receiver = FakeReceiver()

    outcome = await redriving(letters, receiver).one(letter.letter_id, "ann", "the schema is fixed")

    assert (outcome.status, receiver.took) == (LetterStatus.REDRIVEN, [letter.message_id])
    audit = [(event.action, event.actor) for event in await letters.audit(letter.letter_id)]
    assert audit == [("died", "system"), ("redriving", "ann"), ("redriven", "ann")]
    with pytest.raises(Conflict, match="is already redriven"):
        await redriving(letters, receiver).one(letter.letter_id, "ann", "again")


async def test_a_letter_that_fails_again_returns_with_its_lineage(letters: DeadLetters) -> None:
    (letter,) = await recorded(letters, dead())
    receiver = FakeReceiver({letter.message_id})

    outcome = await redriving(letters, receiver).one(letter.letter_id, "ann", "hope")

    back = await letters.read(letter.letter_id)
    assert outcome.status is back.status is LetterStatus.OPEN
    assert (back.message_id, back.attempts, back.total_attempts, back.returned) == (letter.message_id, 1, 5, 1)
    assert back.error_type == "Unavailable"
    assert [event.action for event in await letters.audit(letter.letter_id)][-1] == "returned"


async def test_a_message_that_dies_after_a_redrive_names_its_previous_letter(letters: DeadLetters) -> None:
    message = dead()
    (first,) = await recorded(letters, message)
    await redriving(letters, FakeReceiver()).one(first.letter_id, "ann", "fixed")

    (second,) = await recorded(letters, message)

    assert (second.parent_id, second.attempts, second.total_attempts) == (first.letter_id, 4, 8)


async def test_a_dead_letter_blocks_later_events_of_its_process_only(letters: DeadLetters) -> None:
    first = dead("x")
    later = dead(process_id=first.process_id, cause="another")
    one, two = await recorded(letters, first, later)
    redrive = redriving(letters, FakeReceiver())

    assert await letters.is_blocked(str(first.process_id))
    assert await letters.is_blocked(str(first.process_id), "events")
    assert not await letters.is_blocked(str(first.process_id), "recovery")
    assert not await letters.is_blocked("another-process")
    with pytest.raises(Conflict, match="behind an older letter"):
        await redrive.one(two.letter_id, "ann", "out of order")
    await redrive.many([one, two], "ann", "in order")
    assert not await letters.is_blocked(str(first.process_id))


async def test_a_redrive_of_many_skips_a_cause_that_failed_again(letters: DeadLetters) -> None:
    kind = uuid.uuid4().hex[:7].translate(str.maketrans("0123456789", "ghijklmnop"))
    same = await recorded(letters, *(dead(cause=f"no field {kind} in line {n}") for n in range(5)))
    other = await recorded(letters, *(dead(cause=f"late {kind}") for _ in range(2)))
    receiver = FakeReceiver({same[1].message_id})
    assert len({letter.fingerprint for letter in same}) == 1

    outcomes = await redriving(letters, receiver).many([*same, *other], "ann", "try")

    assert receiver.took == [letter.message_id for letter in (same[0], same[1], *other)]
    assert [outcome.status for outcome in outcomes] == ["redriven", "open", "redriven", "redriven"]
    groups = {group.fingerprint: group.count for group in await letters.groups()}
    assert groups[same[2].fingerprint] == 3
    assert other[0].fingerprint not in groups


async def test_of_two_concurrent_redrives_of_a_letter_one_succeeds(letters: DeadLetters) -> None:
    (letter,) = await recorded(letters, dead())
    receiver = FakeReceiver()
    redrive = redriving(letters, receiver)

    ends = await asyncio.gather(
        *(redrive.one(letter.letter_id, who, "fixed") for who in ("ann", "ben")), return_exceptions=True
    )

    assert len(receiver.took) == 1
    assert [type(end) for end in ends].count(Conflict) == 1


async def test_a_discard_needs_a_reason_and_is_audited(letters: DeadLetters) -> None:
    (letter,) = await recorded(letters, dead())

    receiver = FakeReceiver()
    redrive = redriving(letters, receiver)
    with pytest.raises(InvalidInput):
        await redrive.discard(letter.letter_id, "ann", " ")
    assert receiver.gave_up == []
    await redrive.discard(letter.letter_id, "ann", "a test order")

    assert receiver.gave_up == [letter.message_id]

    last = (await letters.audit(letter.letter_id))[-1]
    assert (last.action, last.actor, last.reason) == ("discarded", "ann", "a test order")
    assert not await letters.is_blocked(str(letter.process_id))
    with pytest.raises(Conflict, match="is already discarded"):
        await redrive.discard(letter.letter_id, "ann", "again")


async def test_an_unknown_letter_and_a_channel_without_a_redriver_are_reported(letters: DeadLetters) -> None:
    (letter,) = await recorded(letters, dead(channel="nowhere"))

    with pytest.raises(NotFound):
        await letters.read(0)
    with pytest.raises(Final, match="no redriver is registered for the channel nowhere"):
        await redriving(letters, FakeReceiver()).one(letter.letter_id, "ann", "try")
    assert (await letters.read(letter.letter_id)).status is LetterStatus.OPEN


async def test_an_alert_that_can_not_be_sent_is_given_up_once_and_sent_by_a_redrive(
    workerless: System, letters: DeadLetters
) -> None:
    pager = Pager()
    alerts = Alerts(workerless.db, [pager])
    unsent = UnsentAlerts(workerless.db, letters, alerts)
    order_id = f"o-{uuid.uuid4().hex[:8]}"
    key = f"{order_id}:charge:undo:0"
    alert = Alert(
        key=key,
        order_id=order_id,
        step="charge",
        direction="undo",
        failure="down",
        at_risk=4970,
        currency="EUR",
    )
    assert await alerts.log_once(alert)
    with pytest.raises(Unavailable):
        await alerts.send(alert)

    assert await unsent.give_up(60) == 0
    assert [await unsent.give_up(0), await unsent.give_up(0)] == [1, 0]

    (letter,) = [letter for letter in await letters.open() if letter.message_id == key]
    assert (letter.channel, letter.attempts, letter.blocks) == ("alerts", 20, False)
    with pytest.raises(Unavailable):
        await alerts.send_again(key)
    pager.up = True
    await alerts.send_again(key)
    assert pager.sent == [key]


async def test_an_alert_without_a_receiver_is_never_marked_as_sent(workerless: System, letters: DeadLetters) -> None:
    alerts = Alerts(workerless.db)
    order_id = f"o-{uuid.uuid4().hex[:8]}"
    key = f"{order_id}:charge:undo:0"
    alert = Alert(
        key=key, order_id=order_id, step="charge", direction="undo", failure="down", at_risk=1, currency="EUR"
    )
    await alerts.log_once(alert)

    await alerts.send(alert)

    sent = "select sent_at is not null or given_up_at is not null from operators.alerts where key = %s"
    await UnsentAlerts(workerless.db, letters, alerts).give_up(0)
    assert await workerless.one(sent, key) is False
    with pytest.raises(Conflict, match="the workers have no receiver of alerts"):
        await alerts.send_again(key)


async def test_a_letter_without_a_redriver_does_not_block_other_letters(letters: DeadLetters) -> None:
    lost, good = await recorded(letters, dead(channel="nowhere"), dead(cause="something else"))

    outcomes = await redriving(letters, FakeReceiver()).many([lost, good], "ann", "all")

    assert [outcome.status for outcome in outcomes] == [LetterStatus.OPEN, LetterStatus.REDRIVEN]
    assert "no redriver is registered" in outcomes[0].cause


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("o-1:charge: no answer after 3 s", "o-2:charge: no answer after 4 s", True),
        ("no field 'a'", "no field 'b'", True),
        ("parcel 0e2f8a1b9c44 is lost", "parcel 77aa8a1b9c99 is lost", True),
        ("the card was declined", "the carrier is down", False),
    ],
)
def test_a_fingerprint_depends_on_the_cause_and_not_on_the_order(one: str, other: str, alike: bool) -> None:
    assert (fingerprint_of("c", "E", one, "o-1") == fingerprint_of("c", "E", other, "o-2")) is alike
