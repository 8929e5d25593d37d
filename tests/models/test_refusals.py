"""A refused update names every mistake in words, as a refused document does."""

from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from models.activities.orders import CompleteOrder
from models.commands import Resolve
from models.external_events import ExternalEvent
from workflows.commands import _edited
from workflows.order.events import _misfit


def test_all_mistakes_of_an_edit_are_reported_at_once_with_suggestions() -> None:
    request = CompleteOrder(key="o-1:complete", order_id="o-1", body_hash="0" * 64, outcome="completed", reason="")
    run: Any = SimpleNamespace(parked={"complete": SimpleNamespace(request=request)})
    command = Resolve(step="complete", verb="edit", actor="a", reason="r", request={"reasn": "x", "outcome": 7})

    with pytest.raises(ApplicationError) as refused:
        _edited(run, command)

    assert "request.reasn: is not a known field; did you mean reason?" in refused.value.message
    assert "request.outcome: " in refused.value.message


def test_all_mistakes_of_a_payload_are_reported_at_once_with_suggestions() -> None:
    run: Any = None
    event = ExternalEvent(event_id="e-1", type="payment_settled", payload={"amout": 1, "currency": "euro"})

    problem = _misfit(event, run)

    assert problem is not None
    assert "payload.amout: is not a known field; did you mean amount?" in problem
    assert "payload.currency: must be" in problem
