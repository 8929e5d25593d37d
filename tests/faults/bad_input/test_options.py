"""Every option and every variable is read as documented, or named in one error line."""

import base64
import re
import uuid
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from cli.intake import REASON_AT_MOST, actor, order_id, reason
from cli.operate.stuck import OLDEST, _age
from cli.orders.mix import KINDS, kinds_of, read_mix
from client.state_store.paging import place_of, token_of
from models.errors import InvalidInput
from models.texts import holds_card_number
from runtime.settings import Settings, variable
from tests.faults.bad_input.generated.fuzzing import fuzzed, tried
from tests.faults.bad_input.generated.nasty import NASTY_TEXTS

TEXTS = st.text(max_size=40) | st.sampled_from(NASTY_TEXTS) | st.from_regex(r"[ -~]{0,30}", fullmatch=True)
SETTINGS = sorted(variable(field) for field in Settings.model_fields)
USUAL = (
    "0",
    "1",
    "65535",
    "65536",
    "true",
    "yes",
    "json",
    "debug",
    "127.0.0.1:9464",
    "[::1]:1",
    "https://x/",
    "~/d",
    "/",
)
VALUES = TEXTS | st.sampled_from((*USUAL, "~no-such-user/data", "\udcff"))


@fuzzed(150)
@given(st.dictionaries(st.sampled_from(SETTINGS) | TEXTS.map(lambda text: f"ORDERS_{text}"), VALUES, max_size=4))
def test_an_environment_is_read_or_the_variable_is_named(environment: dict[str, str]) -> None:
    # An environment can't hold a NUL, and its names no equals sign.
    given = {name.replace("\0", "").replace("=", ""): text.replace("\0", "") for name, text in environment.items()}

    settings = tried(lambda: Settings.read(given))

    if isinstance(settings, InvalidInput):
        # Variables that must fit together are named as well.
        assert settings.field in {*given, "ORDERS_DEPLOYMENT", "ORDERS_UI_PORT"}
    else:
        # Variables that are like no setting change nothing.
        assert settings == Settings.read({name: text for name, text in given.items() if name in SETTINGS})
        assert 0 < settings.temporal_port < 2**16
        assert settings.data_dir.is_absolute()


SHARES = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 999_999)), unique_by=lambda share: share[0])


@fuzzed(100)
@given(TEXTS | SHARES.map(lambda shares: ",".join(f"{kind}={share}" for kind, share in shares)))
def test_a_mix_is_read_or_refused(text: str) -> None:
    shares = tried(lambda: read_mix(text))

    if isinstance(shares, InvalidInput):
        assert shares.field == "--mix"
    else:
        assert text.replace(" ", "") == ",".join(f"{kind}={text_of(text, kind)}" for kind in shares)
        assert sum(shares.values()) > 0
        assert set(kinds_of(shares, 50)) <= {kind for kind, share in shares.items() if share}


def text_of(mix: str, kind: str) -> str:
    """Return a share as written, with leading zeros."""
    return mix.replace(" ", "").partition(f"{kind}=")[2].partition(",")[0]


@fuzzed(100)
@given(st.sampled_from(("newest", "riskiest", "open")), st.binary(min_size=1, max_size=30), st.data())
def test_only_a_page_token_of_the_same_list_is_accepted(what: str, place: bytes, data: st.DataObject) -> None:
    token = token_of(what, place)
    other = data.draw(TEXTS | st.binary(max_size=30).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
    at = data.draw(st.integers(0, len(token) - 1))

    assert place_of(what, token) == place
    for wrong in (other, token[:at], "A" + token, token[:at] + "%" + token[at + 1 :]):
        refused = tried(lambda wrong=wrong: place_of(what, wrong))  # type: ignore[misc] # bound at once
        assert isinstance(refused, InvalidInput), wrong
    assert isinstance(tried(lambda: place_of("another list", token)), InvalidInput)


@fuzzed(100)
@given(TEXTS | st.from_regex(r"[0-9]{1,7}[smhdw]", fullmatch=True))
def test_an_age_is_read_or_refused(text: str) -> None:
    age = tried(lambda: _age(text))

    if isinstance(age, timedelta):
        assert re.fullmatch("[0-9]{1,6}[smhd]", text)
        assert timedelta() <= age <= OLDEST
    else:
        assert age.field == "--older-than"


@fuzzed(150)
@given(TEXTS)
def test_ids_and_reasons_are_accepted_exactly_within_the_limits(text: str) -> None:
    is_id = re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text, re.ASCII) is not None
    printable = bool(text.strip()) and text.isprintable() and not holds_card_number(text)

    assert isinstance(tried(lambda: order_id(text)), str) == is_id
    assert isinstance(tried(lambda: reason(text)), str) == (printable and len(text) <= REASON_AT_MOST)
    assert isinstance(tried(lambda: actor(text)), str) == (printable and len(text) <= 100)


CARDS = st.sampled_from(("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"))
MARKS, MORE = st.sampled_from(("", " ", "-", ".", " - ", "_")), st.sampled_from(("", " 12/27", " 123", ", 7"))
WORDS = st.text(st.characters(categories=["L"]), max_size=12)


@fuzzed(100)
@given(CARDS, MARKS, WORDS, WORDS, MORE)
def test_a_card_number_is_found_anywhere_in_a_text(card: str, mark: str, before: str, behind: str, more: str) -> None:
    grouped = mark.join(card[at : at + 4] for at in range(0, len(card), 4))

    assert holds_card_number(f"{before} {grouped}{more} {behind}")
    assert holds_card_number(f"1 {before}x{card}x{behind}")


@fuzzed(50)
@given(CARDS, MARKS, WORDS, st.integers(1, 9))
def test_a_number_with_a_wrong_check_digit_is_no_card_number(card: str, mark: str, beside: str, more: int) -> None:
    wrong = f"{card[:-1]}{(int(card[-1]) + more) % 10}"

    assert not holds_card_number(f"{beside} {mark.join(wrong[at : at + 4] for at in range(0, len(wrong), 4))} {beside}")
    assert not holds_card_number(f"{card}{more}{card}")


@fuzzed(200)
@given(st.uuids(version=4), st.datetimes().map(str), st.integers(1, 10**6), st.integers(10**9, 2 * 10**9))
def test_ids_and_times_are_no_card_numbers(id_: uuid.UUID, moment: str, number: int, seconds: int) -> None:
    assert not holds_card_number(f"order-{id_}") or re.search(r"\d{13,}|\d[\d-]{12,}", str(id_))
    assert not holds_card_number(f"batch-{seconds}-{number}")
    assert not holds_card_number(f"since {moment[:19]}") or moment[:1] in "23456"
