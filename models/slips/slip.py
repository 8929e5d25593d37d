"""A routing slip: an itinerary of named activities that may be revised while it runs, and the commands for it."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from models.base import Message, fingerprint
from models.commands import Actor, PlanHash, Reason
from models.forms import form
from models.order import Id
from models.texts import check_size, check_texts, printable

HOPS_AT_MOST = 50
# A worker that replays the history of a slip applies all of its revisions again, within one workflow task.
REVISIONS_AT_MOST = 200
# Of the whole document, as JSON; of a revision, too.
SLIP_AT_MOST = 32 * 1024
# Of the stops ahead after a revision.
AHEAD_AT_MOST = 48 * 1024
VARIABLES_AT_MOST = 100
ARGUMENTS_AT_MOST = 20
A_YEAR = 366 * 24 * 3600
# Of all amounts of a slip.
CURRENCY = "EUR"
# The steps of every slip; no stop may have one of these names.
OWN_STEPS = frozenset({"accept", "commit", "settle", "complete", "close", "itinerary"})
# A step of this name and a version records a revision.
RECORD = "itinerary-"
# A step of this name and a number settles the effect of a stop.
SETTLE = "settle-"


def is_own(step: str) -> bool:
    """Return whether a step belongs to every slip, so that no stop may have its name."""
    return step in OWN_STEPS or step.startswith((RECORD, SETTLE))


NAME_AT_MOST = 64
_NAME = "1 to 64 lower-case letters, digits, - and _, and start with a letter"
Name = Annotated[str, form(r"^[a-z][a-z0-9_-]{0,63}$", _NAME)]


class Stop(Message):
    """One stop: its name in this slip, the activity to run there, and its arguments.

    The argument {"$var": "colour"} is a variable of the slip, {"$var": "price.total"} a field of an earlier answer.
    """

    name: Name
    activity: Annotated[str, Field(max_length=64), AfterValidator(printable)]
    arguments: Annotated[dict[str, JsonValue], Field(max_length=ARGUMENTS_AT_MOST)] = Field(default_factory=dict)


class RoutingSlip(Message):
    """An itinerary and its variables; `max_hops` limits all stops, also those that revisions insert."""

    slip_id: Id
    version: Annotated[int, Field(ge=1, le=1)] = 1
    itinerary: Annotated[tuple[Stop, ...], Field(min_length=1, max_length=HOPS_AT_MOST)]
    variables: Annotated[dict[Name, JsonValue], Field(max_length=VARIABLES_AT_MOST)] = Field(default_factory=dict)
    max_hops: Annotated[int, Field(ge=1, le=HOPS_AT_MOST)] = 20
    deadline_seconds: Annotated[int, Field(ge=1, le=A_YEAR)] | None = None

    @model_validator(mode="after")
    def _only_printable_texts(self) -> Self:
        check_size("slip", self.model_dump(include={"itinerary", "variables"}), SLIP_AT_MOST)
        check_texts("variables", self.variables)
        for number, stop in enumerate(self.itinerary):
            check_texts(f"itinerary[{number}].arguments", stop.arguments)
        return self

    def body_hash(self) -> str:
        """Return the fingerprint that distinguishes a repeated slip from another one with the same id."""
        return fingerprint(self)


Stops = Annotated[tuple[Stop, ...], Field(max_length=HOPS_AT_MOST)]


class Revision(Message):
    """A change of the stops ahead: `replace` all of them, or `drop` stops by name and `insert` others.

    The inserted stops come next, or `before` or `after` a stop. `terminate` ends the slip after the current stop and
    undoes none.
    """

    replace: Stops | None = None
    drop: Annotated[tuple[Name, ...], Field(max_length=HOPS_AT_MOST)] = ()
    insert: Stops = ()
    before: Name | None = None
    after: Name | None = None
    terminate: bool = False
    reason: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        parts = bool(self.drop or self.insert)
        if parts + (self.replace is not None) + self.terminate != 1:
            raise ValueError("revision: must either replace, or drop and insert, or terminate")
        if (self.before or self.after) and (not self.insert or (self.before and self.after)):
            raise ValueError("revision: give either before or after, and only with insert")
        check_size("revision", self.model_dump(), SLIP_AT_MOST)
        for stop in (*self.insert, *(self.replace or ())):
            check_texts(f"{stop.name}.arguments", stop.arguments)
        return self


class ReviseSlip(Message):
    """An operator's revision; with `version`, refused unless the slip has that version."""

    revision: Revision
    actor: Actor
    reason: Reason
    version: Annotated[int, Field(ge=1, le=10**6)] | None = None


class CancelSlip(Message):
    """Cancel the slip and undo its stops; with `plan`, refused unless the undo plan has that hash."""

    reason: Reason
    actor: Actor = "unknown"
    plan: PlanHash | None = None


class Review(Message):
    """An operator's decision at a review stop."""

    stop: Name
    verdict: Literal["approve", "reject"]
    actor: Actor
    reason: Reason


class SlipCommandAccepted(Message):
    """The reply to an accepted command; `status` and `version` are those of the slip right after it."""

    slip_id: str
    status: str
    version: int


class SlipResult(Message):
    """The result of a slip: returned by the workflow, or in the details of its failure.

    A client that reads a running slip sets the status `running`, `waiting` or `needs_attention`.
    """

    slip_id: str
    status: Literal[
        "completed", "terminated", "compensated", "cancelled", "failed", "running", "waiting", "needs_attention"
    ]
    version: int = 1
    failed_step: str | None = None
    reason: str | None = None
    undone: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    answers: dict[str, Any] = Field(default_factory=dict)


def unread_slip(slip_id: str) -> RoutingSlip:
    """Return a stand-in for a slip that a recovery has not read yet: it has an id and no stops."""
    return RoutingSlip.model_construct(slip_id=slip_id, version=1, itinerary=(), variables={}, max_hops=HOPS_AT_MOST)
