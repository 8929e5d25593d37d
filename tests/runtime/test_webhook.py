"""The webhook as the other side sees it, over real HTTP."""

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


async def test_an_alert_is_one_post_under_its_key(hook: Hook) -> None:
    await WebhookNotifier(hook.url).notify(AN_ALERT)

    (told,) = hook.told
    assert (told.method, told.path) == ("POST", "/hook?secret=hunter2")
    assert told.headers["Idempotency-Key"] == "o-1:charge:undo:0"
    assert told.headers["Content-Type"] == "application/json"
    assert Alert.model_validate_json(told.body) == AN_ALERT


@pytest.mark.parametrize("status", [300, 302, 400, 404, 429, 500, 503])
async def test_any_answer_but_a_2xx_is_to_be_asked_again(status: int, hook: Hook) -> None:
    hook.answers = [status]
    hook.headers = {"Location": hook.url}

    with pytest.raises(Unavailable, match=f"answered {status}") as caught:
        await WebhookNotifier(hook.url).notify(AN_ALERT)

    assert len(hook.told) == 1
    assert caught.value.retry_after is None


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("86400", 300.0), ("soon", None), ("-1", None)])
async def test_the_other_side_may_say_when_to_come_back(said: str, seconds: float | None, hook: Hook) -> None:
    hook.answers, hook.headers = [429], {"Retry-After": said}

    with pytest.raises(Unavailable) as caught:
        await WebhookNotifier(hook.url).notify(AN_ALERT)

    assert caught.value.retry_after == seconds


async def test_an_answer_that_does_not_come_is_given_up(hook: Hook) -> None:
    hook.answering.clear()

    with pytest.raises(Unavailable, match="TimeoutError"):
        await WebhookNotifier(hook.url, seconds_to_answer=0.3).notify(AN_ALERT)


async def test_nobody_listening_is_to_be_asked_again_and_the_address_stays_secret() -> None:
    with pytest.raises(Unavailable) as caught:
        await WebhookNotifier(f"http://127.0.0.1:{free_port()}/hunter2").notify(AN_ALERT)

    assert str(caught.value) == "alert webhook: ConnectError"


async def test_the_address_is_not_logged(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    await WebhookNotifier(hook.url).notify(AN_ALERT)

    assert "hunter2" not in caplog.text


def test_it_gives_up_before_the_attempt_does() -> None:
    assert ALERT.timeout.total_seconds() > SECONDS_TO_ANSWER


def test_the_alert_holds_nothing_personal() -> None:
    said = set(json.loads(AN_ALERT.model_dump_json()))

    assert said == {"key", "order_id", "step", "direction", "failure", "at_risk", "currency"}
