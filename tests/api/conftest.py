"""A connected workspace, people, programs with tokens, and a way to call."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from integrations.connections import Connection
from social.api import dashboard
from social.models import ApiToken, Channel, Delivery, Post
from social.models.token import SCOPES
from social.workflow import Actor, approve

API = "/api/v1/"


@dataclass
class Answer:
    """What a call was answered with."""

    status: int
    body: Any
    headers: dict[str, str]
    raw: bytes


class Program:
    """Calls the API with a token, a session, both or neither."""

    def __init__(self, client: Client, secret: str | None = None, token: ApiToken | None = None) -> None:
        self.client, self.secret, self.token = client, secret, token

    def call(self, method: str, path: str, said: Any = None, **headers: str) -> Answer:
        """`said` is sent as JSON; bytes as they are. `headers` are WSGI's names, `content_type` too."""
        if self.secret is not None:
            headers.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.secret}")
        content = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
        kind = headers.pop("content_type", "application/json")
        address = path if path.startswith("/") else API + path
        response = self.client.generic(method, address, content, kind, **headers)  # type: ignore[arg-type]
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(
            response.status_code,
            json.loads(response.content) if is_json else None,
            dict(response.headers),
            response.content,
        )

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, None, **headers)

    def post(self, path: str, said: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, said, **headers)

    def patch(self, path: str, said: Any = None, **headers: str) -> Answer:
        return self.call("PATCH", path, said, **headers)


@pytest.fixture(autouse=True)
def _the_dashboard_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "HOLDS", 0.0)


@pytest.fixture
def channels(db: None) -> dict[str, Channel]:
    """A connected workspace's accounts, by network."""
    connection = Connection.objects.create(
        provider="publer",
        workspace="w1",
        name="Kiln & Linen",
        base_url="http://publer.invalid/api/v1",
        connected=True,
        synced_at=timezone.now(),
    )
    return {
        network: Channel.objects.create(
            connection=connection, account_id=f"acc-{network}", network=network, name=f"@{network}"
        )
        for network in ("twitter", "mastodon", "instagram")
    }


def person(name: str, *groups: str) -> User:
    user = User.objects.create_user(name, first_name=name.title(), is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


@pytest.fixture
def ann(db: None) -> User:
    return person("ann", "Author")


@pytest.fixture
def bob(db: None) -> User:
    return person("bob", "Approver", "Operator")


@pytest.fixture
def new_program(db: None) -> Callable[..., Program]:
    """`new_program("posts:read", …)`: a caller with a token of these scopes (all, where none is named)."""

    def make(*scopes: str, name: str = "content-agent") -> Program:
        user, _ = User.objects.get_or_create(username="agents")
        token, secret = ApiToken.issue(user_id=user.pk, name=name, scopes=list(scopes or SCOPES))
        return Program(Client(raise_request_exception=False), secret, token)

    return make


@pytest.fixture
def agent(new_program: Callable[..., Program]) -> Program:
    return new_program()


@pytest.fixture
def signed_in() -> Callable[[User], Program]:
    """`signed_in(user)`: a browser of theirs, CSRF protection on."""

    def make(user: User) -> Program:
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        client.force_login(user)
        return Program(client)

    return make


@pytest.fixture
def nobody() -> Program:
    return Program(Client(raise_request_exception=False))


@pytest.fixture
def proposal(channels: dict[str, Channel]) -> dict[str, Any]:
    """The least that a post needs."""
    return {"text": "Moss is back.", "channels": ["acc-twitter"]}


@pytest.fixture
def approved(agent: Program, proposal: dict[str, Any], bob: User) -> Callable[..., int]:
    """`approved(**fields)`: the id of a post that the agent proposed and Bob approved."""

    def make(**fields: Any) -> int:
        made = agent.post("posts", {**proposal, "submit": True, **fields})
        assert made.status == 201, made.body
        approve(made.body["id"], Actor(bob))
        return int(made.body["id"])

    return make


def set_delivery(post_id: int, status: str, **fields: Any) -> None:
    """Bring the deliveries of a post into a state that the engine would, past the workflow."""
    Delivery.objects.filter(post_id=post_id).update(status=status, **fields)


def set_status(post_id: int, status: str) -> None:
    Post.objects.filter(pk=post_id).update(status=status)
