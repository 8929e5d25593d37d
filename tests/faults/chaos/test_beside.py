import asyncio

import pytest

from tests.faults.chaos.beside import beside


async def test_background_work_ends_with_its_block() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with beside(work()):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_an_error_in_background_work_fails_the_block() -> None:
    async def work() -> None:
        raise KeyError("bug")

    async def block() -> None:
        async with beside(work()):
            await asyncio.Event().wait()

    with pytest.raises(KeyError):
        await asyncio.wait_for(block(), 5)
