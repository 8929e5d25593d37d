"""A routing slip: an itinerary of named activities that travels with the process and may change on the way."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from models.base import Message, fingerprint
from models.commands import Actor, PlanHash, Reason
from models.order import Id
from models.texts import check_texts, printable

HOPS_AT_MOST = 50
A_YEAR = 366 * 24 * 3600
# Steps that every slip has, whatever its itinerary.
OWN_STEPS = frozenset({"accept", "commit", "settle", "close", "itinerary"})

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class Stop(Message):
    """One stop: its name in this slip, the activity to run there, and its arguments.

    An argument {"$var": "colour"} is the slip's variable, {"$var": "price.total"} a field of an earlier stop's answer.
    """

    name: Name
    activity: Annotated[str, Field(max_length=64), AfterValidator(printable)]
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class RoutingSlip(Message):
    """What is to be done, stop after stop; `max_hops` counts all stops, also those that revisions insert."""

    slip_id: Id
    version: Annotated[int, Field(ge=1, le=1)] = 1
    itinerary: Annotated[tuple[Stop, ...], Field(min_length=1)]
    variables: dict[Name, JsonValue] = Field(default_factory=dict)
    max_hops: Annotated[int, Field(ge=1, le=HOPS_AT_MOST)] = 20
    deadline_seconds: Annotated[int, Field(ge=1, le=A_YEAR)] | None = None

    @model_validator(mode="after")
    def _only_texts_fit_for_people(self) -> Self:
        check_texts("variables", self.variables)
        for number, stop in enumerate(self.itinerary):
            check_texts(f"itinerary[{number}].arguments", stop.arguments)
        return self

    def body_hash(self) -> str:
        """Return the fingerprint that tells a repeated slip from another one with the same id."""
        return fingerprint(self)


class Revision(Message):
    """How what is ahead changes: `replace` all of it, or `drop` stops by name and `insert` some, by default next.

    `terminate` ends the slip after the stop that is under way: what was done stays done.
    """

    replace: tuple[Stop, ...] | None = None
    drop: tuple[Name, ...] = ()
    insert: tuple[Stop, ...] = ()
    before: Name | None = None
    after: Name | None = None
    terminate: bool = False
    reason: str = ""

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        parts = bool(self.drop or self.insert)
        if parts + (self.replace is not None) + self.terminate != 1:
            raise ValueError("revision: must either replace, or drop and insert, or terminate")
        if (self.before or self.after) and (not self.insert or (self.before and self.after)):
            raise ValueError("revision: before or after tells where to insert, one of them")
        for stop in (*self.insert, *(self.replace or ())):
            check_texts(f"{stop.name}.arguments", stop.arguments)
        return self


class ReviseSlip(Message):
    """A person's revision; with `version`, only while the slip still has that one."""

    revision: Revision
    actor: Actor
    reason: Reason
    version: int | None = None


class CancelSlip(Message):
    """Cancel the slip and undo what was done; with `plan`, only while the undo plan still has that hash."""

    reason: Reason
    actor: Actor = "unknown"
    plan: PlanHash | None = None


class Review(Message):
    """A person's verdict at a review stop."""

    stop: Name
    verdict: Literal["approve", "reject"]
    actor: Actor
    reason: Reason


class SlipCommandAccepted(Message):
    """The command was taken; the status and the version are the slip's right after it."""

    slip_id: str
    status: str
    version: int


class SlipResult(Message):
    """How a slip ended: what the workflow returns, or carries in the details of its failure.

    A client that looks at a slip on its way says so in the status: `running`, `waiting` or `needs_attention`.
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
