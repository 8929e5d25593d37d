"""The commands of the documentation that its tests don't run as they stand, each with the reason."""

from dataclasses import dataclass

from tests.docs.blocks import Block, command

MINUTES = "runs for minutes"
STATE = "needs an order in the state that the page describes"


@dataclass(frozen=True)
class NotRun:
    """Commands of a page that start with these words, and the reason why they don't run as they stand."""

    page: str
    start: str
    reason: str

    def covers(self, block: Block, line: str) -> bool:
        """Return whether a line of a block is such a command."""
        return block.page == self.page and command(line).startswith(self.start)


NOT_RUN = (
    NotRun("README.md", "make demo", "starts servers of its own: tests/cli/test_demo.py runs it"),
    NotRun("README.md", "make test", MINUTES),
    *(
        NotRun("README.md", start, "needs four databases: tests/orders/apart/test_readme.py runs it")
        for start in ("ORDERS_APART=", "DATABASE_URL_")
    ),
    NotRun("CONTRIBUTING.md", "make ", MINUTES),
    NotRun("docs/benchmarks.md", "make bench", MINUTES),
    NotRun("docs/benchmarks.md", ".venv/bin/python -m benchmarks.report", "needs the result of a run"),
    NotRun("docs/benchmarks.md", ".peers/venv/bin/python -m benchmarks.peers.drawing", "needs the peers' environment"),
    NotRun(
        "docs/dead-letters.md",
        "python starter.py deadletters ",
        "needs dead letters, and their numbers: tests/cli/operate/test_dead_deliveries.py has some",
    ),
    NotRun(
        "docs/operations.md", "temporal worker deployment ", "needs versioned workers: tests/test_versioning.py runs it"
    ),
    *(
        NotRun("docs/operations.md", start, "runs until it is stopped: tests/orders/apart/test_processes.py runs it")
        for start in ("python worker.py ", "ORDERS_APART=payments,shipping python worker.py")
    ),
    NotRun("docs/operations.md", "DATABASE_URL_", "needs such databases: tests/orders/apart/ has some"),
    NotRun("docs/operations.md", "temporal ", STATE + ": tests/cli/operate/test_temporal_cli.py runs it"),
    NotRun("docs/operations.md", "python starter.py ", STATE),
    NotRun(
        "docs/routing-slip.md",
        "temporal workflow update execute --workflow-id slip-gift-2",
        "needs a slip that waits before that stop",
    ),
)


def exception(block: Block, line: str) -> NotRun | None:
    """Return the first exception that covers a line, or None when the line is run."""
    return next((each for each in NOT_RUN if each.covers(block, line)), None)


def runnable(block: Block) -> str:
    """Return the text of a block without the commands that are not run."""
    if block.language == "python":
        return "" if exception(block, block.lines[0]) else block.text
    return "\n".join(line for line in block.lines if exception(block, line) is None)


def not_run(block: Block) -> list[str]:
    """Return the commands of a block that are not run."""
    return [command(line) for line in block.lines if exception(block, line)] if block.language == "bash" else []
