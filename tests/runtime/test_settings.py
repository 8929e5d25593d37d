"""Settings: the environment variables, the defaults and the error messages."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from models.errors import InvalidInput
from runtime.settings import PROJECT, Settings, unknown_variables, variable


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.read({})

    assert settings.data_dir == PROJECT / ".data"
    assert (settings.temporal_port, settings.ui_port) == (7233, 8233)
    assert (settings.database_url, settings.workflow_sandbox, settings.untuned) == (None, False, False)
    assert settings.drain_seconds == 30


def test_each_variable_is_read() -> None:
    settings = Settings.read(
        {
            "DATABASE_URL": "postgresql://db/orders",
            "ORDERS_DATA_DIR": "/somewhere",
            "ORDERS_TEMPORAL_PORT": "7000",
            "ORDERS_UI_PORT": "8000",
            "ORDERS_LOG_LEVEL": "debug",
            "ORDERS_LOG_FORMAT": "json",
            "ORDERS_MAX_ACTIVITIES": "7",
            "ORDERS_DATABASE_POOL": "3",
            "ORDERS_WORKFLOW_SANDBOX": "on",
            "ORDERS_DRAIN_SECONDS": "5",
            "ORDERS_METRICS_ADDRESS": "9464",
            "ORDERS_DEPLOYMENT": "orders",
            "ORDERS_BUILD_ID": "1.2",
            "ORDERS_INSECURE": "1",
            "ORDERS_UNTUNED": "1",
            "PATH": "/bin",
        }
    )

    assert settings == Settings(
        database_url="postgresql://db/orders",
        data_dir=Path("/somewhere"),
        temporal_port=7000,
        ui_port=8000,
        log_level="debug",
        log_format="json",
        max_activities=7,
        database_pool=3,
        workflow_sandbox=True,
        drain_seconds=5,
        metrics_address="127.0.0.1:9464",
        deployment="orders",
        build_id="1.2",
        insecure=True,
        untuned=True,
    )


def test_services_apart_are_separated_by_commas() -> None:
    assert Settings.read({}).apart == Settings.read({"ORDERS_APART": ""}).apart == ()
    assert Settings.read({"ORDERS_APART": "shipping, payments"}).apart == ("payments", "shipping")


OURS = ("ORDERS_DEPLOYMENT", "ORDERS_BUILD_ID")
THEIRS = ("TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID")


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("DATABASE_URL", "mysql://user:hunter2@db", "DATABASE_URL"),
        ("ORDERS_TEMPORAL_PORT", "70000", "ORDERS_TEMPORAL_PORT"),
        ("ORDERS_TEMPORAL_PORT", "8233", "ORDERS_UI_PORT"),
        ("ORDERS_UI_PORT", "no", "ORDERS_UI_PORT"),
        ("ORDERS_LOG_LEVEL", "loud", "ORDERS_LOG_LEVEL"),
        ("ORDERS_LOG_FORMAT", "xml", "ORDERS_LOG_FORMAT"),
        ("ORDERS_MAX_ACTIVITIES", "0", "ORDERS_MAX_ACTIVITIES"),
        ("ORDERS_DATABASE_POOL", "-1", "ORDERS_DATABASE_POOL"),
        ("ORDERS_WORKFLOW_SANDBOX", "maybe", "ORDERS_WORKFLOW_SANDBOX"),
        ("ORDERS_DRAIN_SECONDS", "1.5", "ORDERS_DRAIN_SECONDS"),
        ("ORDERS_METRICS_ADDRESS", "everywhere", "ORDERS_METRICS_ADDRESS"),
        ("ORDERS_METRICS_ADDRESS", "127.0.0.1:0", "ORDERS_METRICS_ADDRESS"),
        ("ORDERS_DEPLOYMENT", "orders", "ORDERS_DEPLOYMENT"),
        ("ORDERS_BUILD_ID", "1", "ORDERS_DEPLOYMENT"),
        ("TEMPORAL_DEPLOYMENT_NAME", "orders", "TEMPORAL_DEPLOYMENT_NAME"),
        ("TEMPORAL_WORKER_BUILD_ID", "1", "TEMPORAL_DEPLOYMENT_NAME"),
        ("ORDERS_DRAIN_SECOND", "30", "ORDERS_DRAIN_SECOND"),
        ("ORDERS_DATABASE_URL", "postgresql://u:hunter2@db/orders", "ORDERS_DATABASE_URL"),
        ("ORDERS_DATA_DIR", "/data/\x1b[2Jhunter2", "ORDERS_DATA_DIR"),
        ("ORDERS_DEADLINE_SECONDS", "0", "ORDERS_DEADLINE_SECONDS"),
        ("ORDERS_DEADLINE_SECONDS", "soon", "ORDERS_DEADLINE_SECONDS"),
        ("ORDERS_ALERT_WEBHOOK", "http://alerts.example.com/hunter2", "ORDERS_ALERT_WEBHOOK"),
        ("ORDERS_ALERT_WEBHOOK", "https://", "ORDERS_ALERT_WEBHOOK"),
        ("ORDERS_ALERT_WEBHOOK", "alerts.example.com/hunter2", "ORDERS_ALERT_WEBHOOK"),
        ("ORDERS_ALERT_WEBHOOK", "https://alerts.example.com:99999/hunter2", "ORDERS_ALERT_WEBHOOK"),
        ("ORDERS_ALERT_WEBHOOK", "https://[hunter2", "ORDERS_ALERT_WEBHOOK"),
        ("ORDERS_ALERT_WEBHOOK", "file:///hunter2", "ORDERS_ALERT_WEBHOOK"),
        ("ORDERS_APART", "orders", "ORDERS_APART"),
        ("ORDERS_APART", "payments,,shipping", "ORDERS_APART"),
        ("ORDERS_APART", '["payments"]', "ORDERS_APART"),
    ],
)
def test_a_bad_variable_is_named_in_one_line_without_its_value(name: str, text: str, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Settings.read({name: text})

    line = str(caught.value)
    assert line.startswith(f"{named}: ")
    assert "\n" not in line
    assert "hunter2" not in line


INJECTED_BY_KUBERNETES = {
    f"ORDERS_{service}{ending}": text
    for service in ("DB", "UI", "TEMPORAL", "DATA", "CARRIER", "METRICS", "LOG_LEVEL", "EXPRESS", "METRICS_ADDRESS")
    for ending, text in {
        "_SERVICE_HOST": "10.0.0.1",
        "_SERVICE_PORT": "8233",
        "_SERVICE_PORT_HTTP": "8233",
        "_PORT": "tcp://10.0.0.1:8233",
        "_PORT_8233_TCP": "tcp://10.0.0.1:8233",
        "_PORT_8233_TCP_PROTO": "tcp",
        "_PORT_8233_TCP_PORT": "8233",
        "_PORT_8233_TCP_ADDR": "10.0.0.1",
        "_PORT_53_UDP": "udp://10.0.0.1:53",
        "_PORT_53_UDP_ADDR": "10.0.0.1",
    }.items()
} | {"ORDERS_SERVICE_HOST": "10.0.0.1", "ORDERS_PORT": "tcp://10.0.0.1:80", "ORDERS_PORT_80_TCP_ADDR": "10.0.0.1"}


def test_what_kubernetes_injects_for_services_with_our_prefix_is_no_setting() -> None:
    assert Settings.read(INJECTED_BY_KUBERNETES) == Settings()
    assert unknown_variables(INJECTED_BY_KUBERNETES) == []


def test_a_port_beside_injected_variables_is_still_read() -> None:
    assert Settings.read({**INJECTED_BY_KUBERNETES, "ORDERS_UI_PORT": "8000"}).ui_port == 8000


def test_a_variable_that_is_like_no_setting_is_listed_and_ignored() -> None:
    given = {"ORDERS_RUN_BY": "team-a", "ORDERS_REPLICAS": "3", "ORDERS_UI_PORT": "8000"}

    assert Settings.read(given) == Settings(ui_port=8000)
    assert unknown_variables(given) == ["ORDERS_REPLICAS", "ORDERS_RUN_BY"]


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_typo_in_the_name_of_any_setting_is_refused_with_the_right_name(field: str) -> None:
    name = variable(field)
    ending = name.removeprefix("ORDERS_")
    if name == "DATABASE_URL":
        return  # the prefix is missing: not a variable of this project
    typos = {f"{ending}S", ending[:-2] + ending[-1], ending[1] + ending[0] + ending[2:], ending.lower()} - {ending}
    for typo in typos:
        with pytest.raises(InvalidInput, match=rf"did you mean {name}\?$"):
            Settings.read({f"ORDERS_{typo}": "1"})


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.read({"DATABASE_URL": "", "ORDERS_UI_PORT": ""}) == Settings()


def test_no_other_variable_is_a_setting() -> None:
    lower_case = {"express": "1", "temporal_port": "7000", "database_url": "postgresql://db/orders"}

    assert Settings.read(lower_case) == Settings()


def test_settings_built_in_code_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_UI_PORT", "8000")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/orders")

    built = Settings(temporal_port=7000)

    assert (built.temporal_port, built.ui_port, built.database_url) == (7000, 8233, None)
    assert Settings.read().ui_port == 8000


def test_settings_are_frozen_and_accept_no_other_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().ui_port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="not permitted"):
        Settings(nope=1)  # type: ignore[call-arg]


def test_the_settings_of_every_order_are_read_too() -> None:
    url = "https://alerts.example.com/hook?key=1"

    settings = Settings.read({"ORDERS_DEADLINE_SECONDS": "900", "ORDERS_ALERT_WEBHOOK": url})

    assert settings == Settings(deadline_seconds=900, alert_webhook=url)


@pytest.mark.parametrize("url", ["http://localhost:8080/a", "http://127.0.0.1/a", "http://[::1]:1/a"])
def test_a_webhook_on_loopback_may_use_plain_http(url: str) -> None:
    assert Settings.read({"ORDERS_ALERT_WEBHOOK": url}).alert_webhook == url


@pytest.mark.parametrize("name", ["shop.orders", "shop:orders", "__orders", "", "a b", "o" * 129, "orders\n"])
@pytest.mark.parametrize("variables", [OURS, THEIRS])
def test_a_deployment_that_the_server_gives_no_tasks_is_refused(name: str, variables: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput, match=rf"^{variables[0]}: "):
        Settings.read({variables[0]: name, variables[1]: "1.2"})


@pytest.mark.parametrize("name", ["orders", "shop/orders", "O-1_2"])
def test_the_version_that_the_worker_controller_sets_is_used(name: str) -> None:
    build_id = {"TEMPORAL_WORKER_BUILD_ID": "v1.2-3f"}

    settings = Settings.read({"TEMPORAL_DEPLOYMENT_NAME": name, **build_id})

    assert settings == Settings(deployment=name, build_id="v1.2-3f")
    assert Settings.read({"ORDERS_DEPLOYMENT": name, "TEMPORAL_DEPLOYMENT_NAME": name, **build_id}) == settings
    with pytest.raises(InvalidInput, match=r"^ORDERS_DEPLOYMENT: differs from TEMPORAL_DEPLOYMENT_NAME"):
        Settings.read({"ORDERS_DEPLOYMENT": "other", "TEMPORAL_DEPLOYMENT_NAME": name, **build_id})
