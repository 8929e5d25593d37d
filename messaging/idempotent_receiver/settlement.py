"""Settling: a pending effect becomes final, together with the effects of other services, or none of them does."""

from dataclasses import dataclass
from typing import Protocol

from models.errors import Final, NotFound, Unavailable
from postgres.pipeline import Pipeline, Sent


@dataclass(frozen=True)
class Settlement:
    """An effect on its way to being final, in a transaction that ends well only when this does."""

    pipeline: Pipeline
    key: str
    sent: Sent
    read: bytes

    async def end(self) -> None:
        """Return once the effect is final; raise NotFound or Final when it isn't done, Unavailable."""
        if await self.sent.row():
            return
        receipt = await (await self.pipeline.send(self.read, {"key": self.key})).row()
        if receipt is None:
            raise NotFound(f"{self.key}: was never done, so it can't be settled")
        if receipt[0] == "done":
            raise Unavailable(f"{self.key}: was done only while it was being settled")
        if receipt[0] != "settled":
            raise Final(f"{self.key}: can't be settled, it is {receipt[0]}")


class SettlingService(Protocol):
    """A service whose pending effects become final with the process that they belong to."""

    async def settle(self, pipeline: Pipeline, key: str) -> Settlement:
        """Send, in the caller's transaction, what makes the effect under the key final."""
        ...
