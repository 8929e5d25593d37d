from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from models.errors import Final, InvalidInput, Unavailable
from services import schema


def test_an_empty_database_is_brought_up_to_date_and_again_without_harm(empty_url: str) -> None:
    with pytest.raises(Final, match=f"^the database's schema is at nothing, this code needs {schema.HEAD}"):
        schema.check(empty_url)

    schema.migrate(empty_url)
    schema.migrate(empty_url)

    schema.check(empty_url)


def test_many_may_migrate_at_once(empty_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(schema.migrate, [empty_url] * 6))

    schema.check(empty_url)


def test_a_schema_from_the_future_is_refused(empty_url: str) -> None:
    schema.migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("update migrations.alembic_version set version_num = '9999'")

    for refused in (schema.check, schema.migrate):
        with pytest.raises(Final, match="is at 9999, newer than this code"):
            refused(empty_url)


def test_the_head_is_the_last_migration() -> None:
    versions = Path(schema.__file__).parent / "migrations" / "versions"

    assert max(version.name for version in versions.glob("[0-9]*.py")).startswith(f"{schema.HEAD}_")


def test_a_database_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"^database: [^\n]+$"):
        schema.migrate(f"host={tmp_path}")


def test_an_address_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(InvalidInput, match=r"^DATABASE_URL: is not a PostgreSQL address$"):
        schema.check("secret@nonsense")
