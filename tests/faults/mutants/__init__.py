"""Seeded bugs: each a small edit that the explorer or the chaos run must find on a copy of the code."""
