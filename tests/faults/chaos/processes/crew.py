"""The worker processes of a run: started, watched and started again, as a process supervisor would."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runtime.embedded.stack import Stack
from tests.faults.chaos.processes.post import DRAIN_SECONDS, Post, post_of

SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BETWEEN_STARTS = 0.5
# Until then a process may not yet have said what a SIGTERM shall do.
SECONDS_TO_BEGIN = 5.0
CANT_REACH = 4


@dataclass(frozen=True)
class End:
    """How a process ended: with which code, and whether we had made it."""

    at: float
    post: str
    code: int
    ours: bool


@dataclass(frozen=True)
class Leaving:
    """A process that was told to leave: when it must have left, and the codes that it may end with."""

    post: Post
    process: subprocess.Popen[bytes]
    until: float
    fine: frozenset[int]


@dataclass(eq=False)
class Crew:
    """All posts, how their processes ended, and the ones that are on their way out."""

    workers: list[Post]
    relay: Post
    ends: list[End] = field(default_factory=list)
    leaving: list[Leaving] = field(default_factory=list)

    @property
    def posts(self) -> list[Post]:
        """The workers and the relay."""
        return [*self.workers, self.relay]

    def relieve(self, post: Post) -> None:
        """Ask the process of a post to leave in good order, and put another in its place at once."""
        if post.process is not None:
            self._see_off(post, post.process)
            post.start()

    def _see_off(self, post: Post, process: subprocess.Popen[bytes]) -> None:
        now = time.monotonic()
        young = now < post.started + SECONDS_TO_BEGIN
        post.send(signal.SIGTERM)
        fine = frozenset({0, -signal.SIGTERM} if young else {0})
        self.leaving.append(Leaving(post, process, now + DRAIN_SECONDS * 3, fine))

    async def watch(self) -> None:
        """Start again whoever has ended, until cancelled."""
        while True:
            for post in self.posts:
                if post.process is None or post.process.poll() is None:
                    continue
                if time.monotonic() > post.started + SECONDS_BETWEEN_STARTS:
                    self._note(post, post.process.returncode, ours=post.struck)
                    post.start()
            self.look_at_leaving()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def look_at_leaving(self) -> None:
        """Note those that have left; one that doesn't leave in time ends with a traceback, which its code will tell."""
        for entry in self.leaving.copy():
            if entry.process.poll() is not None:
                self._note(entry.post, entry.process.returncode, ours=entry.process.returncode in entry.fine)
                self.leaving.remove(entry)
            elif time.monotonic() > entry.until:
                entry.process.send_signal(signal.SIGABRT)

    async def dismiss(self) -> None:
        """Have everybody leave in good order, and wait until they have."""
        for post in self.posts:
            if post.process is not None:
                self._see_off(post, post.process)
                post.process = None
        while self.leaving:
            self.look_at_leaving()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def kill(self) -> None:
        """End whoever is still there, at once."""
        processes = [post.process for post in self.posts if post.process] + [entry.process for entry in self.leaving]
        for process in processes:
            process.kill()
            process.wait()

    def _note(self, post: Post, code: int, *, ours: bool) -> None:
        self.ends.append(End(time.time(), post.name, code, ours))

    def faults(self) -> list[End]:
        """How processes ended that should not have: not by us, and not because they could reach nobody."""
        return [end for end in self.ends if not end.ours and end.code != CANT_REACH]


@asynccontextmanager
async def crew(stack: Stack, folder: Path, workers: int, *, hasty: bool) -> AsyncIterator[Crew]:
    """Run a crew for the length of the block; nobody of it outlives the block."""
    async with AsyncExitStack() as links:
        names = [f"worker-{number}" for number in range(1, workers + 1)] + ["relay-1"]
        posts = [await links.enter_async_context(post_of(name, stack, folder, hasty=hasty)) for name in names]
        made = Crew(posts[:-1], posts[-1])
        watch = asyncio.create_task(made.watch())
        try:
            for post in made.posts:
                post.start()
            yield made
        finally:
            watch.cancel()
            made.kill()
