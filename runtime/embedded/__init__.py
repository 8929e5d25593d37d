"""A real Temporal server and a real PostgreSQL, run on this machine for as long as somebody uses them."""
