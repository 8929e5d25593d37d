"""The activities of the payments service."""

from typing import Protocol

from temporalio import activity

from models.activities.base import Settled
from models.activities.payments import (
    BookTransfer,
    Charge,
    ChargePayment,
    ExpectTransfer,
    PendingTransfer,
    Refunded,
    RefundPayment,
    SettlePayment,
)
from models.activities.receipts import FindReceipts, Receipts
from models.recovery import EffectReceipt


class PaymentsService(Protocol):
    """The port to the service for card payments."""

    async def charge(self, request: ChargePayment) -> Charge:
        """Charge the amount once per key; raise CardDeclined."""
        ...

    async def find(self, request: ChargePayment) -> Charge | None:
        """Return the charge if the provider has it, and record it; otherwise return None."""
        ...

    async def refund(self, request: RefundPayment) -> Refunded:
        """Refund the charge under the key, if any."""
        ...

    async def settle(self, request: SettlePayment) -> Settled:
        """Earn the money under the key, by card or transfer."""
        ...

    async def receipts_of(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of an order or a slip, oldest first."""
        ...


class TransfersService(Protocol):
    """The port to the service for bank transfers."""

    async def expect(self, request: ExpectTransfer) -> PendingTransfer:
        """Record the expected transfer, once per key."""
        ...

    async def find(self, request: ExpectTransfer) -> PendingTransfer | None:
        """Return the transfer if it is expected, otherwise None."""
        ...

    async def expects(self, key: str) -> bool:
        """Return whether the key belongs to a transfer, in any state."""
        ...

    async def book(self, request: BookTransfer) -> Charge:
        """Record the transfer that arrived, once; raise TransferRefused for another amount."""
        ...

    async def give_back(self, request: RefundPayment) -> Refunded:
        """Refund the transfer that arrived, or stop expecting it."""
        ...


class PaymentActivities:
    """Activities that charge cards, expect bank transfers, and refund both."""

    def __init__(self, payments: PaymentsService, transfers: TransfersService) -> None:
        self._payments, self._transfers = payments, transfers

    @activity.defn
    async def charge_payment(self, request: ChargePayment | ExpectTransfer) -> Charge | PendingTransfer:
        """Charge the card, or record an expected bank transfer; raise CardDeclined when the provider declines."""
        if isinstance(request, ExpectTransfer):
            return await self._transfers.expect(request)
        return await self._payments.charge(request)

    @activity.defn
    async def find_charge(self, request: ChargePayment | ExpectTransfer) -> Charge | PendingTransfer | None:
        """Return the charge of a call without an answer, or the expected transfer; None if there is none."""
        if isinstance(request, ExpectTransfer):
            return await self._transfers.find(request)
        return await self._payments.find(request)

    @activity.defn
    async def book_transfer(self, request: BookTransfer) -> Charge:
        """Record the transfer that arrived; raise TransferRefused for another amount."""
        return await self._transfers.book(request)

    @activity.defn
    async def refund_payment(self, request: RefundPayment) -> Refunded:
        """Refund the charge or the transfer, if any."""
        if await self._transfers.expects(request.key):
            return await self._transfers.give_back(request)
        return await self._payments.refund(request)

    @activity.defn
    async def settle_payment(self, request: SettlePayment) -> Settled:
        """Earn the held money; an undo is refused from then on."""
        return await self._payments.settle(request)

    @activity.defn
    async def find_payment_receipts(self, request: FindReceipts) -> Receipts:
        """Return what is known of the process of the calling workflow."""
        return Receipts(receipts=tuple(await self._payments.receipts_of(request.order_id)))
