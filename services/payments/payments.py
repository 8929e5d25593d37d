"""Card payments: an append-only double-entry ledger beside the card provider's own books.

Accounts: `card_clearing` (owed by the card provider), `bank` (received by transfer), `held` (money of running orders)
and `revenue`.
"""

from messaging.idempotent_receiver.admission import AcceptedProcesses, Admission
from messaging.idempotent_receiver.receipts import receipts_of
from messaging.idempotent_receiver.receiver import Receiver
from models.activities.base import Settled
from models.activities.payments import Charge, ChargePayment, Refunded, RefundPayment, SettlePayment
from models.errors import CardDeclined
from models.recovery import EffectReceipt
from postgres.connection import begun
from postgres.database import Database
from providers.ports import CapturedCharge, CardProvider
from services.payments import statements

_RECEIVER = Receiver(
    "payments",
    refused_as=CardDeclined,
    done=statements.CHARGED,
    settled=statements.SETTLED,
    in_force=statements.IN_FORCE,
)


class Payments:
    """Charges and refunds cards, and writes the ledger."""

    def __init__(
        self, db: Database, provider: CardProvider, processes: AcceptedProcesses, outside: Database | None = None
    ) -> None:
        """`outside` is the database for what is read before the provider is called, which no transaction includes."""
        self._db, self._outside = db, outside or db
        self._provider, self._admission = provider, Admission("charge_payment", processes)

    async def charge(self, request: ChargePayment) -> Charge:
        """Charge the amount once; raise CardDeclined, NotAccepted, KeyReused, AlreadyUndone, Unavailable."""
        if not await self._admission.do(request):
            return Charge.model_validate_json(await _RECEIVER.repeated(self._outside, request))
        if answer := await _RECEIVER.recorded(self._outside, request):
            return Charge.model_validate_json(answer)
        try:
            captured = await self._provider.charge(request.key, request.token, request.amount)
        except CardDeclined as declined:
            return await self._record(request, None, str(declined))
        return await self._record(request, captured)

    async def find(self, request: ChargePayment) -> Charge | None:
        """Return the charge if the provider has one, and record it in the ledger; return None otherwise."""
        if not await self._admission.do(request):
            answer = await _RECEIVER.recorded(self._db, request)
            return Charge.model_validate_json(answer) if answer else None
        captured = await self._provider.find(request.key)
        return await self._record(request, captured) if captured else None

    async def _record(
        self, request: ChargePayment, captured: CapturedCharge | None, refusal: str | None = None
    ) -> Charge:
        """Record the provider's answer once, and return the first recorded answer."""
        charge = Charge(charge_id=captured.charge_id, amount=captured.amount) if captured else None
        answer = charge.model_dump_json(exclude={"attempt"}) if charge else None
        money = {"amount": request.amount.amount, "currency": request.amount.currency}
        with begun():  # by the provider's call
            stored = await _RECEIVER.do(
                self._db, request, refusal=refusal, answer=answer, order_id=request.order_id, **money
            )
        return Charge.model_validate_json(stored)

    async def stop(self, request: RefundPayment) -> None:
        """Refuse any later booking of the key's charge, even of one that the provider took.

        Raises NotAccepted, AlreadySettled, Unavailable.
        """
        await self._admission.undo(request)
        await _RECEIVER.undo(self._db, request)

    async def refund(self, request: RefundPayment, unit: Database | None = None) -> Refunded:
        """Refund the key's charge, if there is one; raise NotAccepted, AlreadySettled, Unavailable.

        The ledger is written in the transaction `unit`, if given.
        """
        # The receipt is written first: after it no late charge is booked and no closing can settle, even if the
        # provider's call fails. On a retry, both the provider and the ledger return the first result.
        await self.stop(request)
        with begun():
            refund = await self._provider.refund(request.key)
            if refund is None:
                return Refunded()
            money = {"amount": refund.amount.amount, "currency": refund.amount.currency}
            values = {"key": request.key, "order_id": request.order_id, **money}
            await (unit or self._db).rows(statements.REFUNDED, values)
        return Refunded(refund_id=refund.refund_id, amount=refund.amount)

    async def receipts_of(self, process: str) -> list[EffectReceipt]:
        """Return the receipts of an order or a slip, oldest first; `process` is its name in keys; raise Unavailable."""
        return await receipts_of(self._db, "payments", process, "charge")

    async def settle(self, request: SettlePayment) -> Settled:
        """Move the held money of a card or transfer to revenue; raise NotAccepted, NotFound, Final, Unavailable."""
        await self._admission.settle(request)
        await _RECEIVER.settle(self._db, request)
        return Settled()
