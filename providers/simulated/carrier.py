"""A simulated carrier with its own book. Postcode 00000 is refused; 0000N fails N times like a network failure."""

import re
from uuid import uuid4

from models.base import Message, fingerprint
from models.errors import ShipmentRefused
from models.order import Address, Line
from postgres.database import Database
from providers.simulated.book import Book, Script


class _Parcel(Message):
    """What one key hands over."""

    lines: tuple[Line, ...]
    ship_to: Address


class SimulatedCarrier:
    """Implements Carrier on the schema `carrier`."""

    def __init__(self, db: Database) -> None:
        self._book = Book(db, "carrier")

    async def create(self, key: str, lines: tuple[Line, ...], ship_to: Address) -> str:
        """Accept one parcel for the key, with the result of its postcode; return its tracking number."""
        entry = await self._book.do(
            key,
            _plan(ship_to.postcode),
            operation="create",
            hash=fingerprint(_Parcel(lines=lines, ship_to=ship_to)),
            detail={"postcode": ship_to.postcode, "pieces": sum(line.quantity for line in lines)},
            reference=f"TRK-{uuid4().hex[:16].upper()}",
        )
        if entry.status == "refused":
            raise ShipmentRefused("the carrier doesn't deliver to this postcode")
        return entry.reference

    async def cancel(self, key: str) -> str | None:
        """Recall the key's parcel and return its tracking number; return None without one, and refuse any later one."""
        entry = await self._book.undo(key, "cancel", f"RET-{uuid4().hex[:16].upper()}")
        return entry.reference if entry.status == "taken_back" else None

    async def find(self, key: str) -> str | None:
        """Return the tracking number of the key's parcel, None when the carrier has none."""
        entry = await self._book.find(key)
        return entry.reference if entry is not None and entry.status == "taken" else None


def _plan(postcode: str) -> Script:
    if postcode == "00000":
        return Script(status="refused")
    flaky = re.fullmatch(r"0000([1-9])", postcode)
    return Script(failures=int(flaky[1])) if flaky else Script()
