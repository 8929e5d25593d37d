"""Named tests as a hunter: python -m tests.faults.mutants.testing ID... --json FILE.

Exit code 0 when all passed, 1 when one failed; any other result, such as an error of a fixture, is 2.
"""

import json
import sys
from pathlib import Path

import pytest

TROUBLE = 2


class Results:
    """A plugin of pytest that keeps the tests that ran and those that failed, and counts other errors."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failed: list[str] = []
        self.errors = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the result of one phase of a test."""
        if report.when == "call":
            self.ran.append(report.nodeid)
            self.failed += [report.nodeid] if report.failed else []
        elif report.failed:
            self.errors += 1


def main(*arguments: str) -> int:
    """Run the tests, and write the ids of the failed ones."""
    *tests, _, answer = arguments
    results = Results()
    pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[results])
    if not results.ran or (results.errors and not results.failed):
        return TROUBLE
    Path(answer).write_text(json.dumps({"failed": results.failed}))
    return int(bool(results.failed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
