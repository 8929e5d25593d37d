"""The redrive of alerts: a worker sends the alert, because only the workers have the notifiers' settings."""

import uuid
from datetime import timedelta

from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

from models.dead_letters import DeadLetter
from models.errors import Conflict, NotFound, Unavailable
from models.names import ALERT_WORKFLOW, TASK_QUEUE
from models.recovery import SendAlert

SECONDS_TO_SEND = timedelta(seconds=30)
REFUSALS = {each.__name__: each for each in (Conflict, NotFound)}


class AlertRedriver:
    """Sends alerts again."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def redrive(self, letter: DeadLetter) -> None:
        """Have a worker send the alert, and wait up to SECONDS_TO_SEND for it.

        Raises Conflict when the workers have no notifier, NotFound when the alert is unknown, Unavailable.
        """
        try:
            await self._client.execute_workflow(
                ALERT_WORKFLOW,
                SendAlert(key=letter.message_id),
                id=f"alert-{uuid.uuid4().hex}",
                task_queue=TASK_QUEUE,
                execution_timeout=SECONDS_TO_SEND,
                static_summary=f"the redrive of letter {letter.letter_id}",
            )
        except WorkflowFailureError as error:
            cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
            if isinstance(cause, ApplicationError):
                raise REFUSALS.get(cause.type or "", Unavailable)(cause.message) from None
            raise Unavailable(f"no worker sent it within {SECONDS_TO_SEND.seconds} s: python worker.py") from None

    async def discard(self, letter: DeadLetter, unit: object) -> None:
        """Do nothing: the alert stays marked as given up."""
