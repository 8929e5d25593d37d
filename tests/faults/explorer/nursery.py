"""What the process that all workers are forked from does once, so that none of them has to."""

from temporalio.worker._worker import load_default_build_id

from tests.faults.faulty_worker import serve

__all__ = ["serve"]

# Each worker process would hash all of the code again, for most of a second.
load_default_build_id()
