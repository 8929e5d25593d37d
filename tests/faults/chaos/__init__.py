"""The chaos run: real processes and real faults, everything derived from one seed: `make chaos`."""
