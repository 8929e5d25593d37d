"""The worker processes of a run: started, watched and restarted, as by a process supervisor."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.chaos.processes.post import DRAIN_SECONDS, Places, Post, post_of

SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BETWEEN_STARTS = 0.5
# Before that a process may not have installed its SIGTERM handler.
SECONDS_TO_BEGIN = 5.0
CANT_REACH = 4


@dataclass(frozen=True)
class End:
    """The end of a process: its exit code, and whether the run itself caused the end."""

    at: float
    post: str
    code: int
    expected: bool


@dataclass(frozen=True)
class Leaving:
    """A process that received SIGTERM: its deadline, and its allowed exit codes."""

    post: Post
    process: subprocess.Popen[bytes]
    until: float
    fine: frozenset[int]


@dataclass(eq=False)
class Crew:
    """All posts, the ends of their processes, and the processes that are stopping."""

    workers: list[Post]
    relay: Post
    ends: list[End] = field(default_factory=list)
    leaving: list[Leaving] = field(default_factory=list)

    @property
    def posts(self) -> list[Post]:
        """The workers and the relay."""
        return [*self.workers, self.relay]

    def relieve(self, post: Post) -> None:
        """Stop the process of a post gracefully, and start another one at once."""
        if post.process is not None:
            self._terminate(post, post.process)
            post.start()

    def _terminate(self, post: Post, process: subprocess.Popen[bytes]) -> None:
        now = time.monotonic()
        young = now < post.started + SECONDS_TO_BEGIN
        post.send(signal.SIGTERM)
        fine = frozenset({0, -signal.SIGTERM} if young else {0})
        self.leaving.append(Leaving(post, process, now + DRAIN_SECONDS * 3, fine))

    async def watch(self) -> None:
        """Restart processes that have ended, until cancelled."""
        while True:
            for post in self.posts:
                if post.process is None or post.process.poll() is None:
                    continue
                if time.monotonic() > post.started + SECONDS_BETWEEN_STARTS:
                    self._note(post, post.process.returncode, expected=post.struck)
                    post.start()
            self.look_at_leaving()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def look_at_leaving(self) -> None:
        """Record the processes that have stopped; abort one after its deadline, which its exit code shows."""
        for entry in self.leaving.copy():
            if entry.process.poll() is not None:
                self._note(entry.post, entry.process.returncode, expected=entry.process.returncode in entry.fine)
                self.leaving.remove(entry)
            elif time.monotonic() > entry.until:
                entry.process.send_signal(signal.SIGABRT)

    async def dismiss(self) -> None:
        """Stop all processes gracefully, and wait until they have ended."""
        for post in self.posts:
            if post.process is not None:
                self._terminate(post, post.process)
                post.process = None
        while self.leaving:
            self.look_at_leaving()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def kill(self) -> None:
        """Kill all remaining processes."""
        processes = [post.process for post in self.posts if post.process] + [entry.process for entry in self.leaving]
        for process in processes:
            process.kill()
            process.wait()

    def _note(self, post: Post, code: int, *, expected: bool) -> None:
        self.ends.append(End(time.time(), post.name, code, expected))

    def unexpected_ends(self) -> list[End]:
        """Return the unexpected ends: not caused by the run, and not because a server was unreachable."""
        return [end for end in self.ends if not end.expected and end.code != CANT_REACH]


@asynccontextmanager
async def crew(places: Places, folder: Path, workers: Sequence[str], *, hasty: bool) -> AsyncIterator[Crew]:
    """Run a crew for the length of the block; no process outlives the block."""
    async with AsyncExitStack() as links:
        names = [*workers, "relay-1"]
        posts = [await links.enter_async_context(post_of(name, places, folder, hasty=hasty)) for name in names]
        made = Crew(posts[:-1], posts[-1])
        watch = asyncio.create_task(made.watch())
        try:
            for post in made.posts:
                post.start()
            yield made
        finally:
            watch.cancel()
            made.kill()
