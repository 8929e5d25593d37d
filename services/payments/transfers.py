"""Money by bank transfer: expected without a ledger entry, held once an event says that it arrived.

It shares the receipts and the ledger of payments: the receipt of the key is that of the booking, so that the undo of
a transfer that never arrived leaves a tombstone, moves no money, and has a late booking refused. A transfer to give
back is `returned` in the table of transfers, from which the bank's payment run takes its instructions.
"""

from messaging.idempotent_receiver.receiver import Receiver
from models.activities.payments import BookTransfer, Charge, ExpectTransfer, PendingTransfer, Refunded, RefundPayment
from models.base import fingerprint
from models.errors import AlreadyUndone, KeyReused, TransferRefused, Unavailable
from postgres.database import Database
from services.payments import statements

_RECEIVER = Receiver(
    "payments",
    refused_as=TransferRefused,
    done=statements.TRANSFER_BOOKED,
    undone=statements.TRANSFER_GIVEN_BACK,
    stands=statements.STANDS,
)


class Transfers:
    """Expects, books and gives back transfers."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def expect(self, request: ExpectTransfer) -> PendingTransfer:
        """Write down that the transfer is expected, once; raise KeyReused, AlreadyUndone, Unavailable."""
        money = {"amount": request.amount.amount, "currency": request.amount.currency}
        said = {"key": request.key, "order_id": request.order_id, "reference": request.reference}
        await self._db.rows(statements.EXPECT_TRANSFER, {**said, **money, "hash": fingerprint(request)})
        found = await self.find(request)
        if found is None:
            raise Unavailable(f"{request.key}: the transfer can't be read back")
        return found

    async def find(self, request: ExpectTransfer) -> PendingTransfer | None:
        """Tell whether the transfer is expected; raise KeyReused, AlreadyUndone, Unavailable."""
        row = await self._db.row(statements.FIND_TRANSFER, {"key": request.key})
        if row is None:
            return None
        if row[0] != fingerprint(request):
            raise KeyReused(f"{request.key}: was used for another request")
        if row[1] in {"undone", "tombstone"}:
            raise AlreadyUndone(f"{request.key}: was undone and can't be done any more")
        return PendingTransfer(amount=request.amount, reference=request.reference)

    async def expects(self, key: str) -> bool:
        """Tell whether the key is that of a transfer, whatever became of it."""
        return await self._db.row(statements.FIND_TRANSFER, {"key": key}) is not None

    async def book(self, request: BookTransfer) -> Charge:
        """Hold what arrived, once; raise TransferRefused for another amount, KeyReused, AlreadyUndone, Unavailable."""
        charge = Charge(charge_id=f"tr_{request.event_id}", amount=request.paid)
        refusal = None if request.paid == request.amount else f"{request.paid} arrived, not {request.amount}"
        expected = ExpectTransfer.model_validate(request.model_dump(exclude={"paid", "event_id"}))
        stored = await _RECEIVER.do(
            self._db,
            request,
            refusal=refusal,
            answer=None if refusal else charge.model_dump_json(exclude={"attempt"}),
            order_id=request.order_id,
            event_id=request.event_id,
            reference=request.reference,
            expected=fingerprint(expected),
            amount=request.paid.amount,
            currency=request.paid.currency,
        )
        return Charge.model_validate_json(stored)

    async def give_back(self, request: RefundPayment) -> Refunded:
        """Return what arrived, or expect it no more; raise AlreadySettled, Unavailable."""
        undone = await _RECEIVER.undo(self._db, request, order_id=request.order_id)
        if not undone.was_done or undone.answer is None:
            return Refunded()
        charge = Charge.model_validate_json(undone.answer)
        return Refunded(refund_id=f"re_{charge.charge_id}", amount=charge.amount)
