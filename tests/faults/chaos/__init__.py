"""The chaos run: real processes, real faults, everything from one seed: `make chaos`."""
