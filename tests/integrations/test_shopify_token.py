"""The token that is granted for a day: shared by all processes, renewed ahead by one."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import responses
import structlog
from django.conf import settings
from django.test import override_settings

from integrations.errors import BadAnswer, Held, NotSent, ProviderError, Refused
from integrations.shopify.client import ShopifyClient
from integrations.shopify.token import ClientCredentials, Grant, GrantedToken, PermanentToken

SHOP = "http://kiln.invalid"
ASK = f"{SHOP}/admin/oauth/access_token"


class Shopify:
    """Grants tokens one after the other, or fails."""

    patience = 1.0

    def __init__(self, expires_in: float = 86_399) -> None:
        self.asked, self.expires_in = 0, expires_in
        self.error: ProviderError | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self) -> Grant:
        self.asked += 1
        self.meanwhile()
        if self.error:
            raise self.error
        return Grant(access_token=f"shpat_granted{self.asked}", expires_in=self.expires_in)


@pytest.fixture
def store() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL)


@pytest.fixture
def shopify() -> Shopify:
    return Shopify()


@pytest.fixture
def process(shopify: Shopify, store: Any) -> Callable[[], GrantedToken]:
    """`process()`: the token as another process has it."""
    scope = uuid.uuid4().hex
    ask: Any = shopify
    return lambda: GrantedToken(ask, store, scope)


Process = Callable[[], GrantedToken]


def ages(process: Process, store: Any, seconds: float) -> None:
    """Let the token that is kept have so many seconds left."""
    store.pexpire(process()._key, round(seconds * 1000))


def test_one_token_is_asked_for_and_every_process_finds_it(process: Process, shopify: Shopify) -> None:
    assert [process().current() for _ in range(3)] == ["shpat_granted1"] * 3
    assert shopify.asked == 1


def test_it_is_kept_encrypted_and_no_longer_than_it_lives(process: Process, store: Any) -> None:
    process().current()
    assert b"granted" not in store.get(process()._key)
    assert 86_000_000 < store.pttl(process()._key) <= 86_339_000


def test_it_is_renewed_ahead_of_its_end(process: Process, shopify: Shopify, store: Any) -> None:
    process().current()
    ages(process, store, 3601)
    assert process().current() == "shpat_granted1"
    ages(process, store, 3599)
    assert process().current() == "shpat_granted2"
    assert process().current() == "shpat_granted2"


def test_a_short_life_is_renewed_at_its_half(process: Process, shopify: Shopify, store: Any) -> None:
    shopify.expires_in = 660
    process().current()
    ages(process, store, 301)
    assert process().current() == "shpat_granted1"
    ages(process, store, 299)
    assert process().current() == "shpat_granted2"


def test_while_one_process_renews_it_the_others_go_on_with_the_old_one(
    process: Process, shopify: Shopify, store: Any
) -> None:
    process().current()
    ages(process, store, 100)
    seen: list[str] = []
    shopify.meanwhile = lambda: seen.append(process().current())
    assert process().current() == "shpat_granted2"
    assert seen == ["shpat_granted1"]


def test_while_one_process_fetches_the_first_one_the_others_are_told_when(
    process: Process, shopify: Shopify
) -> None:
    held: list[Held] = []

    def another() -> None:
        with pytest.raises(Held) as caught:
            process().current()
        held.append(caught.value)

    shopify.meanwhile = another
    process().current()
    assert (held[0].reason, held[0].seconds, shopify.asked) == ("renewal", 1.0, 1)


def test_many_at_once_ask_once(process: Process, shopify: Shopify) -> None:
    together = threading.Barrier(8)

    def current() -> str:
        together.wait()
        try:
            return process().current()
        except Held:
            return ""

    with ThreadPoolExecutor(8) as pool:
        found = {future.result() for future in [pool.submit(current) for _ in range(8)]}
    assert found <= {"", "shpat_granted1"}
    assert shopify.asked == 1


def test_a_process_that_dies_while_renewing_does_not_lock_the_others_out(
    process: Process, shopify: Shopify, store: Any
) -> None:
    left: list[int] = []
    shopify.meanwhile = lambda: left.append(store.pttl(process()._lock))
    process().current()
    assert shopify.patience * 1000 < left[0] <= (shopify.patience + 5) * 1000
    assert not store.exists(process()._lock)


def test_a_lock_that_has_passed_to_another_is_not_let_go(
    process: Process, shopify: Shopify, store: Any
) -> None:
    shopify.meanwhile = lambda: store.set(process()._lock, "another")
    process().current()
    assert store.get(process()._lock) == b"another"


def test_a_renewal_that_fails_leaves_the_old_token_and_is_not_tried_by_every_call(
    process: Process, shopify: Shopify, store: Any
) -> None:
    process().current()
    ages(process, store, 100)
    shopify.error = NotSent("unreachable", provider="shopify")
    with structlog.testing.capture_logs() as lines:
        assert [process().current() for _ in range(3)] == ["shpat_granted1"] * 3
    assert shopify.asked == 2
    assert [line["event"] for line in lines] == ["token not renewed"]
    assert 0 < store.pttl(process()._lock) <= 15_000


@pytest.mark.parametrize("kept", [False, True])
def test_while_the_limiter_holds_nobody_is_locked_out(
    process: Process, shopify: Shopify, store: Any, kept: bool
) -> None:
    if kept:
        process().current()
        ages(process, store, 100)
    shopify.error = Held("Later.", provider="shopify", seconds=3, reason="limit")
    for _ in range(2):
        if kept:
            assert process().current() == "shpat_granted1"
        else:
            with pytest.raises(Held, match="Later"):
                process().current()
    shopify.error = None
    assert process().current() == f"shpat_granted{shopify.asked}"


def test_without_any_token_the_failure_is_told(process: Process, shopify: Shopify) -> None:
    shopify.error = Refused("no", provider="shopify", kind="auth")
    with pytest.raises(Refused):
        process().current()
    with pytest.raises(Held, match="granted no token just now") as held:
        process().current()
    assert 10 < held.value.seconds <= 15
    assert shopify.asked == 1


def test_a_token_that_shopify_does_not_take_is_forgotten_unless_it_was_replaced(
    process: Process, shopify: Shopify
) -> None:
    first = process().current()
    assert process().refused(first)
    second = process().current()
    assert process().refused(first)
    assert (second, process().current(), shopify.asked) == ("shpat_granted2", "shpat_granted2", 2)


def test_a_token_under_a_key_that_was_taken_away_is_asked_for_anew(
    process: Process, shopify: Shopify
) -> None:
    process().current()
    with override_settings(FIELD_ENCRYPTION_KEYS=["another"]):
        assert process().current() == "shpat_granted2"


def test_without_the_store_calls_are_held(shopify: Any, nowhere: str) -> None:
    token = GrantedToken(shopify, redis.Redis.from_url(f"redis://{nowhere}/0"), "s")
    with pytest.raises(Held) as caught:
        token.current()
    assert caught.value.reason == "store"


# Asking for it -----------------------------------------------------------------------------------------


@pytest.fixture
def ask(open_limiter: Any) -> ClientCredentials:
    return ClientCredentials(SHOP, "app-id", "planted-secret", open_limiter, 2.0, 5.0)


@responses.activate
def test_the_grant_is_asked_for_as_a_form(ask: ClientCredentials) -> None:
    form = {"grant_type": "client_credentials", "client_id": "app-id", "client_secret": "planted-secret"}
    responses.post(
        ASK,
        json={"access_token": "shpat_x", "scope": "read_orders", "expires_in": 86399},
        match=[
            responses.matchers.urlencoded_params_matcher(form),
            responses.matchers.header_matcher({"Accept": "application/json"}),
        ],
    )
    grant = ask()
    assert (grant.access_token, grant.expires_in) == ("shpat_x", 86399)


@pytest.mark.parametrize(
    ("status", "body", "content_type", "words"),
    [
        (
            400,
            '{"error": "shop_not_permitted", "error_description": "Cannot be performed on this shop."}',
            "application/json",
            "Cannot be performed on this shop.",
        ),
        (401, '{"error": "invalid_client"}', "application/json", "invalid_client"),
        (400, "<html>Oauth error shop_not_permitted</html>", "text/html", "400"),
    ],
)
@responses.activate
def test_a_grant_that_is_refused_is_for_somebody_to_look_at(
    ask: ClientCredentials, status: int, body: str, content_type: str, words: str
) -> None:
    responses.post(ASK, status=status, body=body, content_type=content_type)
    with pytest.raises(Refused, match=words) as caught:
        ask()
    assert caught.value.kind == "auth"


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"access_token": ""}', '{"access_token": "shpat_kept", "expires_in": 0}']
)
@responses.activate
def test_an_answer_without_a_token_is_no_answer(ask: ClientCredentials, body: str) -> None:
    responses.post(ASK, body=body)
    with pytest.raises(BadAnswer) as caught:
        ask()
    assert "shpat_kept" not in caught.value.body


# In use ------------------------------------------------------------------------------------------------


class Tokens:
    """Tokens one after the other, each until it is refused."""

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)

    def current(self) -> str:
        return self.left[0]

    def refused(self, token: str) -> bool:
        self.left.remove(token)
        return bool(self.left)


GRAPHQL = f"{SHOP}/admin/api/2026-10/graphql.json"
DATA = {"data": {"shop": {"name": "Kiln", "currencyCode": "EUR", "ianaTimezone": "Europe/Berlin"}}}


def takes(token: str) -> None:
    """Let Shopify take this token alone."""
    header = responses.matchers.header_matcher
    responses.post(GRAPHQL, json=DATA, match=[header({"X-Shopify-Access-Token": token})])
    responses.post(GRAPHQL, status=401, json={"errors": "[API] Invalid API key or access token"})


@responses.activate
def test_a_granted_token_that_ended_before_its_time_is_replaced_at_once(open_limiter: Any) -> None:
    takes("shpat_second")
    client = ShopifyClient(SHOP, "2026-10", Tokens("shpat_first", "shpat_second"), open_limiter, 2.0, 5.0)
    assert client.shop().name == "Kiln"


@responses.activate
def test_a_second_token_that_is_not_taken_either_is_a_refusal(open_limiter: Any) -> None:
    takes("shpat_fourth")
    tokens = Tokens("shpat_first", "shpat_second", "shpat_third")
    with pytest.raises(Refused) as caught:
        ShopifyClient(SHOP, "2026-10", tokens, open_limiter, 2.0, 5.0).shop()
    assert (caught.value.kind, len(responses.calls)) == ("auth", 2)


@responses.activate
def test_a_permanent_token_that_is_not_taken_is_a_refusal_at_once(open_limiter: Any) -> None:
    takes("shpat_other")
    with pytest.raises(Refused):
        ShopifyClient(SHOP, "2026-10", PermanentToken("shpat_first"), open_limiter, 2.0, 5.0).shop()
    assert len(responses.calls) == 1
