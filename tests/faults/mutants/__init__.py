"""Seeded bugs: small edits that the explorer or the chaos run must find in a copy of the code."""
