"""Closing an order: one transaction records its outcome and settles its effects or, if undone, seals its keys."""

from dataclasses import replace

from messaging.idempotent_receiver.settlement import SettlingService
from models.activities.base import Closed
from models.activities.orders import CompleteOrder
from models.errors import Conflict, Final, NotFound
from models.names import key
from models.process import UNDONE, Status, Style
from postgres.database import Database
from postgres.pipeline import Pipeline
from services.orders import statements
from services.orders.records import OrderRecord


class OrderClosing:
    """Closes orders, each in one transaction over all services."""

    def __init__(
        self, db: Database, inventory: SettlingService, payments: SettlingService, shipping: SettlingService
    ) -> None:
        self._db = db
        # Shipping first, as in the undos: no parcel of a completed order is ever recalled.
        self._effects = ((shipping, "ship"), (payments, "charge"), (inventory, "reserve"))

    async def close(self, request: CompleteOrder, style: Style = Style.ORCHESTRATED) -> Closed:
        """Record the outcome of an order of this style once, and return the recorded outcome.

        The recorded outcome differs from the request's only between cancelled and compensated: the first one is kept.
        Raises NotFound, Conflict (another body or style), Final (another outcome, or a step not done), Unavailable.
        """
        outcome = Status(request.outcome)
        params = {
            "order_id": request.order_id,
            "hash": request.body_hash,
            "outcome": outcome.value,
            "reason": request.reason,
            "style": style.value,
        }
        async with self._db.pipeline() as pipeline:
            # The order's row is locked first, so that two closings of one order queue there; the stock last, because
            # other orders wait for its rows.
            sent = await pipeline.send(statements.CLOSE, params)
            # The keys are those of this order: a request can't name the effects of another one.
            keys = [(service, key(request.order_id, step)) for service, step in self._effects]
            settling = [await service.settle(pipeline, of_step) for service, of_step in keys if outcome is _DONE]
            closed = await sent.row()
            known = None if closed else await _known(pipeline, request, outcome, style)
            if closed and closed[0] is None and outcome is _DONE:
                raise NotFound(f"{request.order_id}: was never accepted, so it can't be completed")
            for each in settling:
                await each.end()
            if closed and closed[0] is not None and outcome is not _DONE:
                for service, of_step in keys:
                    await service.seal(pipeline, of_step)
        if known is None or known.status is outcome:
            return Closed(outcome=request.outcome)
        return Closed(outcome=known.status.value, reason=known.reason)


_DONE = Status.COMPLETED


async def _known(pipeline: Pipeline, request: CompleteOrder, outcome: Status, style: Style) -> OrderRecord:
    """Return the record of an order that was closed before; raise Conflict, Final.

    Cancelled and compensated have the same effects, so either is accepted when the other is recorded.
    """
    order_id = request.order_id
    found = await (await pipeline.send(statements.READ, {"order_id": order_id})).row()
    known = OrderRecord.of(found) if found else None
    if known and (known.body_hash not in {None, request.body_hash} or (known.body_hash and known.style is not style)):
        if outcome is _DONE:
            raise Conflict(f"{order_id}: is the id of another order, so it can't be completed")
        return replace(known, status=outcome)  # the id is another order's, so this order never had an effect
    if known is None or not (known.status == outcome or {known.status, outcome} <= UNDONE):
        raise Final(f"{order_id}: was closed as {known.status if known else 'unknown'}, not {outcome}")
    return known
