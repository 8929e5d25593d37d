"""The example's store: a key books once, an undo of nothing leaves a tombstone, and a refusal is kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from examples.trip.bookings import Bookings, Offline, Refused

KEY = "trip-1:hotel"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "trips.db"


def rooms(file: Path, name: str = "Grand Hotel") -> int:
    with closing(sqlite3.connect(file)) as store:
        (free,) = store.execute("select free from places where name = ?", (name,)).fetchone()
    return int(free)


def test_a_key_books_once_and_cancels_once(file: Path) -> None:
    bookings = Bookings(file)

    first, again = (bookings.book(KEY, "hotel", "Grand Hotel") for _ in range(2))

    assert (first, rooms(file)) == (again, 19)
    for _ in range(2):
        bookings.cancel(KEY, "hotel", "Grand Hotel")
        assert rooms(file) == 20


def test_a_key_that_was_cancelled_before_it_booked_never_books(file: Path) -> None:
    bookings = Bookings(file)
    bookings.cancel(KEY, "hotel", "Grand Hotel")

    with pytest.raises(Refused, match="cancelled"):
        bookings.book(KEY, "hotel", "Grand Hotel")
    assert rooms(file) == 20


def test_a_refusal_is_kept_for_its_key(file: Path) -> None:
    bookings = Bookings(file)
    with pytest.raises(Refused):
        bookings.book("trip-1:flight", "flight", "Atlantis")
    with closing(sqlite3.connect(file)) as store, store:
        store.execute("update places set free = 5")

    with pytest.raises(Refused):
        bookings.book("trip-1:flight", "flight", "Atlantis")
    bookings.cancel("trip-1:flight", "flight", "Atlantis")
    assert rooms(file, "Atlantis") == 5


def test_a_cancellation_that_is_refused_changes_nothing(file: Path) -> None:
    bookings = Bookings(file)
    bookings.book(KEY, "hotel", "Budget Inn")

    with pytest.raises(Refused, match="refunds nothing"):
        bookings.cancel(KEY, "hotel", "Budget Inn")
    assert rooms(file, "Budget Inn") == 19


def test_an_offline_hotel_may_be_asked_again(file: Path) -> None:
    bookings = Bookings(file)
    with closing(sqlite3.connect(file)) as store, store:
        store.execute("update places set answers = 0")

    with pytest.raises(Offline):
        bookings.book(KEY, "hotel", "Grand Hotel")
    assert rooms(file) == 20


def test_the_bookings_outlive_the_process(file: Path) -> None:
    first = Bookings(file).book(KEY, "hotel", "Grand Hotel")

    assert Bookings(file).book(KEY, "hotel", "Grand Hotel") == first
    assert rooms(file) == 19
