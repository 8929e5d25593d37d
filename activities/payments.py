"""The payments service as activities."""

from temporalio import activity

from models.steps import (
    BookTransfer,
    Charge,
    ChargePayment,
    ExpectTransfer,
    PendingTransfer,
    Refunded,
    RefundPayment,
)
from services.payments import Payments
from services.transfers import Transfers


class PaymentActivities:
    """Charge, and refund."""

    def __init__(self, payments: Payments, transfers: Transfers) -> None:
        self._payments, self._transfers = payments, transfers

    @activity.defn
    async def charge_payment(self, request: ChargePayment | ExpectTransfer) -> Charge | PendingTransfer:
        """Take the money, refused when the provider declines; or expect it by transfer."""
        if isinstance(request, ExpectTransfer):
            return await self._transfers.expect(request)
        return await self._payments.charge(request)

    @activity.defn
    async def find_charge(self, request: ChargePayment | ExpectTransfer) -> Charge | PendingTransfer | None:
        """Tell whether a charge without an answer landed, or whether the transfer is expected."""
        if isinstance(request, ExpectTransfer):
            return await self._transfers.find(request)
        return await self._payments.find(request)

    @activity.defn
    async def book_transfer(self, request: BookTransfer) -> Charge:
        """Write down the transfer that arrived; refused when it is another amount."""
        return await self._transfers.book(request)

    @activity.defn
    async def refund_payment(self, request: RefundPayment) -> Refunded:
        """Give back what was charged or transferred, if anything was."""
        if await self._transfers.expects(request.key):
            return await self._transfers.give_back(request)
        return await self._payments.refund(request)
