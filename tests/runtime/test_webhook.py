"""The webhook over real HTTP, from the receiver's side."""

import json
import logging
from collections.abc import Iterator

import pytest

from models.activities.operators import Alert
from models.errors import Unavailable
from providers.webhook import SECONDS_TO_ANSWER, WebhookNotifier
from runtime.embedded.ports import free_port
from tests.runtime.hook import Hook, listening
from workflows.policies import ALERT

AN_ALERT = Alert(
    key="o-1:charge:undo:0",
    order_id="o-1",
    step="charge",
    direction="undo",
    failure="Unavailable: no answer",
    at_risk=4970,
    currency="EUR",
)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as hook:
        yield hook


async def test_an_alert_is_one_post_with_its_idempotency_key(hook: Hook) -> None:
    await WebhookNotifier(hook.url).notify(AN_ALERT)

    (call,) = hook.calls
    assert (call.method, call.path) == ("POST", "/hook?secret=hunter2")
    assert call.headers["Idempotency-Key"] == "o-1:charge:undo:0"
    assert call.headers["Content-Type"] == "application/json"
    assert Alert.model_validate_json(call.body) == AN_ALERT


@pytest.mark.parametrize("status", [300, 302, 400, 404, 429, 500, 503])
async def test_any_answer_except_2xx_is_retriable(status: int, hook: Hook) -> None:
    hook.answers = [status]
    hook.headers = {"Location": hook.url}

    with pytest.raises(Unavailable, match=f"answered {status}") as caught:
        await WebhookNotifier(hook.url).notify(AN_ALERT)

    assert len(hook.calls) == 1
    assert caught.value.retry_after is None


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("86400", 300.0), ("soon", None), ("-1", None)])
async def test_retry_after_is_read_from_the_answer(header: str, seconds: float | None, hook: Hook) -> None:
    hook.answers, hook.headers = [429], {"Retry-After": header}

    with pytest.raises(Unavailable) as caught:
        await WebhookNotifier(hook.url).notify(AN_ALERT)

    assert caught.value.retry_after == seconds


async def test_a_missing_answer_is_a_timeout(hook: Hook) -> None:
    hook.answering.clear()

    with pytest.raises(Unavailable, match="TimeoutError"):
        await WebhookNotifier(hook.url, seconds_to_answer=0.3).notify(AN_ALERT)


async def test_a_refused_connection_is_retriable_and_the_error_hides_the_address() -> None:
    with pytest.raises(Unavailable) as caught:
        await WebhookNotifier(f"http://127.0.0.1:{free_port()}/hunter2").notify(AN_ALERT)

    assert str(caught.value) == "alert webhook: ConnectError"


async def test_the_body_of_the_answer_is_never_read(hook: Hook) -> None:
    hook.headers = {"Content-Encoding": "gzip", "Content-Length": str(10**12)}
    hook.answers = [200]

    await WebhookNotifier(hook.url).notify(AN_ALERT)  # the body never comes, and no error either

    assert len(hook.calls) == 1


async def test_the_body_of_an_error_is_not_read_either(hook: Hook) -> None:
    hook.headers = {"Content-Encoding": "gzip", "Content-Length": str(10**12), "Retry-After": "7"}
    hook.answers = [503]

    with pytest.raises(Unavailable, match="answered 503") as caught:
        await WebhookNotifier(hook.url).notify(AN_ALERT)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_an_alert_for_this_machine_goes_through_no_proxy(
    variable: str, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as proxy:
        monkeypatch.setenv(variable, proxy.url.partition("/hook")[0])

        await WebhookNotifier(hook.url).notify(AN_ALERT)

    assert (len(hook.calls), proxy.calls) == (1, [])


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://127.0.0.1:1"])
async def test_a_proxy_that_can_not_be_used_is_no_bug(proxy: str, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)

    await WebhookNotifier(hook.url).notify(AN_ALERT)
    with pytest.raises(Unavailable, match="alert webhook"):
        await WebhookNotifier("https://127.0.0.1:1/hook").notify(AN_ALERT)

    assert len(hook.calls) == 1


async def test_the_address_is_not_logged(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    await WebhookNotifier(hook.url).notify(AN_ALERT)

    assert "hunter2" not in caplog.text


def test_the_webhook_times_out_before_its_activity() -> None:
    assert ALERT.timeout.total_seconds() > SECONDS_TO_ANSWER


def test_an_alert_contains_no_personal_data() -> None:
    fields = set(json.loads(AN_ALERT.model_dump_json()))

    assert fields == {"key", "order_id", "step", "direction", "failure", "at_risk", "currency"}
