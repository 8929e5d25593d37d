"""The visibility store of the embedded server: keeps only the indexes that this project or the Web UI uses.

The development server creates nearly sixty indexes, one for each column that a search attribute may use, and updates
all of them at every start and end of a workflow. A query on a column without an index still works, but more slowly.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

# The Web UI's filters (status, type, id, task queue), schedules and batches, and the orders' two search attributes.
USED = {
    "default_idx",
    "by_workflow_id",
    "by_workflow_type",
    "by_status",
    "by_task_queue",
    "by_temporal_namespace_division",
    "by_keyword_01",
    "by_int_01",
}
SECONDS_FOR_LOCK = 5.0
INDEXES = "select name from sqlite_master where type = 'index' and tbl_name = 'executions_visibility' and sql not null"


def drop_unused_indexes(file: Path) -> None:
    """Drop the unused indexes, also while the server runs; raise sqlite3.OperationalError on a locked file."""
    with closing(sqlite3.connect(file, timeout=SECONDS_FOR_LOCK)) as connection, connection:
        connection.execute("begin immediate")
        for name in {name for (name,) in connection.execute(INDEXES)} - USED:
            connection.execute(f'drop index "{name}"')
