"""What a worker of `orders` answers for an activity that was sent to it before its service was apart."""

from collections.abc import Sequence

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from models.errors import NotBegun
from models.participants import service_of


class Elsewhere:
    """The activities that a worker doesn't have; `apart` are the services apart."""

    def __init__(self, apart: Sequence[str]) -> None:
        self._apart = frozenset(apart)

    @activity.defn(dynamic=True)
    async def elsewhere(self, _: Sequence[RawValue]) -> None:
        """Fail as not begun: the saga then calls the activity again, on the task queue of its service.

        Without this the server would repeat the activity here, without an end if its attempts have no limit.
        """
        name = activity.info().activity_type
        service = service_of(name)
        if service in self._apart:
            why = f"{name}: the service {service} has a task queue of its own now"
            raise ApplicationError(why, 0, type=NotBegun.__name__, non_retryable=True)
        # As the SDK answers.
        raise ApplicationError(f"Activity function {name} is not registered on this worker", type="NotFoundError")
