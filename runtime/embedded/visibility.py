"""The embedded server's list of workflows: only the indexes that a question of ours or of the Web UI uses.

The development server makes one for each column that a search attribute might take, nearly sixty, and writes them all
with every start and end of a workflow. What has lost its index can still be asked for; it is found more slowly.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

# Statuses, types, ids and queues, as the Web UI filters; schedules and batches; the two attributes of the orders.
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
    """Drop them, also while the server runs on the file; raise sqlite3.OperationalError when it keeps it locked."""
    with closing(sqlite3.connect(file, timeout=SECONDS_FOR_LOCK)) as connection, connection:
        connection.execute("begin immediate")
        for name in {name for (name,) in connection.execute(INDEXES)} - USED:
            connection.execute(f'drop index "{name}"')
