"""A run: every chosen case on one system and one fleet, and the results from the evidence."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.reconciling import schedule_reconciler
from runtime.settings import Settings
from tests.faults.evidence.evidence import Evidence, Hit, LogLine
from tests.faults.evidence.gathering import Watch, gather
from tests.faults.explorer.fleet import Fleet
from tests.faults.explorer.ground import at_rest, connected, opened
from tests.faults.explorer.judging import CaseResult, judge
from tests.faults.explorer.matrix.case import Case
from tests.faults.explorer.matrix.faults import Kind
from tests.faults.explorer.play.playing import play
from tests.faults.explorer.scene import PAIRS, ExplorerScene
from tests.faults.faulty_worker import Part, prepare
from tests.faults.injection.injecting import FaultPlan, Notes
from tests.servers import free_ports

# Concurrent cases, which wait most of the time: those with a dedicated worker, which cost one or two processes each;
# those with a fault in a relay, which may hold no other event; and the rest.
AT_ONCE: dict[Kind, int] = {"dedicated": 20, "relay": 4, "other": PAIRS - 24}
RECONCILE_SECONDS = 5
# SDK messages that the faults themselves cause.
EXCUSED = (
    "[TMPRL1101] Potential deadlock",  # a stopped process: by its clock a workflow was blocked
    "Invalid transition while handling update response",  # a stopped process: another worker took its update
    # a cancel and a refusal in one activation
    "Future exception was never retrieved\\nfuture: <Future finished exception=ActivityError",
)
# A repetition runs fewer cases at once.
REPETITIONS, FEWER = 2, 4
SECONDS_BETWEEN_LOOKS = 0.05
OWN_CONNECTIONS = 24
SECONDS_BETWEEN_SNAPSHOTS = 1.0
STANDING = [Part(connections=20), Part(connections=20), *[Part("relay")] * 3, Part("watcher")]
OnProgress = Callable[[Case, bool], None]


@dataclass
class Findings:
    """The results of a run: by case name, the problems that belong to no case, and the evidence."""

    results: dict[str, CaseResult]
    general: list[str]
    evidence: Evidence
    seconds: float
    repeated: int = 0
    apart: bool = False


async def explore(
    cases: Sequence[Case], report_progress: OnProgress = lambda _case, _ended: None, *, apart: bool = False
) -> Findings:
    """Run the cases, and repeat those without a result because of a slow machine; `apart`: with the services apart.

    `report_progress(case, ended)` is called when a case begins and when it ends.
    """
    cases = [replace(case, apart=apart) for case in cases]
    began = time.time()
    with tempfile.TemporaryDirectory(prefix="explore-") as folder:
        async with _scene(Path(folder), cases, apart=apart) as scene:
            found = await _round(scene, cases, report_progress)
            for repetition in range(1, REPETITIONS + 1):
                again = [case for case in cases if found.results[case.name].is_inconclusive]
                if not again:
                    break
                scene.few = asyncio.Semaphore(FEWER)
                latest = await _round(scene, [replace(case, repetition=repetition) for case in again], report_progress)
                results, repeated = found.results | latest.results, found.repeated + len(again)
                found = replace(latest, results=results, repeated=repeated)
    return replace(found, seconds=time.time() - began, apart=apart)


async def _round(scene: ExplorerScene, cases: Sequence[Case], report_progress: OnProgress) -> Findings:
    """Run cases, gather the evidence and evaluate it."""
    async with Watch(scene.db, SECONDS_BETWEEN_SNAPSHOTS) as watch, scene.watching():
        stranded = await _play_all(scene, cases, report_progress)
        await scene.drain()
    scene.snapshots += watch.snapshots
    async with at_rest(scene.system, scene.databases) as db:
        evidence = await gather(
            db,
            scene.system.client,
            asked=scene.asked,
            snapshots=scene.snapshots,
            hits=_hits([*cases, *scene.played], scene.notes),
            log=_log(scene.notes.folder),
        )
    results, general = judge(cases, scene.played, evidence, scene.notes, stranded)
    scene.played += cases
    return Findings({case.name: results[case.id] for case in cases}, general, evidence, 0)


@asynccontextmanager
async def _scene(folder: Path, cases: Sequence[Case], *, apart: bool) -> AsyncIterator[ExplorerScene]:
    """Start everything that the cases need."""
    temporal, ui = free_ports(2)
    settings = Settings(data_dir=folder / "data", temporal_port=temporal, ui_port=ui, log_level="error")
    notes = Notes(folder / "notes", SECONDS_BETWEEN_LOOKS)
    notes.folder.mkdir()
    async with opened(settings, apart=apart) as system:
        everything = [replace(case, repetition=again) for again in range(REPETITIONS + 1) for case in cases]
        queues = {case.id: f"explore-{case.id}" for case in everything if case.own_worker}
        plan = FaultPlan.of((rule for case in everything for rule in case.rules()), queues)
        prepare(notes.folder, plan, system)
        async with connected(system, OWN_CONNECTIONS) as databases:
            scene = ExplorerScene(system, databases, Fleet(notes.folder), notes, queues)
            await scene.stock_articles()
            await schedule_reconciler(system.client, RECONCILE_SECONDS)
            async with scene.fleet.standing(STANDING):
                yield scene


async def _play_all(scene: ExplorerScene, cases: Sequence[Case], report_progress: OnProgress) -> dict[str, str]:
    """Run the cases, the slow ones first; return the cases that did not end: case id → reason."""
    stranded: dict[str, str] = {}
    gates = {kind: asyncio.Semaphore(count) for kind, count in AT_ONCE.items()}

    async def one(case: Case) -> None:
        async with gates[case.kind]:
            report_progress(case, False)
            try:
                await play(scene, case)
            except Exception as error:  # noqa: BLE001 - a failed case is a problem to report, and the others continue
                stranded[case.id] = f"the case did not end: {type(error).__name__}: {error}"
            report_progress(case, True)

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
    """Return the log lines of the processes without the messages in EXCUSED."""
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
