"""A database for each service: which address each has, and the variable that an error names."""

import pytest

from models.errors import InvalidInput
from models.participants import OWNERS, Owner
from runtime.connection import is_embedded
from runtime.databases import DatabaseUrls, all_in, databases_of
from runtime.settings import Settings

SHARED, OWN = "postgresql://localhost/all", "postgresql://localhost/own"


def test_each_service_has_the_shared_database_or_its_own() -> None:
    together = databases_of(Settings.read({"DATABASE_URL": SHARED}))
    mixed = databases_of(Settings.read({"DATABASE_URL": SHARED, "DATABASE_URL_PAYMENTS": OWN}))
    alone = databases_of(Settings.read({"DATABASE_URL_PAYMENTS": OWN}))

    assert together == all_in(SHARED)
    assert (together.together, together.groups()) == (True, [OWNERS])
    assert [mixed.of(owner) for owner in OWNERS] == [SHARED, SHARED, OWN, SHARED]
    assert mixed.groups() == [("orders", "inventory", "shipping"), ("payments",)]
    assert [mixed.apart(owner) for owner in OWNERS] == [False, False, True, False]
    assert (alone.of("payments"), alone.together, alone.apart("payments")) == (OWN, False, True)
    with pytest.raises(InvalidInput, match=r"^DATABASE_URL_ORDERS: must be set, or DATABASE_URL for all services"):
        alone.of("orders")


def test_the_same_address_by_another_name_is_one_database() -> None:
    named = databases_of(Settings.read({f"DATABASE_URL_{owner.upper()}": SHARED for owner in OWNERS}))

    assert (named.together, named.groups()) == (True, [OWNERS])


def test_an_own_database_is_never_the_embedded_one() -> None:
    assert is_embedded(Settings())
    assert not any(is_embedded(Settings.read({f"DATABASE_URL_{owner.upper()}": OWN})) for owner in OWNERS)


@pytest.mark.parametrize("owner", OWNERS)
def test_an_own_address_is_checked_and_encrypted_and_its_variable_named(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    name, remote = f"DATABASE_URL_{owner.upper()}", "postgresql://orders:hunter2@db.example.com/orders"

    assert getattr(databases_of(Settings.read({name: remote})), owner) == f"{remote}?sslmode=require"
    for url in ("mysql://u:hunter2@db", "postgresql://u:hun%ter2@db/x", f"{remote}?sslmode=prefer"):
        with pytest.raises(InvalidInput) as caught:
            databases_of(Settings.read({name: url}))
        line = str(caught.value)
        assert line.startswith(f"{name}: ")
        assert "\n" not in line
        assert "ter2" not in line


@pytest.mark.parametrize("name", ["DATABASE_URL_PAYMENT", "DATABASE_URL_ORDER", "ORDERS_DATABASE_URL_SHIPPING"])
def test_a_mistyped_name_is_corrected(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{name}: is not a setting of this project; did you mean DATABASE_URL_"):
        Settings.read({name: "postgresql://u:hunter2@db/x"})
    assert Settings.read({"DATABASE_URL_TEST": "anything"}).own_databases == {}


@pytest.mark.parametrize(("owner", "named"), [("payments", "DATABASE_URL_PAYMENTS"), ("shipping", "DATABASE_URL")])
def test_an_error_of_a_connection_names_the_variable_that_was_set(owner: Owner, named: str) -> None:
    urls = DatabaseUrls(SHARED, SHARED, OWN, SHARED, named=frozenset({"payments"}))
    with pytest.raises(InvalidInput, match=f"^{named}: is no address"), urls.naming(owner):
        raise InvalidInput("DATABASE_URL", "is no address")
