"""A planted secret of each kind, and all that real processes write while it is used, refused and lost."""

import base64
import json
import re
import secrets
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
import requests

from integrations.chatwoot.sandbox import server as chatwoot
from integrations.shopify.sandbox import server as shopify
from tests.chaos.people import Person
from tests.leaks import found_in
from tests.stack import Stack

pytestmark = [pytest.mark.chaos, pytest.mark.slow]
INTEGRATIONS = "/admin/integrations/connection/"
PUBLER = f"{INTEGRATIONS}publer/"

# What a process can be made to say of what it holds: objects, rows, and errors with all they carry.
SAID = """
import traceback
from django.contrib.sessions.models import Session
from integrations.chatwoot import connect as chatwoot
from integrations.credentials import Credential
from integrations.notices import Notice
from integrations.shopify import connect as shopify
from social.models import ApiToken, IdempotentCall
from social.publishing import access, connect

def say(thing):
    print(repr(thing), str(thing), getattr(thing, "__dict__", ""))

for model in (Connection, Credential, Notice, ApiToken, IdempotentCall, Submission, Event):
    for row in model.objects.all():
        say(row)
for session in Session.objects.all():
    print(session.get_decoded())
for make in (access.access, access.stored, lambda: connect.client("w"), shopify.client, chatwoot.client,
             lambda: connect.client("w").accounts(), lambda: shopify.client().shop(),
             lambda: chatwoot.client().counts()):
    try:
        say(make())
    except Exception as error:
        say(error)
        print(error.args, vars(error), repr(error.__cause__), repr(error.__context__), traceback.format_exc())
"""


class Planted:
    """A running stack with one secret of each kind (`known`, by what it is) and what was written so far."""

    def __init__(
        self, new_stack: Callable[..., Stack], shop: shopify.Sandbox, desk: chatwoot.Sandbox
    ) -> None:
        self.shop, self.desk, self.written = shop, desk, dict[str, str]()
        self.known = {
            "the signing key": _secret("sign"),
            "an encryption key": _secret("field"),
            "the OAuth client's secret": _secret("client"),
            "the shop's app secret": shop.settings.client_secret,
            "the desk's token": desk.settings.token,
        }
        self.stack = new_stack(
            SECRET_KEY=self.known["the signing key"],
            FIELD_ENCRYPTION_KEYS=self.known["an encryption key"],
            SHOPIFY_BASE_URL=shop.url,
            SHOPIFY_CLIENT_ID="app",
            SHOPIFY_CLIENT_SECRET=shop.settings.client_secret,
            CHATWOOT_BASE_URL=desk.url,
            CHATWOOT_ACCOUNT_ID="1",
            CHATWOOT_API_TOKEN=desk.settings.token,
        ).unconnected(self.known["the OAuth client's secret"])

    def look(self, when: str) -> None:
        """Take down all that can be read at this moment."""
        stack = self.stack
        self.written[f"the database, {when}"] = stack.manage("dumpdata") + _rows(stack)
        self.written[f"the cache server, {when}"] = "\n".join(_in_store(stack.valkey.url))
        self.written[f"objects and errors, {when}"] = stack.shell(SAID)

    def learn_tokens(self) -> None:
        """Every token that the sandboxes have granted by now."""
        with sqlite3.connect(self.stack.folder / "sandbox.sqlite3") as database:
            granted = database.execute("SELECT access, renewal FROM tokens").fetchall()
        for number, (access, renewal) in enumerate(granted):
            self.known[f"access token {number}"], self.known[f"refresh token {number}"] = access, renewal
        for number, token in enumerate(self.shop.granted):
            self.known[f"the shop's token {number}"] = token


def _secret(of: str) -> str:
    """With all that an encoding changes."""
    return f"planted/{of}+{secrets.token_urlsafe(24)}=="


@pytest.fixture
def planted(new_stack: Callable[..., Stack]) -> Iterator[Planted]:
    with ExitStack() as running:
        shop = shopify.Sandbox(shopify.Settings(client_id="app", client_secret=_secret("shop")))
        desk = chatwoot.Sandbox(chatwoot.Settings(token=_secret("desk")))
        for each in (shop, desk):
            each.start()
            running.callback(each.stop)
        planted = Planted(new_stack, shop, desk)
        planted.stack.up()
        yield planted


def _rows(stack: Stack) -> str:
    """The database's own file, byte for byte, where it is one."""
    files = stack.folder.glob("hotdash.sqlite3*")
    return "".join(path.read_bytes().decode("latin-1") for path in files)


def _in_store(url: str) -> Iterator[str]:
    """Every key of every database of the server with its value, messages opened."""
    for number in range(16):
        with redis.Redis.from_url(url, db=number) as store:
            for key in store.scan_iter():
                text = f"{key!r} {_value(store, key)!r}"
                yield text
                for body in re.findall(r'"body": "([A-Za-z0-9+/=]+)"', text):
                    yield base64.b64decode(body).decode()


def _value(store: "redis.Redis", key: bytes) -> object:
    kind = store.type(key)
    if kind == b"none":
        return ""  # it has ended since it was listed
    if kind == b"string":
        return store.get(key)
    if kind == b"hash":
        return store.hgetall(key)
    if kind == b"list":
        return store.lrange(key, 0, -1)
    if kind == b"set":
        return store.smembers(key)
    assert kind == b"zset", kind
    return store.zrange(key, 0, -1, withscores=True)


def test_no_secret_is_found_in_what_anything_writes(planted: Planted) -> None:
    stack, known, written = planted.stack, planted.known, planted.written
    olga, bob = Person(stack, "olga", "Author", "Operator"), Person(stack, "bob", "Approver")
    pages: list[str] = []

    # Asked for a permission: while the question is open its state and verifier are somewhere.
    asked = olga.posts(f"{PUBLER}connect/").json()["url"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked).query).items()}
    known["a state"] = query["state"]
    known["a PKCE verifier"] = stack.shell(
        "from django.contrib.sessions.models import Session\n"
        "from integrations.encryption import decrypt\n"
        "for session in Session.objects.all():\n"
        "    if asked := session.get_decoded().get('publer_authorization'):\n"
        "        print(decrypt(asked['verifier']))"
    )
    assert len(known["a PKCE verifier"]) > 40
    planted.look("a permission asked for")
    allowed = requests.post(asked, {"answer": "allow"}, allow_redirects=False, timeout=10).headers["Location"]
    known["an authorization code"] = parse_qs(urlsplit(allowed).query)["code"][0]
    way_back = allowed.removeprefix(stack.url)
    pages += [olga.gets(way_back), olga.gets(way_back)]  # the second time it is refused
    assert "Connected to" in pages[0]

    # Used, by people, by a program and by the worker; renewed; refused; lost.
    known["a program's token"] = stack.manage(
        "create_api_token",
        "--user",
        "olga",
        "--name",
        "agent",
        "--scope",
        "posts:write",
        "--scope",
        "posts:read",
    ).strip()
    pages += propose(stack, known["a program's token"], bob)
    pages += [olga.posts(f"{INTEGRATIONS}test/").text, olga.posts(f"{PUBLER}renew/").text]
    planted.learn_tokens()
    planted.look("connected by a permission")
    for faults in ({"any": "refuse_key", "count": 3}, {"any": "html", "count": 3}):
        stack.sandbox("/sandbox/faults", faults)
        pages.append(olga.posts(f"{PUBLER}test/").text)
    for each in (planted.shop, planted.desk):
        for mode in ("refuse", "html", "throttle"):
            each.set_faults({"any": mode, "count": 1})
            pages.append(olga.posts(f"{INTEGRATIONS}test/").text)
    stack.sandbox("/sandbox/permissions", {"end": True})
    stack.sandbox("/sandbox/faults", {})
    pages.append(olga.posts(f"{PUBLER}test/").text)
    planted.learn_tokens()
    stack.sandbox("/sandbox/permissions", {"revoke": True})
    pages += [olga.posts(f"{PUBLER}test/").text for _ in range(3)]
    planted.look("the permission lost")

    # A key, kept here; then one in the environment.
    known["a key that is kept"] = _secret("kept")
    pages.append(olga.posts(f"{PUBLER}key/", key=known["a key that is kept"]).text)
    assert "Connected to" in pages[-1]
    planted.look("connected by a key")
    known["the environment's key"] = stack.environment["PUBLER_API_KEY"] = _secret("environment")
    for name in ("web", "worker", "beat"):
        stack.restart(name)
    pages.append(olga.posts(f"{INTEGRATIONS}test/").text)
    pages += propose(stack, known["a program's token"], bob)

    # Messages that nobody takes stay in the broker; providers that are gone bring errors of every kind.
    stack.kill("worker", signal.SIGSTOP)
    store = redis.Redis.from_url(stack.valkey.url)
    stack.wait_until(lambda: store.llen("celery") > 2, 20, "messages wait")
    planted.look("messages wait")
    assert "social.tasks" in written["the cache server, messages wait"]
    stack.kill("worker", signal.SIGCONT)
    stack.kill("sandbox")
    planted.shop.stop()
    planted.desk.stop()
    pages.append(olga.posts(f"{INTEGRATIONS}test/").text)
    planted.look("providers gone")
    stack.kill("valkey")
    pages.append(olga.posts(f"{INTEGRATIONS}test/").text)
    for path in (
        "/admin/", INTEGRATIONS, f"{PUBLER}key/", "/admin/social/post/", "/admin/social/post/1/change/",
        "/admin/social/apitoken/", "/admin/social/apitoken/1/change/", "/admin/auth/user/",
        "/admin/django_celery_beat/periodictask/", "/api/v1/dashboard", "/api/v1/rate-limits",
        "/api/v1/openapi.json", "/api/v1/posts/1", "/api/v1/posts/1/events",
    ):  # fmt: skip
        pages.append(olga.gets(path))

    written["pages"] = "\n".join(pages)
    for name, log in stack.logs().items():
        if name != "sandbox":
            written[f"the log of {name}"] = log
    assert len(known) > 14
    leaks = {
        f"{what} in {where}": found
        for where, text in written.items()
        for what, secret in known.items()
        if (found := found_in(text, secret))
    }
    assert leaks == {}


def propose(stack: Stack, token: str, bob: Person) -> list[str]:
    """A program proposes a post, Bob approves it, the worker sends it; a wrong token beside it is refused."""
    before = len(stack.sandbox("/sandbox/posts"))
    account = stack.shell("print(Channel.objects.get(network='facebook').account_id)")
    api, body = (
        f"{stack.url}/api/v1/posts",
        {"text": f"Bowl {before}.", "channels": [account], "submit": True},
    )
    said = [
        requests.post(api, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=10)
        for key in (token, token[:-1], f"{token} ")
    ]
    assert said[0].status_code == 201
    bob.acts("approve_posts", said[0].json()["id"])
    stack.wait_until(lambda: len(stack.sandbox("/sandbox/posts")) > before, 30, "the post is sent")
    return [json.dumps(dict(answer.headers)) + answer.text for answer in said]
