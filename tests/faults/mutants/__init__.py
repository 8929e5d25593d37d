"""Seeded bugs: each a small patch that the explorer or the chaos run must find on a copy of the code."""
