"""The migrations of the schemas, and the check of their versions."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from models.errors import Final, InvalidInput, Unavailable
from postgres import migrations
from services import schemas

SLIPS = next(schema for schema in schemas.SCHEMAS if schema.name == "slips")


def test_an_empty_database_is_migrated_and_a_second_migration_changes_nothing(empty_url: str) -> None:
    with pytest.raises(
        Final,
        match=rf"^the schema {schemas.SCHEMAS[0].name} is at version none, this code needs {schemas.SCHEMAS[0].head}",
    ):
        schemas.check(empty_url)

    schemas.migrate(empty_url)
    schemas.migrate(empty_url)

    schemas.check(empty_url)


def test_concurrent_migrations_succeed(empty_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(schemas.migrate, [empty_url] * 6))

    schemas.check(empty_url)


def test_a_schema_of_a_newer_version_is_refused(empty_url: str) -> None:
    schemas.migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("update slips.schema_version set version_num = '9999'")

    for refused in (schemas.check, schemas.migrate):
        with pytest.raises(
            Final, match=rf"^the schema slips is at version 9999, but this code knows only {SLIPS.head}"
        ):
            refused(empty_url)


def test_a_schema_can_be_migrated_alone(empty_url: str) -> None:
    payments = next(schema for schema in schemas.SCHEMAS if schema.name == "payments")

    migrations.migrate(empty_url, [payments])

    migrations.check(empty_url, [payments])
    with psycopg.connect(empty_url) as connection:
        found = connection.execute("select distinct schemaname from pg_tables where schemaname !~ '^pg_|^information'")
        assert found.fetchall() == [("payments",)]


@pytest.mark.parametrize("schema", schemas.SCHEMAS, ids=lambda schema: schema.name)
def test_the_head_is_the_last_migration(schema: migrations.Schema, tmp_path: Path) -> None:
    for name in ("0009_nine.py", "0010_ten.py", "__init__.py"):
        (tmp_path / name).touch()

    versions = sorted(path.name.partition("_")[0] for path in schema.migrations.glob("0*.py"))
    assert schema.head == versions[-1]
    assert migrations.Schema("any", tmp_path).head == "0010"


def test_an_unreachable_database_is_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^database: [^\n]+$"):
        schemas.migrate(f"host={tmp_path}")


def test_an_invalid_address_is_reported_without_its_password() -> None:
    with pytest.raises(InvalidInput, match=r"^DATABASE_URL: is not a PostgreSQL address$"):
        schemas.check("secret@nonsense")
