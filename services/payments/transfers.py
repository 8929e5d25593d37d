"""Bank transfers: expected without a ledger entry, and booked as `held` when an event reports their arrival.

Transfers share the receipts and the ledger of payments. The receipt of a key is that of the booking, so the undo of a
transfer that never arrived stores a tombstone, moves no money, and makes a late booking fail. A transfer to send back
gets the status `returned` in the table of transfers, from which the bank's payment run takes its instructions.
"""

from messaging.idempotent_receiver.admission import AcceptedProcesses, Admission
from messaging.idempotent_receiver.receiver import Receiver
from models.activities.payments import BookTransfer, Charge, ExpectTransfer, PendingTransfer, Refunded, RefundPayment
from models.base import fingerprint
from models.errors import AlreadyUndone, KeyReused, NotAccepted, TransferRefused, Unavailable
from postgres.connection import begun
from postgres.database import Database
from services.payments import statements

_RECEIVER = Receiver(
    "payments",
    refused_as=TransferRefused,
    done=statements.TRANSFER_BOOKED,
    undone=statements.TRANSFER_RETURNED,
    in_force=statements.IN_FORCE,
)


class Transfers:
    """Expects, books and returns transfers."""

    def __init__(self, db: Database, processes: AcceptedProcesses) -> None:
        self._db, self._admission = db, Admission("charge_payment", processes)

    async def expect(self, request: ExpectTransfer) -> PendingTransfer:
        """Record the expected transfer once; raise NotAccepted, KeyReused, AlreadyUndone, Unavailable."""
        if await self._admission.do(request):
            money = {"amount": request.amount.amount, "currency": request.amount.currency}
            ids = {"key": request.key, "order_id": request.order_id, "reference": request.reference}
            await self._db.rows(statements.EXPECT_TRANSFER, {**ids, **money, "hash": fingerprint(request)})
        elif not await self.expects(request.key):
            raise NotAccepted(f"{request.key}: the order has ended without this step")
        with begun():
            found = await self.find(request)
        if found is None:
            raise Unavailable(f"{request.key}: the transfer can't be read back")
        return found

    async def find(self, request: ExpectTransfer) -> PendingTransfer | None:
        """Return the expected transfer, None when it isn't recorded; raise KeyReused, AlreadyUndone, Unavailable."""
        row = await self._db.row(statements.FIND_TRANSFER, {"key": request.key})
        if row is None:
            return None
        if row[0] != fingerprint(request):
            raise KeyReused(f"{request.key}: was used for another request")
        if row[1] in {"undone", "tombstone"}:
            raise AlreadyUndone(f"{request.key}: was undone and can't be done any more")
        return PendingTransfer(amount=request.amount, reference=request.reference)

    async def expects(self, key: str) -> bool:
        """Return whether the key belongs to a transfer, in any status."""
        return await self._db.row(statements.FIND_TRANSFER, {"key": key}) is not None

    async def book(self, request: BookTransfer) -> Charge:
        """Book an arrived transfer once.

        Raises TransferRefused when the amount differs, without a receipt: the right amount may still arrive. Raises
        NotAccepted, KeyReused, AlreadyUndone, Unavailable.
        """
        if not await self._admission.do(request):
            return Charge.model_validate_json(await _RECEIVER.repeated(self._db, request))
        if request.paid != request.amount:
            raise TransferRefused(f"{request.paid} arrived, not {request.amount}")
        charge = Charge(charge_id=f"tr_{request.event_id}", amount=request.paid)
        expected = ExpectTransfer.model_validate(request.model_dump(exclude={"paid", "event_id"}))
        stored = await _RECEIVER.do(
            self._db,
            request,
            refusal=None,
            answer=charge.model_dump_json(exclude={"attempt"}),
            order_id=request.order_id,
            event_id=request.event_id,
            reference=request.reference,
            expected=fingerprint(expected),
            amount=request.paid.amount,
            currency=request.paid.currency,
        )
        return Charge.model_validate_json(stored)

    async def give_back(self, request: RefundPayment) -> Refunded:
        """Send a booked transfer back, or stop expecting it; raise NotAccepted, AlreadySettled, Unavailable."""
        await self._admission.undo(request)
        undone = await _RECEIVER.undo(self._db, request, order_id=request.order_id)
        if not undone.was_done or undone.answer is None:
            return Refunded()
        charge = Charge.model_validate_json(undone.answer)
        return Refunded(refund_id=f"re_{charge.charge_id}", amount=charge.amount)
