"""A TCP proxy between one worker and one server: it forwards bytes until a fault is switched on."""

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
CHUNK = 64 * 1024
# PostgreSQL's completion of a statement: an answer to a request, not a part of the startup.
ANSWER = re.compile(rb"C\x00\x00\x00.(SELECT|INSERT|UPDATE|DELETE|COMMIT)", re.DOTALL)
ANYTHING = re.compile(rb"")
# Closing a socket with this option sends a TCP reset instead of a normal close.
RESET = struct.pack("ii", 1, 0)

Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass(eq=False)
class Conversation:
    """A connection of the worker and its counterpart; `asked` while the worker waits for an answer."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    asked: bool = False

    def reset(self) -> None:
        """Abort both connections, as a crash or a firewall does: bytes in transit are lost."""
        for writer in (self.client, self.server):
            sock = writer.get_extra_info("socket")
            if sock is not None and sock.family != socket.AF_UNIX and not writer.is_closing():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


@dataclass(eq=False)
class Link:
    """The link of a worker to a server, with its current faults."""

    name: str
    dial: Dial
    # A pattern of the server's bytes that count as an answer that can be lost.
    answer: re.Pattern[bytes] = ANSWER
    port: int = 0
    cut_off: bool = False
    delay: float = 0.0
    replies_to_drop: int = 0
    dropped: int = 0
    # The number of chunks that a stall or a delay held up.
    held: int = 0
    conversations: set[Conversation] = field(default_factory=set)
    _question: asyncio.Event = field(default_factory=asyncio.Event)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def asking(self) -> int:
        """The number of connections that wait for an answer of the server."""
        return sum(conversation.asked for conversation in self.conversations)

    async def asked(self) -> None:
        """Wait for the worker's next request."""
        await self._question.wait()

    def reset(self) -> int:
        """Break every connection, once; return how many there were."""
        broken = list(self.conversations)
        for conversation in broken:
            conversation.reset()
        return len(broken)

    def cut(self) -> int:
        """Break every connection, and every new one too, until healed; return how many there were."""
        self.cut_off = True
        return self.reset()

    def stall(self) -> int:
        """Accept everything and deliver nothing until healed; return how many connections there are."""
        self._flows.clear()
        return len(self.conversations)

    def heal(self) -> None:
        """End all faults; held bytes are delivered."""
        self.cut_off, self.delay, self.replies_to_drop = False, 0.0, 0
        self._flows.set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen on a local port for the length of the block."""
        self._flows.set()
        server = await asyncio.start_server(self._converse, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self.heal()
            while self.conversations:
                self.reset()
                await asyncio.sleep(0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await self.dial()
        except OSError:
            writer.transport.abort()
            return
        conversation = Conversation(writer, server)
        if self.cut_off:
            conversation.reset()
            return
        self.conversations.add(conversation)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, server, conversation, to_server=True))
                pumps.create_task(self._pump(answers, writer, conversation, to_server=False))
        finally:
            self.conversations.discard(conversation)
            for end in (writer, server):
                end.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, conversation: Conversation, *, to_server: bool
    ) -> None:
        try:
            while data := await source.read(CHUNK):
                conversation.asked = to_server
                if to_server:
                    self._question.set()
                    self._question.clear()
                await self._hold_up()
                if sink.is_closing() or (not to_server and self._drops(data)):
                    conversation.reset()
                    return
                sink.write(data)
                await sink.drain()
            if sink.can_write_eof() and not sink.is_closing():
                sink.write_eof()
        except OSError:
            # A broken connection on one side breaks the other side, too; the worker and the server must handle it.
            conversation.reset()
        if not to_server:
            conversation.client.close()

    async def _hold_up(self) -> None:
        if self.delay or not self._flows.is_set():
            self.held += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        await self._flows.wait()

    def _drops(self, data: bytes) -> bool:
        """Return whether to drop this answer: its effect has happened, and the worker receives nothing."""
        if self.replies_to_drop == 0 or not self.answer.search(data):
            return False
        self.replies_to_drop -= 1
        self.dropped += 1
        return True
