"""The payments service as activities."""

from typing import Protocol

from temporalio import activity

from models.activities.payments import (
    BookTransfer,
    Charge,
    ChargePayment,
    ExpectTransfer,
    PendingTransfer,
    Refunded,
    RefundPayment,
)


class PaymentsService(Protocol):
    """What these activities need of the service for cards."""

    async def charge(self, request: ChargePayment) -> Charge:
        """Take the amount once."""
        ...

    async def find(self, request: ChargePayment) -> Charge | None:
        """Return the charge if it landed, and book it."""
        ...

    async def refund(self, request: RefundPayment) -> Refunded:
        """Give back what was charged under the key, if anything was."""
        ...


class TransfersService(Protocol):
    """What these activities need of the service for bank transfers."""

    async def expect(self, request: ExpectTransfer) -> PendingTransfer:
        """Write down that the transfer is expected, once."""
        ...

    async def find(self, request: ExpectTransfer) -> PendingTransfer | None:
        """Return the transfer if it is expected."""
        ...

    async def expects(self, key: str) -> bool:
        """Tell whether the key is that of a transfer, whatever became of it."""
        ...

    async def book(self, request: BookTransfer) -> Charge:
        """Hold what arrived, once."""
        ...

    async def give_back(self, request: RefundPayment) -> Refunded:
        """Return what arrived, or stop expecting it."""
        ...


class PaymentActivities:
    """Charge, and refund."""

    def __init__(self, payments: PaymentsService, transfers: TransfersService) -> None:
        self._payments, self._transfers = payments, transfers

    @activity.defn
    async def charge_payment(self, request: ChargePayment | ExpectTransfer) -> Charge | PendingTransfer:
        """Take the money, refused when the provider declines; or expect it by transfer."""
        if isinstance(request, ExpectTransfer):
            return await self._transfers.expect(request)
        return await self._payments.charge(request)

    @activity.defn
    async def find_charge(self, request: ChargePayment | ExpectTransfer) -> Charge | PendingTransfer | None:
        """Return the charge without an answer if it landed, or the transfer if it is expected."""
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
