"""The worker of trips: its workflow and its activities, on a task queue of their own."""

from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from examples.trip.activities import TripActivities
from examples.trip.bookings import Bookings
from examples.trip.workflow import TripWorkflow

TASK_QUEUE = "trips"


def trip_worker(client: Client, store: Path) -> Worker:
    """Return a worker on the bookings in a SQLite file, which is created if it is missing."""
    acts = TripActivities(Bookings(store))
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[TripWorkflow],
        activities=[
            acts.book_hotel,
            acts.cancel_hotel,
            acts.book_flight,
            acts.cancel_flight,
            acts.record_outcome,
        ],
    )
