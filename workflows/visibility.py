"""Updates of the current details in the Web UI and of the search attributes in the visibility store."""

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from temporal_saga import Run

with workflow.unsafe.imports_passed_through():
    from models.names import AT_RISK_ATTRIBUTE, STATUS_ATTRIBUTE

STATUS = SearchAttributeKey.for_keyword(STATUS_ATTRIBUTE)
AT_RISK = SearchAttributeKey.for_int(AT_RISK_ATTRIBUTE)


class VisibilityUpdater:
    """Updates a workflow's details at every step, and its search attributes only when a run leaves the happy path.

    `table` makes the details.
    """

    def __init__(self, table: Callable[[], str]) -> None:
        self._table, self._stale = table, False
        self._status, self._at_risk = "", 0

    def update(self, run: Run[Any]) -> None:
        """Set the details to the table, and upsert the status and the amount at risk if they have changed."""
        if not self._stale:
            # Queries are answered after the changes of an activation, so those in a row are drawn once, at their end.
            self._stale = True
            asyncio.get_running_loop().call_soon(self._draw)
        status, at_risk = run.status, run.at_risk
        if (status, at_risk) == (self._status, self._at_risk):
            return
        if status in {"running", "completed"} and not self._status:
            return
        updates: list[SearchAttributeUpdate[Any]] = [STATUS.value_set(status)]
        if at_risk != self._at_risk:
            updates.append(AT_RISK.value_set(at_risk))
        self._status, self._at_risk = status, at_risk
        workflow.upsert_search_attributes(updates)

    def _draw(self) -> None:
        self._stale = False
        workflow.set_current_details(self._table())
