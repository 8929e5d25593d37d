"""The explorer with less patience: python -m tests.faults.mutants.impatient SECONDS [arguments of the explorer].

An order that a bug has left standing comes to no end; then the checker says what is wrong with it as it is.
"""

import sys

from tests.faults import explore
from tests.faults.explorer import scene
from tests.faults.explorer.play import playing

SECONDS_TO_DRAIN = 10.0


def main(seconds: str, *arguments: str) -> int:
    """Explore; a case that doesn't end in time is given up."""
    vars(playing)["SECONDS_TO_END"] = float(seconds)
    vars(scene)["SECONDS_TO_DRAIN"] = SECONDS_TO_DRAIN
    return explore.main(arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
