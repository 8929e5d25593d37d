"""A card provider with a book of its own, and test values that bring out its bad days.

| token                | what happens                                                                        |
|----------------------|-------------------------------------------------------------------------------------|
| tok_ok               | charged                                                                             |
| tok_declined         | declined, as is every token that isn't here                                         |
| tok_flaky_N          | fails N times as if the network did, then charges                                   |
| tok_hang_after       | charges, but the first call's answer never comes                                    |
| tok_lost_after       | charges, but no answer ever comes, not to `find` either                             |
| tok_lost_found       | charges, but no answer ever comes; `find` tells that it landed                      |
| tok_refund_flaky_N   | charges; the refund fails N times                                                   |
| tok_refund_fails     | charges; the refund always fails                                                    |
"""

import asyncio
import re
from uuid import uuid4

from models.errors import CardDeclined
from models.money import Money
from postgres.database import Database
from providers.ports import CapturedCharge, ProviderRefund
from providers.simulated.book import ALWAYS, Book, Entry, Script

_PLANS = {
    "tok_ok": Script(),
    "tok_hang_after": Script(unanswered=1),
    "tok_lost_after": Script(unanswered=ALWAYS, hidden=True),
    "tok_lost_found": Script(unanswered=ALWAYS),
    "tok_refund_fails": Script(undo_failures=ALWAYS),
}


class SimulatedCardProvider:
    """Implements CardProvider on the schema `card_provider`."""

    def __init__(self, db: Database) -> None:
        self._book = Book(db, "card_provider")

    async def charge(self, key: str, token: str, amount: Money) -> CapturedCharge:
        """Take the amount once for the key, as the token's row above says."""
        plan = _plan(token)
        entry = await self._book.do(
            key,
            plan,
            operation="charge",
            hash=f"{token} {amount}",
            detail={"token": token, "amount": amount.amount, "currency": amount.currency},
            reference=f"ch_{uuid4().hex}",
        )
        if entry.status == "refused":
            raise CardDeclined("the card was declined")
        if entry.calls <= plan.unanswered:
            await _never()
        return _captured(entry)

    async def refund(self, key: str) -> ProviderRefund | None:
        """Give back what was taken under the key; None when nothing was, and then nothing ever will be."""
        entry = await self._book.undo(key, "refund", f"re_{uuid4().hex}")
        if entry.status != "taken_back":
            return None
        return ProviderRefund(entry.reference, entry.undo_reference, _captured(entry).amount)

    async def find(self, key: str) -> CapturedCharge | None:
        """Tell whether a charge landed and still stands."""
        entry = await self._book.find(key)
        if entry is None or entry.status != "taken":
            return None
        if _plan(entry.detail["token"]).hidden:
            await _never()
        return _captured(entry)


def _plan(token: str) -> Script:
    if flaky := re.fullmatch(r"tok_(refund_)?flaky_([0-9]{1,3})", token):
        times = int(flaky[2])
        return Script(undo_failures=times) if flaky[1] else Script(failures=times)
    return _PLANS.get(token, Script(status="refused"))


def _captured(entry: Entry) -> CapturedCharge:
    amount = Money(amount=entry.detail["amount"], currency=entry.detail["currency"])
    return CapturedCharge(entry.reference, amount)


async def _never() -> None:
    """Wait for an answer that was lost on the way; only cancelling ends it."""
    await asyncio.get_running_loop().create_future()
