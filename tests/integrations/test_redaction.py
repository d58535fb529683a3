"""A planted key is looked for in everything that a call may write."""

import base64
import contextlib
import html
import http.client
import json
import logging
import socket
import traceback
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import redis
import structlog
from django.conf import settings

from integrations import redaction
from integrations.chatwoot.client import ChatwootClient
from integrations.errors import ProviderError
from integrations.http import ApiClient, Call
from integrations.publer.client import PublerClient
from integrations.redaction import HIDDEN, redact, remember
from integrations.shopify.client import ShopifyClient
from integrations.shopify.token import ClientCredentials, GrantedToken, PermanentToken
from tests.integrations.wire import KEY
from tests.integrations.wire import http as answers
from tests.leaks import found_in

POST = Call("POST", "posts/schedule", json={"bulk": {}})
BASE = "http://publer.invalid/api/v1"
GRANTED = "shpat_plantedGrant-7e6d5c4b3a+/"
SECRET = "plantedSecret-1a2b3c4d5e6f+/="


class Written(logging.Handler):
    """Everything written while a test ran: every logger at every level, errors in every form."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.setFormatter(logging.Formatter())
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.name} {self.format(record)} {record.__dict__}\n"

    def add(self, *things: object) -> None:
        for thing in things:
            self.text += f"{thing!r}\n{thing!s}\n"
            if isinstance(thing, BaseException):
                self.text += "".join(traceback.format_exception(thing))
                self.text += f"{thing.args} {thing.__dict__} {thing.__cause__!r} {thing.__context__!r}"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    handler = Written()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 0)
    with structlog.testing.capture_logs() as lines:
        yield handler
        handler.add(lines)
    root.removeHandler(handler)
    root.setLevel(level)


def assert_clean(text: str, key: str = KEY) -> None:
    assert text
    assert found_in(text, key) == []


@contextlib.contextmanager
def failing(written: Written) -> Iterator[None]:
    with pytest.raises(ProviderError) as caught:
        yield
    written.add(caught.value, caught.value.message, caught.value.body)


def test_every_encoded_form_is_taken_out_of_a_text() -> None:
    key = 'another"-9f8e7d6c5b4a+/='
    remember(key)
    wrapped = [f"{'x' * lead}{key}{'y' * tail}".encode() for lead in range(3) for tail in range(3)]
    encoded = [
        encode(text).decode() for text in wrapped for encode in (base64.b64encode, base64.urlsafe_b64encode)
    ]
    plain = [key, quote(key), quote(key, safe=""), json.dumps(key), html.escape(key)]
    assert_clean(redact(" ".join([*plain, *encoded])), key)


@pytest.mark.parametrize("scheme", ["Bearer-API", "bearer", "Bearer", "Basic", "Token"])
def test_an_authorization_value_goes_even_if_it_was_never_named(scheme: str) -> None:
    assert redact(f"Authorization: {scheme} stranger0123456") == f"Authorization: {scheme} [secret]"


def test_ordinary_words_stay() -> None:
    remember("abc")
    assert redact("abc of bearer tokens") == "abc of bearer [secret]"
    assert redact("An alphabet: abc") == "An alphabet: abc"


def test_a_good_call_writes_no_key(client: Callable[..., ApiClient], wire: Any, written: Written) -> None:
    api = client(wire.serve(answers("200 OK", "{}")))
    api.read(Call("GET", "accounts"))
    written.add(api)
    assert KEY.encode() in wire.received
    assert_clean(written.text)


def test_a_refused_connection_writes_no_key(
    client: Callable[..., ApiClient], nowhere: str, written: Written
) -> None:
    api = client(f"http://{nowhere}/{KEY}")
    with failing(written):
        api.write(POST, api.leave())
    assert_clean(written.text)


def test_an_unknown_name_writes_no_key_of_its_address(
    client: Callable[..., ApiClient], written: Written
) -> None:
    host = f"http://{KEY.split('+')[0]}.invalid/{quote(KEY, safe='')}"
    api = client(host)
    remember(KEY.split("+")[0].lower())  # a host name is lowered on its way
    written.add(api)
    with failing(written):
        api.write(Call("POST", "x", params=[("key", KEY)]), api.leave())
    assert KEY.split("+")[0].lower() not in written.text
    assert_clean(written.text)


def test_a_time_out_writes_no_key(client: Callable[..., ApiClient], wire: Any, written: Written) -> None:
    def silent(_: socket.socket, spoken: socket.socket) -> None:
        spoken.recv(1)

    api = client(wire.serve(silent), read_timeout=0.2)
    with failing(written):
        api.write(Call("POST", "posts", params=[("api_key", KEY)], json={}), api.leave())
    assert_clean(written.text)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Broken", f"<html>Your key {KEY} was not liked</html>"),
        ("422 No", json.dumps({"errors": [f"Authorization: Bearer-API {KEY}"]})),
        ("401 No", json.dumps({"errors": [f"{quote(KEY, safe='')} is unknown"]})),
        ("200 OK", json.dumps({"success": False, "echo": base64.b64encode(f"x:{KEY}".encode()).decode()})),
        ("302 Found", KEY * 200),
    ],
)
def test_an_answer_that_echoes_the_key_is_kept_without_it(
    open_limiter: Any, wire: Any, written: Written, status: str, body: str
) -> None:
    publer = PublerClient(wire.serve(answers(status, body)), KEY, "workspace", open_limiter, 2.0, 2.0)
    written.add(publer, publer.__dict__)
    with failing(written):
        publer.schedule({"bulk": {}}, publer.leave())
    with failing(written):
        publer.me()
    assert_clean(written.text)


def test_an_accepted_job_that_echoes_the_key_is_kept_without_it(open_limiter: Any, wire: Any) -> None:
    body = json.dumps({"job_id": "j1", "echo": KEY})
    publer = PublerClient(wire.serve(answers("200 OK", body)), KEY, "workspace", open_limiter, 2.0, 2.0)
    assert_clean(publer.schedule({"bulk": {}}, publer.leave()).body_excerpt)


def test_a_call_leaves_one_line_without_ids_or_query(client: Callable[..., ApiClient], wire: Any) -> None:
    api = client(wire.serve(answers("200 OK", "{}")))
    with structlog.testing.capture_logs() as lines:
        api.read(Call("GET", "job_status/{job_id}", path={"job_id": "j1"}, params=[("a", "b")]))
    (line,) = lines
    assert {name: line[name] for name in ("provider", "method", "route", "status", "error")} == {
        "provider": "publer",
        "method": "GET",
        "route": "job_status/{job_id}",
        "status": 200,
        "error": None,
    }
    assert isinstance(line["milliseconds"], int)
    assert isinstance(line["waited"], int)


def test_netrc_does_not_replace_the_credentials(
    client: Callable[..., ApiClient], wire: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client(wire.serve(answers("200 OK", "{}"))).read(Call("GET", "accounts"))
    assert f"Authorization: Bearer-API {KEY}".encode() in wire.received


# The other providers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Broken", f"<html>Your token {KEY} was not liked</html>"),
        ("401 No", json.dumps({"errors": f"[API] Invalid API key {KEY}"})),
        (
            "200 OK",
            json.dumps({"errors": [{"message": f"Token {KEY}", "extensions": {"code": "ACCESS_DENIED"}}]}),
        ),
        ("200 OK", json.dumps({"data": {"shop": None}, "errors": [{"message": quote(KEY, safe="")}]})),
        ("429 No", "Retry later"),
    ],
)
def test_shopifys_token_is_seen_nowhere(
    open_limiter: Any, wire: Any, written: Written, status: str, body: str
) -> None:
    token = PermanentToken(KEY)
    shopify = ShopifyClient(wire.serve(answers(status, body)), "2026-10", token, open_limiter, 2.0, 2.0)
    with failing(written):
        shopify.shop()
    written.add(shopify, shopify.__dict__, token, shopify._graphql.__dict__.keys())
    assert KEY.encode() in wire.received
    assert_clean(written.text)


def test_the_words_of_a_partial_answer_are_written_without_the_token(
    open_limiter: Any, wire: Any, written: Written
) -> None:
    shop = {"name": "Kiln", "currencyCode": "EUR", "ianaTimezone": "Europe/Berlin"}
    body = json.dumps({"data": {"shop": shop}, "errors": [{"message": f"No access with {KEY}"}]})
    address = wire.serve(answers("200 OK", body))
    read = ShopifyClient(address, "2026-10", PermanentToken(KEY), open_limiter, 2.0, 2.0).shop()
    written.add(read)
    assert read.errors == ("No access with [secret]",)
    assert_clean(written.text)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", json.dumps({"access_token": f"{GRANTED}1", "expires_in": 86399})),
        ("200 OK", json.dumps({"access_token": f"{GRANTED}2", "expires_in": "soon"})),
        ("400 No", json.dumps({"error": "invalid_client", "error_description": f"secret {SECRET} is wrong"})),
        ("400 No", f"Oauth error: client_secret={quote(SECRET, safe='')}"),
    ],
)
def test_a_granted_token_and_what_it_is_asked_with_are_seen_nowhere(
    open_limiter: Any, wire: Any, written: Written, status: str, body: str
) -> None:
    address = wire.serve(answers(status, body))
    ask = ClientCredentials(address, "app", SECRET, open_limiter, 2.0, 2.0)
    store = redis.Redis.from_url(settings.REDIS_URL)
    token = GrantedToken(ask, store, uuid.uuid4().hex)
    with contextlib.suppress(ProviderError):
        token.current()
    try:
        written.add(ask(), ask, token)
    except ProviderError as error:
        written.add(error, error.message, error.body, ask, token)
    assert quote(SECRET, safe="").encode() in wire.received
    kept = store.get(token._key)
    written.add(kept, token._kept())
    assert GRANTED not in written.text
    assert_clean(written.text, SECRET)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Broken", f"<html>{KEY}</html>"),
        ("401 No", json.dumps({"error": f"Invalid Access Token {KEY}"})),
        ("422 No", json.dumps({"message": base64.b64encode(f"x:{KEY}".encode()).decode(), "attributes": []})),
        ("200 OK", json.dumps({"echo": KEY})),
    ],
)
def test_chatwoots_token_is_seen_nowhere(
    open_limiter: Any, wire: Any, written: Written, status: str, body: str
) -> None:
    chatwoot = ChatwootClient(wire.serve(answers(status, body)), "1", KEY, open_limiter, 2.0, 2.0)
    with failing(written):
        chatwoot.counts()
    with failing(written):
        chatwoot.replace_labels(1, ["a"])
    written.add(chatwoot, chatwoot.__dict__)
    assert KEY.encode() in wire.received
    assert_clean(written.text)


# ------------------------------------------------------------------------------ what is known is bounded
def test_tokens_that_are_renewed_for_ever_fill_nothing() -> None:
    for number in range(3 * redaction.MOST):
        remember(f"renewed-token-{number:04}")
    assert len(redaction._known) == redaction.MOST
    assert len(redaction._forms_known) < 20 * redaction.MOST
    assert redact(f"renewed-token-{3 * redaction.MOST - 1:04}") == HIDDEN


def test_a_key_that_is_in_use_is_never_forgotten(client: Callable[..., ApiClient], wire: Any) -> None:
    api = client(wire.serve(answers("200 OK", "{}")))
    for number in range(3 * redaction.MOST):
        remember(f"somebody-elses-token-{number:04}")
        if number % 50 == 0:
            api.read(Call("GET", "accounts"))
    assert redact(f"it is {KEY}") == f"it is {HIDDEN}"


def test_the_last_one_is_known_in_every_form_after_others_were_forgotten() -> None:
    for number in range(redaction.MOST + 5):
        remember(f"another-token-{number:04}")
    key = 'the-last"-one-9f8e7d6c5b4a+/='
    remember(key)
    assert_clean(redact(" ".join(redaction._forms(key))), key)
