"""docs/participants.md and its schemas say what the code does: activities, messages, errors and policies."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter

from docs.participants import generate
from models import attempts, errors
from models.participants import ACTIVITIES, SERVICES, Service
from tests.participants.programs import PROJECT
from workflows import policies

PAGE = (PROJECT / "docs" / "participants.md").read_text()
PROGRAM = PROJECT / "examples" / "payments-ts"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \|", re.MULTILINE)


def names_of(kind: Any) -> str:
    """Return the names of a type, or of those of a union, as the page writes them."""
    kinds = get_args(kind) or (kind,)
    return " or ".join("null" if each is type(None) else f"`{each.__name__}`" for each in kinds)


def test_the_page_lists_the_activities_with_their_requests_and_replies() -> None:
    listed = [row for row in ROW.findall(PAGE.partition("## Guarantees")[0]) if row[0] not in SERVICES]

    sides = [
        (activity, *map(names_of, generate.sides_of(service, activity).values()))
        for service in SERVICES
        for activity in ACTIVITIES[service]
    ]
    assert listed == sides


def kind_of(error: type[Exception]) -> str:
    if issubclass(error, errors.Refused):
        return "refused"
    return "retried" if issubclass(error, errors.Unavailable) else "final"


def test_the_page_lists_the_errors_with_their_kinds() -> None:
    listed = {name: kind for name, kind, _ in ROW.findall(PAGE.partition("## Failures")[2])}

    assert listed == {name: kind_of(getattr(errors, name)) for name in listed}
    known = re.findall(r'^  (\w+): "(\w+)"', (PROGRAM / "src" / "failures.ts").read_text(), re.MULTILINE)
    in_typescript = {name: "retried" if kind == "transient" else kind for name, kind in known}
    assert in_typescript == {
        name: kind for name, kind in listed.items() if name not in {"OutOfStock", "ShipmentRefused"}
    }


def test_the_page_has_the_numbers_of_the_policies() -> None:
    assert f"an attempt has {attempts.ATTEMPT.seconds} s, and ends early after {attempts.HEARTBEAT.seconds} s" in PAGE
    tried = (
        f"A do is tried {policies.DO.attempts} times, a probe twice, an undo {policies.UNDO.attempts} times, "
        f"a settlement {policies.SETTLE.attempts} times; "
        "`book_transfer` and the question of a recovery without a limit."
    )
    assert tried in PAGE
    assert (policies.PROBE.attempts, policies.BOOK.attempts, policies.ASK.attempts) == (2, 0, 0)


def test_every_name_in_code_marks_is_one_of_the_code() -> None:
    known = {name for name in vars(errors) if name[0].isupper()} | {each for side in messages() for each in side}
    known |= {"BENIGN", "ApplicationError"}
    used = {name for name in re.findall(r"`([A-Z]\w+)`", PAGE) if not name.isupper() or name == "BENIGN"}

    assert used - known == set()


def messages() -> list[set[str]]:
    return [set(generate.schema_of(service)["$defs"]) for service in SERVICES]


@pytest.mark.parametrize("service", SERVICES)
def test_a_schema_accepts_what_the_models_write(service: Service) -> None:
    """Each `$defs` of a model has the fields that the model has, and nothing else."""
    schema = generate.schema_of(service)
    for activity in ACTIVITIES[service]:
        for side, kind in generate.sides_of(service, activity).items():
            models = [each for each in get_args(kind) or (kind,) if each is not type(None)]
            assert f"{activity}.{side}" in schema["$defs"]
            for model in models:
                assert issubclass(model, BaseModel)
                assert set(schema["$defs"][model.__name__]["properties"]) == set(model.model_fields)
    assert TypeAdapter(dict[str, Any]).validate_json(generate.file_of(service).read_bytes()) == schema


def test_a_stale_file_is_found(tmp_path: Path) -> None:
    for service in SERVICES:
        generate.file_of(service, tmp_path).write_text(generate.text_of(service))
    assert generate.stale(tmp_path) == []

    changed, missing = generate.file_of("payments", tmp_path), generate.file_of("shipping", tmp_path)
    changed.write_text(changed.read_text().replace("charge_id", "chargeId"))
    missing.unlink()
    assert generate.stale(tmp_path) == [changed, missing]


def test_the_lock_of_the_program_is_by_hash_and_names_no_registry() -> None:
    lock = json.loads((PROGRAM / "package-lock.json").read_text())
    installed = {name: entry for name, entry in lock["packages"].items() if name}

    assert [name for name, entry in installed.items() if "resolved" in entry] == []
    assert [name for name, entry in installed.items() if not entry["integrity"].startswith("sha512-")] == []
    wanted = json.loads((PROGRAM / "package.json").read_text())
    assert [
        v for kind in ("dependencies", "devDependencies") for v in wanted[kind].values() if not v[0].isdigit()
    ] == []


def test_the_files_of_the_program_are_small() -> None:
    sizes = {path.name: len(path.read_text().splitlines()) for path in (PROGRAM / "src").glob("*.ts")}

    assert {name: size for name, size in sizes.items() if size > 200} == {}
