"""The fault proxy: bytes pass unchanged without a fault, and each fault does what its name says."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.faults.chaos.strikes.proxy import ANYTHING, LOOPBACK, RESET, Link

DONE = b"C\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I"


class Server:
    """A server that answers each line after its effect, as a database does."""

    def __init__(self) -> None:
        self.effects: list[bytes] = []
        self.slow = asyncio.Event()
        self.slow.set()
        self.port = 0
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                self.effects.append(line)
                await self.slow.wait()
                writer.write(line + DONE)
        writer.close()
        self.open.discard(writer)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, LOOPBACK, 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()
    await until(lambda: not server.open)


@pytest.fixture
async def link(server: Server) -> AsyncIterator[Link]:
    link = Link("w1 ↔ database", lambda: asyncio.open_connection(LOOPBACK, server.port))
    async with link.open():
        yield link


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not what():
            await asyncio.sleep(0.01)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


Connect = Callable[[Link], Awaitable[Ends]]


@pytest.fixture
async def connected() -> AsyncIterator[Connect]:
    """Return a function that opens connections through a link; they are closed at the end of the test."""
    writers: list[asyncio.StreamWriter] = []

    async def connect(link: Link) -> Ends:
        reader, writer = await asyncio.open_connection(LOOPBACK, link.port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


async def answer(ends: Ends, line: bytes = b"hello\n", seconds: float = 5) -> bytes:
    """Return the answer to a line; empty when the connection ends instead."""
    reader, writer = ends
    async with asyncio.timeout(seconds):
        try:
            writer.write(line)
            await writer.drain()
            return await reader.readexactly(len(line + DONE))
        except (OSError, asyncio.IncompleteReadError):
            return b""


async def test_bytes_pass_unchanged_both_ways(link: Link, connected: Connect) -> None:
    ends = await connected(link)
    long = b"x" * 300_000 + b"\n"
    assert await answer(ends, long[-1000:]) == long[-1000:] + DONE
    assert await answer(ends) == b"hello\n" + DONE
    assert (len(link.conversations), link.asking, link.held) == (1, 0, 0)


async def test_a_close_on_one_side_closes_the_other_side(link: Link, server: Server, connected: Connect) -> None:
    reader, writer = await connected(link)
    await answer((reader, writer))
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    await until(lambda: not link.conversations)


async def test_an_aborted_connection_of_a_worker_ends_at_the_server(
    link: Link, server: Server, connected: Connect
) -> None:
    ends = await connected(link)
    await answer(ends)
    ends[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    ends[1].transport.abort()
    await until(lambda: not server.open and not link.conversations)


async def test_a_link_counts_the_requests_without_an_answer(link: Link, server: Server, connected: Connect) -> None:
    ends, idle = await connected(link), await connected(link)
    await answer(idle)
    server.slow.clear()
    asking = asyncio.create_task(answer(ends))
    await until(lambda: link.asking)
    assert link.asking == 1
    server.slow.set()
    assert await asking
    assert link.asking == 0


async def test_a_cut_breaks_open_and_new_connections_until_healed(link: Link, connected: Connect) -> None:
    first, second = await connected(link), await connected(link)
    await answer(first)
    await answer(second)
    assert link.cut() == 2
    assert await answer(first) == b""
    assert await answer(await connected(link)) == b""
    link.heal()
    assert await answer(await connected(link)) == b"hello\n" + DONE


async def test_a_reset_is_a_tcp_reset_and_not_a_normal_close(link: Link, connected: Connect) -> None:
    reader, writer = await connected(link)
    await answer((reader, writer))
    assert link.reset() == 1
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    assert await answer(await connected(link)) == b"hello\n" + DONE


async def test_a_stall_delays_answers_and_loses_nothing(link: Link, server: Server, connected: Connect) -> None:
    ends = await connected(link)
    await answer(ends)
    assert link.stall() == 1
    waiting = asyncio.create_task(answer(ends, b"held\n"))
    await until(lambda: link.held)
    assert server.effects == [b"hello\n"]
    assert link.asking == 1
    link.heal()
    assert await waiting == b"held\n" + DONE


async def test_a_delay_applies_to_both_directions(link: Link, connected: Connect) -> None:
    ends = await connected(link)
    link.delay = 0.1
    began = asyncio.get_running_loop().time()
    assert await answer(ends)
    assert asyncio.get_running_loop().time() - began >= 0.2
    assert link.held == 2


async def test_a_dropped_reply_leaves_the_effect_and_breaks_the_connection(
    link: Link, server: Server, connected: Connect
) -> None:
    ends = await connected(link)
    link.replies_to_drop = 1
    assert await answer(ends, b"charge\n") == b""
    assert server.effects == [b"charge\n"]
    assert (link.dropped, link.replies_to_drop) == (1, 0)
    assert await answer(await connected(link)) == b"hello\n" + DONE


async def test_only_answers_are_dropped(server: Server) -> None:
    link = Link("w1 ↔ database", lambda: asyncio.open_connection(LOOPBACK, server.port))
    async with link.open():
        link.replies_to_drop = 1
        assert not link._drops(b"R\x00\x00\x00\x08\x00\x00\x00\x00")
        link.answer = ANYTHING
        assert link._drops(b"\x00\x00\x12 a frame of HTTP/2")


async def test_an_unreachable_server_is_a_broken_connection(link: Link, server: Server, connected: Connect) -> None:
    server.port = 1
    assert await answer(await connected(link)) == b""
    await until(lambda: not link.conversations)
