"""What the services of orders and slips accepted, for the participants: remembered for a minute, read otherwise."""

import time
from collections import OrderedDict
from typing import Protocol

from models.accepted import AcceptedProcess
from models.names import slip_of
from postgres.database import Database
from services.orders.orders import Orders
from services.slips.slips import Slips

BYTES_AT_MOST = 16 * 1024 * 1024
# Only open processes are remembered. One that another worker process has ended since may be taken for open that long.
SECONDS = 60.0


class Accepting(Protocol):
    """A service that accepts processes."""

    async def accepted(self, process_id: str) -> AcceptedProcess | None:
        """Return what was accepted under an id, None when nothing was; raise Unavailable."""
        ...


class Source(Protocol):
    """Where accepted processes are looked up."""

    async def find(self, process: str) -> AcceptedProcess | None:
        """Return an accepted process by its name in keys, None when there is none; raise Unavailable."""
        ...


class Stored:
    """Looks them up in the services of orders and slips."""

    def __init__(self, orders: Accepting, slips: Accepting) -> None:
        self._orders, self._slips = orders, slips

    async def find(self, process: str) -> AcceptedProcess | None:
        """Return an accepted process by its name in keys, None when there is none; raise Unavailable."""
        slip_id = slip_of(process)
        return await (self._orders.accepted(process) if slip_id is None else self._slips.accepted(slip_id))


class AcceptedMemory:
    """Accepted processes as JSON, the latest ones, up to BYTES_AT_MOST in total."""

    def __init__(self, bytes_at_most: int = BYTES_AT_MOST, seconds: float = SECONDS) -> None:
        self._most, self._seconds, self._bytes = bytes_at_most, seconds, 0
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def get(self, process: str) -> AcceptedProcess | None:
        """Return a remembered process."""
        since, text = self._known.get(process, (0.0, ""))
        if not text or time.monotonic() - since > self._seconds:
            return None
        self._known.move_to_end(process)
        return AcceptedProcess.model_validate_json(text)

    def forget(self, process: str) -> None:
        """Forget a process, because it has ended."""
        _, text = self._known.pop(process, (0.0, ""))
        self._bytes -= len(text)

    def put(self, accepted: AcceptedProcess) -> None:
        """Remember a process, and forget the ones asked for longest ago that don't fit any more."""
        text = accepted.model_dump_json()
        _, before = self._known.pop(accepted.process, (0.0, ""))
        self._known[accepted.process] = (time.monotonic(), text)
        self._bytes += len(text) - len(before)
        while self._bytes > self._most:
            _, (_, oldest) = self._known.popitem(last=False)
            self._bytes -= len(oldest)


class Accepted:
    """The port of the participants to the services of orders and slips."""

    def __init__(self, source: Source, memory: AcceptedMemory) -> None:
        self._source, self._memory = source, memory

    async def of(self, process: str, *, fresh: bool = False) -> AcceptedProcess | None:
        """Return an accepted process by its name in keys, None when there is none; raise Unavailable.

        Without `fresh` the answer may be a minute old.
        """
        if not fresh and (known := self._memory.get(process)):
            return known
        found = await self._source.find(process)
        # One that has ended may be pruned at any time. Its receipts are gone then, so that a repeated request would do
        # its step again if the process were still remembered as one with receipts.
        if found and not found.ended:
            self._memory.put(found)
        return found


def accepted_on(db: Database) -> Accepted:
    """Return the port to the orders and slips of a database."""
    return Accepted(Stored(Orders(db), Slips(db)), AcceptedMemory())
