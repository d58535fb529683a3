"""People, channels, and posts in every state, as the screens meet them."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from integrations.connections import Connection
from social import clock, workflow
from social.models import ApiToken, Channel, Post
from social.workflow import Actor, Content
from tests.admin_posts.made import MakePost, SignIn, send

NETWORKS = ("twitter", "facebook", "bluesky", "instagram")


@pytest.fixture(autouse=True)
def _publer_is_set_up(settings: Any, tmp_path: Path) -> None:
    settings.PUBLER_API_KEY = "set"
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def connection(db: None) -> Connection:
    return Connection.objects.create(
        provider="publer",
        workspace="w1",
        name="Kiln & Linen",
        base_url="http://127.0.0.1:1/api/v1",
        connected=True,
        synced_at=clock.now(),
    )


@pytest.fixture
def channels(connection: Connection) -> dict[str, Channel]:
    return {
        network: connection.channels.create(account_id=f"acc-{network}", network=network, name="Kiln & Linen")
        for network in NETWORKS
    }


def _person(name: str, first: str, last: str, *groups: str) -> User:
    user = User.objects.create_user(name, password="x", first_name=first, last_name=last, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


@pytest.fixture
def ann(db: None) -> User:
    """An author."""
    return _person("ann", "Ann", "Weber", "Author")


@pytest.fixture
def bob(db: None) -> User:
    """An approver."""
    return _person("bob", "Bob", "Lindqvist", "Approver")


@pytest.fixture
def olga(db: None) -> User:
    """An operator."""
    return _person("olga", "Olga", "Petri", "Operator")


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="x", first_name="Rita", last_name="Root")


@pytest.fixture
def nobody(db: None) -> User:
    """Staff without any right."""
    return _person("nobody", "No", "Body")


@pytest.fixture
def sign_in() -> SignIn:
    """`sign_in(user)`: a browser in which this person is signed in, in Berlin's time, checking CSRF not at
    all."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        client.cookies["timezone"] = "Europe/Berlin"
        return client

    return signed_in


@pytest.fixture
def make_post(ann: User, bob: User, channels: dict[str, Channel]) -> MakePost:
    """`make_post(status, text=…, on=[…], …)`: a post in that state, by Ann, decided by Bob."""

    def make(status: str = "draft", **content: Any) -> Post:
        on = content.pop("on", ["twitter"])
        title, by = content.pop("title", "Moss dinner set"), content.pop("by", ann)
        token: ApiToken | None = content.pop("token", None)
        actor = Actor(by, token)
        written = Content(
            text=content.pop("text", "The Moss set is back."),
            channels=[channels[key] for key in on],
            **content,
        )
        post = workflow.create(actor, written, title=title)
        if status == "draft":
            return post
        workflow.submit(post.pk, actor)
        if status == "rejected":
            return workflow.reject(post.pk, Actor(bob), "Not now.")
        if status != "pending":
            workflow.approve(post.pk, Actor(bob))
        if status in ("failed", "published", "scheduled", "sending", "unconfirmed", "decide"):
            send(post, status)
        post.refresh_from_db()
        return post

    return make
