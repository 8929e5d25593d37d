"""The hotel's and the airline's bookings: a SQLite file, in which a key books once and a cancelled key never again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA = """
create table if not exists places (
    kind text, name text, free integer not null check (free >= 0),
    refundable integer not null default 1, answers integer not null default 1, primary key (kind, name));
create table if not exists bookings (key text primary key, state text not null);
create table if not exists outcomes (trip text primary key, outcome text not null, reason text not null);
insert or ignore into places (kind, name, free, refundable) values
    ('hotel', 'Grand Hotel', 20, 1), ('hotel', 'Budget Inn', 20, 0),
    ('flight', 'Lyon', 100, 1), ('flight', 'Atlantis', 0, 1);
"""


class Refused(Exception):
    """The booking or its cancellation is refused: a retry would be refused too."""


class Bookings:
    """Books and cancels places; each call is one transaction. An error of SQLite, or Offline, may be retried."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(SCHEMA)

    def book(self, key: str, kind: str, name: str) -> str:
        """Take one free place and return the booking's number, the same for the same key; raise Refused, Offline."""
        with self._transaction(kind, name) as connection:
            state = _state(connection, key)
            if state is None:
                taken = "update places set free = free - 1 where kind = ? and name = ? and free > 0"
                state = "booked" if connection.execute(taken, (kind, name)).rowcount else "refused"
                connection.execute("insert into bookings values (?, ?)", (key, state))
        if state != "booked":
            raise Refused(f"no {kind} is free for {name}" if state == "refused" else f"{key} was cancelled")
        return f"{kind}-{key}"

    def cancel(self, key: str, kind: str, name: str) -> None:
        """Free the place of a key; a key that booked nothing can't book later. Raise Refused, Offline."""
        with self._transaction(kind, name) as connection:
            state = _state(connection, key)
            if state == "booked":
                freed = "update places set free = free + 1 where kind = ? and name = ? and refundable"
                if not connection.execute(freed, (kind, name)).rowcount:
                    raise Refused(f"{name} refunds nothing")
            if state != "refused":
                connection.execute("insert or replace into bookings values (?, 'cancelled')", (key,))

    def record(self, trip: str, outcome: str, reason: str) -> None:
        """Keep the outcome of a trip; the first one counts."""
        with self._transaction() as connection:
            connection.execute("insert or ignore into outcomes values (?, ?, ?)", (trip, outcome, reason))

    @contextmanager
    def _transaction(self, kind: str = "", name: str = "") -> Iterator[sqlite3.Connection]:
        """Run a transaction that has the only write lock; roll it back after an error."""
        with closing(sqlite3.connect(self._file, isolation_level=None)) as connection:
            connection.execute("begin immediate")
            offline = "select 1 from places where kind = ? and name = ? and not answers"
            if connection.execute(offline, (kind, name)).fetchone():
                raise Offline(f"the {kind} system of {name} does not answer")
            yield connection
            connection.execute("commit")


class Offline(Exception):
    """The hotel or the airline does not answer now; a retry may succeed."""


def _state(connection: sqlite3.Connection, key: str) -> str | None:
    """Return booked, refused or cancelled; None for a new key."""
    row = connection.execute("select state from bookings where key = ?", (key,)).fetchone()
    return str(row[0]) if row else None
