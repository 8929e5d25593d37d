"""The address of the database: what is refused before a connection is tried, and never with a part of its password."""

import pytest

from models.errors import InvalidInput
from runtime.connection import database_of
from runtime.settings import Settings

# A password whose special characters were not encoded, in each place where an address is cut.
UNENCODED = [
    "postgresql://orders:hun@ter2@db.example.com/orders",
    "postgresql://orders:@hunter2@db.example.com/orders",
    "postgresql://orders:hun/ter2@db.example.com/orders",
    "postgresql://orders:hun/ter2@[2001:db8::1]/orders",
    "postgresql://orders:7/ter2@db.example.com/orders",
    "postgresql://orders:hun?ter2@db.example.com/orders",
    "postgresql://orders:hun%ter2@db.example.com/orders",
    "postgresql://orders:hunter2%@db.example.com/orders",
    "postgresql://orders:hun@ter/2@db.example.com/orders",
    "postgresql://orders:hunter2@db.example.com:hunter2/orders",
    "postgresql://orders:hunter2@db example.com/orders",
]


@pytest.mark.parametrize("url", UNENCODED)
def test_an_address_that_is_cut_inside_its_password_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Settings.read({"DATABASE_URL": url})

    line = str(caught.value)
    assert line.startswith("DATABASE_URL: ")
    assert "\n" not in line
    for part in ("hun", "ter2", "@db", "7/"):
        assert part not in line


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://orders:h%40un%2Fter%25@127.0.0.1:5432/orders",
        "postgresql:///orders",
        "postgresql://",
        "postgres://localhost/orders?application_name=a@b",
        "postgresql://[::1]:5432/orders",
        "postgresql://postgres@/orders?host=%2Ftmp%2Fsocket&port=5432",
        "postgresql://a:#!$&'()*+,;=:~@localhost,127.0.0.2:5433/orders?target_session_attrs=primary",
    ],
)
def test_an_address_of_this_machine_stays_as_it_is(url: str) -> None:
    assert database_of(Settings.read({"DATABASE_URL": url})) == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://orders:x@db.example.com/orders",
        "postgresql://orders:x@10.0.0.7/orders?connect_timeout=3",
        "postgresql://orders:x@localhost,db.example.com/orders",
        "postgresql:///orders?host=db.example.com",
        "postgresql://orders:x@localhost/orders?hostaddr=10.0.0.7",
    ],
)
def test_another_machine_is_reached_encrypted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert database_of(Settings(database_url=url)) == f"{url}{'&' if '?' in url else '?'}sslmode=require"
    assert database_of(Settings(database_url=url, insecure=True)) == url
    for mode in ("require", "verify-ca", "verify-full"):
        secured = f"{url}{'&' if '?' in url else '?'}sslmode={mode}"
        assert database_of(Settings(database_url=secured)) == secured


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
@pytest.mark.parametrize("how", ["address", "variable"])
def test_another_machine_without_encryption_is_refused(mode: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://orders:hunter2@db.example.com/orders"
    if how == "variable":
        monkeypatch.setenv("PGSSLMODE", mode)
    else:
        url += f"?sslmode={mode}"

    with pytest.raises(InvalidInput, match=f"^DATABASE_URL: [^\n]*sslmode={mode}[^\n]*ORDERS_INSECURE") as caught:
        database_of(Settings(database_url=url))
    assert "hunter2" not in str(caught.value)
    assert database_of(Settings(database_url=url, insecure=True)) == url


@pytest.mark.parametrize("url", ["postgresql://orders:x@/orders", "postgresql:///orders?connect_timeout=3"])
@pytest.mark.parametrize("variable", ["PGHOST", "PGHOSTADDR"])
def test_a_variable_of_libpq_that_names_another_machine_counts(
    url: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    monkeypatch.setenv(variable, "127.0.0.1")
    assert database_of(Settings(database_url=url)) == url

    monkeypatch.setenv(variable, "10.0.0.7")
    assert database_of(Settings(database_url=url)) == f"{url}{'&' if '?' in url else '?'}sslmode=require"


def test_an_address_of_the_variables_is_beside_the_host_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://orders:x@localhost/orders"
    monkeypatch.setenv("PGHOST", "db.example.com")
    assert database_of(Settings(database_url=url)) == url

    monkeypatch.setenv("PGHOSTADDR", "10.0.0.7")
    assert database_of(Settings(database_url=url)) == f"{url}?sslmode=require"


@pytest.mark.parametrize("how", ["address", "variable"])
def test_a_connection_service_needs_an_explicit_encryption(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    url = "postgresql:///orders?application_name=a"
    if how == "variable":
        monkeypatch.setenv("PGSERVICE", "orders")
    else:
        url += "&service=orders"

    with pytest.raises(InvalidInput, match=r"^DATABASE_URL: uses a connection service"):
        database_of(Settings(database_url=url))
    assert database_of(Settings(database_url=url, insecure=True)) == url
    assert database_of(Settings(database_url=f"{url}&sslmode=verify-full")) == f"{url}&sslmode=verify-full"
