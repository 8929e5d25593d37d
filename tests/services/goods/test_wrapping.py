"""Gift wrapping: work, receipts and refusals."""

import asyncio

import pytest

from models.activities.wrapping import UnwrapGift, Unwrapped, WrapGift, Wrapped
from models.errors import AlreadyUndone, KeyReused, WrapRefused
from postgres.database import Database
from services.wrapping.wrapping import Wrapping
from tests.conservation import assert_conserved
from tests.services import requests
from tests.services.shop import AnyProcess

UNWRAP = UnwrapGift(key="slip.s-1:wrap", order_id="slip.s-1")


def wrapping(paper: str = "stars") -> WrapGift:
    return WrapGift(key=UNWRAP.key, order_id=UNWRAP.order_id, lines=requests.lines(SKU_1=1), paper=paper)


async def work(db: Database) -> list[str]:
    return [kind for (kind,) in await db.rows(b"select kind from wrapping.work order by at")]


async def test_100_concurrent_wraps_of_one_key_are_one(db: Database) -> None:
    answers = await asyncio.gather(*(Wrapping(db, AnyProcess()).wrap(wrapping()) for _ in range(100)))

    assert set(map(str, answers)) == {str(Wrapped(paper="stars"))}
    assert await work(db) == ["wrap"]


async def test_concurrent_wraps_and_unwraps_leave_nothing_wrapped(db: Database) -> None:
    desk = Wrapping(db, AnyProcess())

    for round_ in range(20):
        key = {"key": f"slip.s-{round_}:wrap"}
        wrap, unwrap = wrapping().model_copy(update=key), UNWRAP.model_copy(update=key)
        await asyncio.gather(*(desk.wrap(wrap) for _ in range(3)), desk.unwrap(unwrap), return_exceptions=True)

    assert await db.rows(b"select key from wrapping.receipts where status = 'done'") == []
    await assert_conserved(db)


async def test_a_gift_can_be_unwrapped_and_is_not_wrapped_again(db: Database) -> None:
    desk = Wrapping(db, AnyProcess())
    await desk.wrap(wrapping())

    for _ in range(2):
        assert await desk.unwrap(UNWRAP) == Unwrapped(paper="stars")

    with pytest.raises(AlreadyUndone):
        await desk.wrap(wrapping())
    assert await work(db) == ["wrap", "unwrap"]


async def test_an_unwrap_before_its_wrap_refuses_the_wrap(db: Database) -> None:
    desk = Wrapping(db, AnyProcess())

    assert await desk.unwrap(UNWRAP) == Unwrapped()

    with pytest.raises(AlreadyUndone):
        await desk.wrap(wrapping())
    assert await work(db) == []


async def test_unknown_paper_is_refused_permanently(db: Database) -> None:
    for _ in range(2):
        with pytest.raises(WrapRefused, match="no paper gold"):
            await Wrapping(db, AnyProcess()).wrap(wrapping("gold"))

    assert await work(db) == []


async def test_the_same_key_for_other_paper_is_an_error(db: Database) -> None:
    await Wrapping(db, AnyProcess()).wrap(wrapping())

    with pytest.raises(KeyReused):
        await Wrapping(db, AnyProcess()).wrap(wrapping("snow"))
