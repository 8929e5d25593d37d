"""A case: an order with one fault at one point of one step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.faults.explorer.matrix import paths
from tests.faults.explorer.matrix.faults import (
    ACTIONS,
    AGAIN,
    DEADLY,
    EACH_TIME,
    FROM_OUTSIDE,
    LATE,
    MOMENTS,
    SECONDS_TO_LIVE,
    Fault,
    Kind,
)
from tests.faults.explorer.matrix.paths import SHIPPING, Path, PathDriver
from tests.faults.explorer.matrix.steps import Step
from tests.faults.injection.injecting import Point, Rule


@dataclass(frozen=True)
class Case:
    """An order with one fault."""

    step: Step
    point: Point
    fault: Fault
    # The number of the repetition, after runs on a machine that was too slow.
    repetition: int = 0
    # Whether the services are apart.
    apart: bool = False

    @property
    def name(self) -> str:
        """The name of the case: style, step, point and fault."""
        return f"{self.step.style[0]}-{self.step.name}-{self.point}-{self.fault}"

    @property
    def id(self) -> str:
        """The id of the case's order."""
        return self.name if not self.repetition else f"{self.name}-again{self.repetition}"

    @property
    def place(self) -> str:
        """The place where the fault strikes."""
        return f"{self.step.style} {self.step.name} {self.point}"

    @property
    def path(self) -> Path:
        """The kind of order; a refusal needs a separate kind, and a timeout a deadline."""
        path = self.step.path
        if self.fault == "refuse":
            refusals = {"reserve": paths.SOLD_OUT, "charge": paths.DECLINED, "ship": paths.REFUSED}
            path = replace(refusals[self.step.name.removeprefix("express-")], express=path.express)
        if self.fault == "deadline" or self._held_to_its_deadline:
            path = replace(path, deadline=SECONDS_TO_LIVE * 2**self.repetition + path.seconds)
        if self.apart and path.name == paths.EXPRESS_UPDATED.name:
            # The history of an express order isn't lost here: the next attempt would hand the parcel over meanwhile.
            path = replace(path, drivers=(*path.drivers, PathDriver("create_shipment", "before", "stand")))
        return path

    @property
    def _held_to_its_deadline(self) -> bool:
        """Whether every attempt is held until the deadline: without a cancel the next attempt would succeed."""
        return self.fault == "zombies-undone" or (self.step.style == "choreographed" and self.fault == "zombie-undone")

    @property
    def notes_its_end(self) -> bool:
        """Whether a late or a second attempt records its outcome."""
        frozen_idle = self.fault == "stop" and self.point == "answered"
        return self.fault in LATE and not frozen_idle and self.step.stage != "relay"

    @property
    def own_worker(self) -> bool:
        """Whether the order needs a dedicated worker: one that dies or freezes, or whose connections are spoilt."""
        dies = any(driver.action == "kill" for driver in self.path.drivers)
        return dies or self.fault in {"rival", "failover"} or (self.fault in DEADLY and self.step.stage != "relay")

    @property
    def kind(self) -> Kind:
        """The resources of the case: a dedicated worker, a relay with no other event, or neither."""
        return "dedicated" if self.own_worker else "relay" if self.step.stage == "relay" else "other"

    @property
    def seconds(self) -> int:
        """The approximate duration in seconds, most of it waiting."""
        undoing, choreographed = self.step.stage == "undo", self.step.style == "choreographed"
        wait = {"hangs": 30, "stop": 15, "deadline": 10, "zombie-undone": 8, "terminate": 20, "terminate-zombie": 20}
        seconds = wait.get(self.fault, 12 if self._held_to_its_deadline or self.step.path.express else 3)
        if self.fault == "cancel-heard" and undoing:
            seconds = 8
        if self.fault in MOMENTS:
            seconds = 15
        if self.fault in {"errors", "settled-hangs"} or (self.fault == "hangs" and undoing):
            seconds = 100 if undoing or choreographed else 10
        if choreographed and self.fault in {"final", "terminate"} and self.point in {"before", "done", "answered"}:
            seconds = 70
        return seconds + self.path.seconds

    def is_called(self, kind: str) -> str:
        """Return the value of a selection option: the style, step, point, fault, or for `case` the id."""
        return {"style": self.step.style, "step": self.step.name, "point": self.point, "fault": self.fault}.get(
            kind, self.id
        )

    @property
    def rule(self) -> Rule | None:
        """The fault for the worker processes; a refusal needs none."""
        if self.fault in FROM_OUTSIDE:
            return None
        step, action = self.step, ACTIONS[self.fault]
        if self.point == "answered":
            action = "duplicate" if self.fault in AGAIN else "signal"
        mark = step.marks.get(self.point, "")
        always = action not in {"signal", "duplicate"} and (self.fault in EACH_TIME or self._held_to_its_deadline)
        return Rule(self.id, self.id, step.activity, self.point, action, step.which, mark, always)

    @property
    def moment(self) -> Rule | None:
        """The moment of the recovery at which the held attempt of the lost run continues."""
        if self.fault not in MOMENTS:
            return None
        activity, point = MOMENTS[self.fault]
        mark = SHIPPING if point == "sent" else ""
        return Rule(f"{self.id}.moment", self.id, activity, point, "release", mark=mark, behind=self.id)

    def rules(self) -> Iterator[Rule]:
        """Yield the fault and its drivers."""
        if rule := self.rule:
            yield rule
        if moment := self.moment:
            yield moment
        for number, driver in enumerate(self.path.drivers):
            yield self.driven(driver, number)

    def driven(self, driver: PathDriver, number: int = 0) -> Rule:
        """Return the rule of a driver, which brings the order to the step under test."""
        fields = {name: value for name, value in vars(driver).items() if name != "then"}
        return Rule(f"{self.id}.driver{number}", self.id, **fields)
