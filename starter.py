#!/usr/bin/env python3
"""The command line of the order saga: `python starter.py --help`."""

import sys

from runtime import startup

if __name__ == "__main__":
    startup.begin_command()

try:
    from cli.app import main
except ModuleNotFoundError as error:
    if error.name in {"cli", "client", "models", "orders", "runtime", "worker"}:
        raise
    sys.exit(f"error: the package {error.name} is missing: run `make setup`, then `.venv/bin/python starter.py`")

if __name__ == "__main__":
    startup.end_of_imports()
    main()
