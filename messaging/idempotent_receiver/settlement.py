"""Settling: the pending effects of several services become final in one transaction, all or none."""

from dataclasses import dataclass
from typing import Protocol

from models.errors import Final, NotFound, Unavailable
from postgres.pipeline import Pipeline, Sent


@dataclass(frozen=True)
class Settlement:
    """A settle statement that was sent; the caller must await `end` before its transaction commits."""

    pipeline: Pipeline
    key: str
    sent: Sent
    read: bytes

    async def had_effect(self) -> bool:
        """Return whether there was an effect to settle, which is final then; raise Unavailable."""
        return await self.sent.row() is not None

    async def end(self) -> None:
        """Return when the effect is final; raise NotFound or Final when there is no effect to settle, Unavailable."""
        if await self.sent.row():
            return
        receipt = await (await self.pipeline.send(self.read, {"key": self.key})).row()
        if receipt is None:
            raise NotFound(f"{self.key}: was never done, so it can't be settled")
        if receipt[0] == "done":
            raise Unavailable(f"{self.key}: was done while it was being settled")
        if receipt[0] != "settled":
            raise Final(f"{self.key}: can't be settled, it is {receipt[0]}")


class SettlingService(Protocol):
    """A service whose pending effects become final when their process ends."""

    async def settle(self, pipeline: Pipeline, key: str) -> Settlement:
        """Send the statement that makes the key's effect final, in the caller's transaction."""
        ...

    async def seal(self, pipeline: Pipeline, key: str) -> None:
        """Send the statement that refuses every later do of a key without a receipt, in the caller's transaction."""
        ...
