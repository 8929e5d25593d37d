"""A run: a system and a fleet, every chosen case played on them, and what is found in all that they left behind."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from postgres.database import Database
from runtime.reconciling import schedule_reconciler
from runtime.settings import Settings
from tests.faults.evidence.evidence import Evidence, Hit, LogLine
from tests.faults.evidence.gathering import Watch, gather
from tests.faults.explorer.fleet import Fleet
from tests.faults.explorer.judging import CaseVerdict, judge
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import Kind
from tests.faults.explorer.play.playing import play
from tests.faults.explorer.scene import PAIRS, ExplorerScene
from tests.faults.faulty_worker import Part, prepare
from tests.faults.injection.injecting import FaultPlan, Notes
from tests.servers import free_ports, started
from tests.systems import open_system

# Orders in flight, which wait most of the time: with a worker of their own, which costs a process or two; those that a
# relay is struck at, of which it may have one in its hands and no other; and the rest.
AT_ONCE: dict[Kind, int] = {"lonely": 20, "relay": 4, "other": PAIRS - 24}
RECONCILE_SECONDS = 5
# What faults make the SDK say, and why it is no fault of ours.
EXCUSED = (
    "[TMPRL1101] Potential deadlock",  # a process that was stopped: by its clock a workflow stood still
    "Invalid transition while handling update response",  # the same, of an update that another worker has taken
    "Future exception was never retrieved\\nfuture: <Future finished exception=ActivityError",  # cancelled and refused
)
# At more leisure.
REPETITIONS, FEWER = 2, 4
SECONDS_BETWEEN_LOOKS = 0.05
OWN_CONNECTIONS = 24
SECONDS_BETWEEN_SNAPSHOTS = 1.0
STANDING = [Part(connections=20), Part(connections=20), *[Part("relay")] * 3, Part("watcher")]
Told = Callable[[Case, bool], None]


@dataclass
class Findings:
    """What came of a run: the verdict on each case by its name, what else is wrong, and the evidence."""

    verdicts: dict[str, CaseVerdict]
    general: list[str]
    evidence: Evidence
    seconds: float
    repeated: int = 0


async def explore(cases: Sequence[Case], told: Told = lambda _case, _ended: None) -> Findings:
    """Play the cases, and those again of which a slow machine has kept what was to be seen."""
    began = time.time()
    with tempfile.TemporaryDirectory(prefix="explore-") as folder:
        async with _scene(Path(folder), cases) as scene:
            found = await _round(scene, cases, told)
            for repetition in range(1, REPETITIONS + 1):
                again = [case for case in cases if found.verdicts[case.name].tells_nothing]
                if not again:
                    break
                scene.few = asyncio.Semaphore(FEWER)
                latest = await _round(scene, [replace(case, repetition=repetition) for case in again], told)
                verdicts, repeated = found.verdicts | latest.verdicts, found.repeated + len(again)
                found = replace(latest, verdicts=verdicts, repeated=repeated)
    return replace(found, seconds=time.time() - began)


async def _round(scene: ExplorerScene, cases: Sequence[Case], told: Told) -> Findings:
    """Play cases, gather and judge."""
    async with Watch(scene.db, SECONDS_BETWEEN_SNAPSHOTS) as watch, scene.watching():
        stranded = await _play_all(scene, cases, told)
        await scene.drain()
    scene.snapshots += watch.snapshots
    evidence = await gather(
        scene.db,
        scene.system.client,
        asked=scene.asked,
        snapshots=scene.snapshots,
        hits=_hits([*cases, *scene.played], scene.notes),
        log=_log(scene.notes.folder),
    )
    verdicts, general = judge(cases, scene.played, evidence, scene.notes, stranded)
    scene.played += cases
    return Findings({case.name: verdicts[case.id] for case in cases}, general, evidence, 0)


@asynccontextmanager
async def _scene(folder: Path, cases: Sequence[Case]) -> AsyncIterator[ExplorerScene]:
    """Everything that the cases are played on."""
    temporal, ui = free_ports(2)
    settings = Settings(data_dir=folder / "data", temporal_port=temporal, ui_port=ui, log_level="error")
    notes = Notes(folder / "notes", SECONDS_BETWEEN_LOOKS)
    notes.folder.mkdir()
    async with started(settings) as stack, open_system(stack) as system:
        everything = [replace(case, repetition=again) for again in range(REPETITIONS + 1) for case in cases]
        queues = {case.id: f"explore-{case.id}" for case in everything if case.own_worker}
        plan = FaultPlan.of((rule for case in everything for rule in case.rules()), queues)
        prepare(notes.folder, plan, system)
        async with await Database.open(system.stack.database_url, size=OWN_CONNECTIONS) as db:
            scene = ExplorerScene(system, db, Fleet(notes.folder), notes, queues)
            await scene.furnish()
            await schedule_reconciler(system.client, RECONCILE_SECONDS)
            async with scene.fleet.standing(STANDING):
                yield scene


async def _play_all(scene: ExplorerScene, cases: Sequence[Case], told: Told) -> dict[str, str]:
    """Play the cases, the slow ones first; return those that came to no end, and why."""
    stranded: dict[str, str] = {}
    gates = {kind: asyncio.Semaphore(count) for kind, count in AT_ONCE.items()}

    async def one(case: Case) -> None:
        async with gates[case.kind]:
            told(case, False)
            try:
                await play(scene, case)
            except Exception as error:  # noqa: BLE001 - a case that breaks is a finding, and the others go on
                stranded[case.id] = f"it did not end: {type(error).__name__}: {error}"
            told(case, True)

    await asyncio.gather(*(one(case) for case in sorted(cases, key=lambda case: -case.seconds)))
    return stranded


def _hits(cases: Sequence[Case], notes: Notes) -> list[Hit]:
    hits = []
    for case in cases:
        for rule in case.rules():
            if hit := notes.read(rule.name, "hit"):
                fault = case.fault if rule.name == case.id else "driver"
                hits.append(Hit(hit["at"], fault, case.id, f"{rule.activity} {rule.which} {rule.point} {rule.action}"))
    return hits


def _log(folder: Path) -> list[LogLine]:
    """What the processes logged, but what faults make the SDK say."""
    lines = [_line(path.stem, text) for path in sorted(folder.glob("*.log")) for text in _texts(path)]
    return [line for line in lines if not any(words in line.text for words in EXCUSED)]


def _texts(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def _line(source: str, text: str) -> LogLine:
    try:
        level = str(json.loads(text).get("level", "stderr"))
    except (json.JSONDecodeError, AttributeError):
        level = "stderr"
    return LogLine(source, level, text)
