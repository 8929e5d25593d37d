"""Work that the fork server does once for all its workers."""

from temporalio.worker._worker import load_default_build_id

from tests.faults.faulty_worker import serve

__all__ = ["serve"]

# Without this each worker process hashes all code again, for most of a second.
load_default_build_id()
