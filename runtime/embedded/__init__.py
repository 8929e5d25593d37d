"""A real Temporal server and a real PostgreSQL, which run on this machine as long as a process uses them."""
