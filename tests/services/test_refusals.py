"""What PostgreSQL refuses for reasons outside this project: one line, the right class, and no values of rows."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from models.errors import InvalidInput, NotBegun, Unavailable
from postgres.database import Database
from postgres.unit_of_work import unit_of_work
from services import schemas
from tests.servers import new_database


def _address(url: str, **changes: str) -> str:
    return make_conninfo(url, **changes)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_with_another_encoding_is_refused_at_once(encoding: str, empty_url: str) -> None:
    name = f"in_{encoding.lower()}_{conninfo_to_dict(empty_url)['dbname']}"
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(
            SQL("create database {} encoding {} locale 'C' locale_provider libc template template0").format(
                Identifier(name), encoding
            )
        )
    url = _address(empty_url, dbname=name)

    for use in (schemas.migrate, schemas.check):
        with pytest.raises(InvalidInput, match=f"^DATABASE_URL: [^\n]*{encoding}[^\n]*UTF8$"):
            use(url)
    with pytest.raises(InvalidInput, match=f"^DATABASE_URL: [^\n]*{encoding}"):
        await Database.open(url)


@pytest.fixture
def lesser_url(empty_url: str) -> str:
    """Return the address of a migrated database for a role without any rights."""
    migrated = new_database(empty_url)
    role = f"lesser_{conninfo_to_dict(migrated)['dbname']}"
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(SQL("create role {} login").format(Identifier(role)))
    return _address(migrated, user=role)


async def test_a_missing_right_is_reported_in_one_line_with_the_remedy(lesser_url: str) -> None:
    async with await Database.open(lesser_url, size=1) as db:
        with pytest.raises(NotBegun, match=r"^database: permission denied for schema orders; grant it[^\n]*owner"):
            await db.rows(b"delete from orders.process_states")
        with pytest.raises(Unavailable, match="permission denied"):
            async with unit_of_work(db) as unit:
                await unit.rows(b"delete from orders.process_states")
    with pytest.raises(NotBegun, match="permission denied"):
        schemas.check(lesser_url)


async def test_too_many_connections_are_reported_before_anything_is_begun(empty_url: str, lesser_url: str) -> None:
    role = str(conninfo_to_dict(lesser_url)["user"])
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(SQL("alter role {} connection limit 0").format(Identifier(role)))

    with pytest.raises(NotBegun, match=r"^database: [^\n]*too many connections[^\n]*$"):
        await Database.open(lesser_url)


@pytest.mark.parametrize(("state", "name"), [("53100", "disk full"), ("53200", "out of memory"), ("57P03", "starting")])
async def test_a_server_without_resources_is_unavailable(state: str, name: str, empty_url: str) -> None:
    raising = f"do $$ begin raise exception using errcode = '{state}', message = '{name}'; end $$"

    async with await Database.open(empty_url, size=2) as db:
        with pytest.raises(Unavailable, match=f"^database: {name}$"):
            await db.rows(raising.encode())
        assert await db.row(b"select 1", {}) == (1,)


async def test_the_values_of_a_row_are_in_no_error(empty_url: str) -> None:
    async with await Database.open(empty_url, size=1) as db:
        await db.rows(b"create table people (name text check (name <> 'Ada Lovelace'), street text not null)")
        for values in (b"('Ada Lovelace', 'St James''s Square')", b"('Ada Lovelace', null)"):
            with pytest.raises(psycopg.errors.IntegrityError) as caught:
                await db.rows(b"insert into people values " + values)
            assert "people" in str(caught.value)
            assert "Lovelace" not in str(caught.value)
