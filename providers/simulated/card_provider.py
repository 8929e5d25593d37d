"""A simulated card provider with its own book; test tokens select its failures.

| token                | result                                                                              |
|----------------------|-------------------------------------------------------------------------------------|
| tok_ok               | charged                                                                             |
| tok_declined         | declined, like every token that isn't in this table                                 |
| tok_flaky_N          | N calls fail like a network failure, the next one charges                           |
| tok_hang_after       | charged, but the first call never answers                                           |
| tok_lost_after       | charged, but neither `charge` nor `find` ever answers                               |
| tok_lost_found       | charged, but `charge` never answers; `find` returns the charge                      |
| tok_refund_flaky_N   | charged; N refunds fail                                                             |
| tok_refund_fails     | charged; every refund fails                                                         |
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
        """Charge the amount once for the key, with the result of the token in the table above."""
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
            await _never_answer()
        return _charge_of(entry)

    async def refund(self, key: str) -> ProviderRefund | None:
        """Refund the charge of the key; return None when there is none, and refuse any later charge of the key."""
        entry = await self._book.undo(key, "refund", f"re_{uuid4().hex}")
        if entry.status != "taken_back":
            return None
        return ProviderRefund(entry.reference, entry.undo_reference, _charge_of(entry).amount)

    async def find(self, key: str) -> CapturedCharge | None:
        """Return the charge of the key, None when there is none or it was refunded."""
        entry = await self._book.find(key)
        if entry is None or entry.status != "taken":
            return None
        if _plan(entry.detail["token"]).hidden:
            await _never_answer()
        return _charge_of(entry)


def _plan(token: str) -> Script:
    if flaky := re.fullmatch(r"tok_(refund_)?flaky_([0-9]{1,3})", token):
        times = int(flaky[2])
        return Script(undo_failures=times) if flaky[1] else Script(failures=times)
    return _PLANS.get(token, Script(status="refused"))


def _charge_of(entry: Entry) -> CapturedCharge:
    amount = Money(amount=entry.detail["amount"], currency=entry.detail["currency"])
    return CapturedCharge(entry.reference, amount)


async def _never_answer() -> None:
    """Wait until cancelled, as for a lost answer."""
    await asyncio.get_running_loop().create_future()
