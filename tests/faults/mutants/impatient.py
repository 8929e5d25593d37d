"""The explorer with shorter timeouts: python -m tests.faults.mutants.impatient SECONDS [arguments of the explorer].

A case whose order is stuck because of a bug is given up, and the checker then reports the state of that order.
"""

import sys

from tests.faults import explore
from tests.faults.explorer import scene
from tests.faults.explorer.play import playing

SECONDS_TO_DRAIN = 10.0


def main(seconds: str, *arguments: str) -> int:
    """Run the explorer; give up a case that doesn't end in `seconds`."""
    vars(playing)["SECONDS_TO_END"] = float(seconds)
    vars(scene)["SECONDS_TO_DRAIN"] = SECONDS_TO_DRAIN
    return explore.main(arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
