"""Money: an append-only double-entry ledger beside the card provider's own book.

Accounts: `card_clearing` (what the provider owes us), `bank` (what came by transfer), `held` (of orders in flight)
and `revenue`.
"""

from messaging.idempotent_receiver.receiver import Receiver
from messaging.idempotent_receiver.settlement import Settlement
from models.activities.payments import Charge, ChargePayment, Refunded, RefundPayment
from models.errors import CardDeclined
from postgres.database import Database
from postgres.pipeline import Pipeline
from providers.ports import CapturedCharge, CardProvider
from services.payments import statements

_RECEIVER = Receiver(
    "payments",
    refused_as=CardDeclined,
    done=statements.CHARGED,
    settled=statements.SETTLED,
    stands=statements.STANDS,
)


class Payments:
    """Charges and refunds cards, and keeps the ledger."""

    def __init__(self, db: Database, provider: CardProvider) -> None:
        self._db = db
        self._provider = provider

    async def charge(self, request: ChargePayment) -> Charge:
        """Take the amount once; raise CardDeclined, KeyReused, AlreadyUndone, Unavailable."""
        try:
            captured = await self._provider.charge(request.key, request.token, request.amount)
        except CardDeclined as declined:
            return await self._keep(request, None, str(declined))
        return await self._keep(request, captured)

    async def find(self, request: ChargePayment) -> Charge | None:
        """Tell whether the charge landed, and book it if it did; None when the provider has none."""
        captured = await self._provider.find(request.key)
        return await self._keep(request, captured) if captured else None

    async def _keep(
        self, request: ChargePayment, captured: CapturedCharge | None, refusal: str | None = None
    ) -> Charge:
        """Write down what the provider answered, once, and return what was written down first."""
        charge = Charge(charge_id=captured.charge_id, amount=captured.amount) if captured else None
        answer = charge.model_dump_json(exclude={"attempt"}) if charge else None
        money = {"amount": request.amount.amount, "currency": request.amount.currency}
        stored = await _RECEIVER.do(
            self._db, request, refusal=refusal, answer=answer, order_id=request.order_id, **money
        )
        return Charge.model_validate_json(stored)

    async def stop(self, request: RefundPayment) -> None:
        """Book no charge under the key from here on, whatever the provider took; raise AlreadySettled, Unavailable."""
        await _RECEIVER.undo(self._db, request)

    async def refund(self, request: RefundPayment, unit: Database | None = None) -> Refunded:
        """Give back what was charged under the key, if anything was; raise AlreadySettled, Unavailable.

        The ledger is written in the transaction of `unit`, if one is given.
        """
        # Our receipt first: from here on no late charge is booked and no closing can settle, whatever
        # becomes of the call below. Asked again, the provider and the ledger both answer as the first time.
        await self.stop(request)
        given_back = await self._provider.refund(request.key)
        if given_back is None:
            return Refunded()
        amount = given_back.amount
        money = {"amount": amount.amount, "currency": amount.currency}
        await (unit or self._db).rows(
            statements.GIVEN_BACK, {"key": request.key, "order_id": request.order_id, **money}
        )
        return Refunded(refund_id=given_back.refund_id, amount=amount)

    async def settle(self, pipeline: Pipeline, key: str) -> Settlement:
        """Turn the money held under the key into revenue, in the caller's transaction; sent, and still to be ended."""
        return await _RECEIVER.settle(pipeline, key)
