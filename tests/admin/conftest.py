"""People of every group, and a shop with a connected workspace."""

import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from hotdash import bar
from integrations.connections import Connection
from social import workflow
from social.models import Channel, Delivery, Post
from social.workflow import Actor, Content

SignIn = Callable[[User], Client]
MakePost = Callable[..., Post]


@pytest.fixture(autouse=True)
def _static_files_have_a_folder(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path


@pytest.fixture(autouse=True)
def _the_cache_server_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bar, "_away_until", 0.0)


def _person(username: str, *groups: str, **more: Any) -> User:
    user = User.objects.create_user(
        username,
        f"{username}@shop.example",
        "a-long-password",
        first_name=username.title(),
        is_staff=True,
        **more,
    )
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


@pytest.fixture
def ann(db: None) -> User:
    return _person("ann", "Author")


@pytest.fixture
def bob(db: None) -> User:
    return _person("bob", "Approver")


@pytest.fixture
def olga(db: None) -> User:
    return _person("olga", "Operator")


@pytest.fixture
def rita(db: None) -> User:
    return _person("rita", is_superuser=True)


@pytest.fixture
def nina(db: None) -> User:
    """In no group yet."""
    return _person("nina")


@pytest.fixture
def signed_in() -> SignIn:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def connection(db: None, settings: Any) -> Connection:
    settings.PUBLER_API_KEY = "a-key"
    return Connection.objects.create(
        provider="publer",
        workspace="w1",
        name="Kiln & Linen",
        base_url=settings.PUBLER_BASE_URL,
        connected=True,
    )


@pytest.fixture
def channel(connection: Connection) -> Channel:
    return Channel.objects.create(
        connection=connection, account_id="x", network="twitter", name="@kilnandlinen"
    )


@pytest.fixture
def make_post(ann: User, bob: User, channel: Channel) -> MakePost:
    """`make_post("approved", minutes=30)`: a post in that state, due in so many minutes."""

    def make(state: str = "draft", *, title: str = "Moss set", minutes: float | None = None) -> Post:
        at = None if minutes is None else timezone.now() + timedelta(minutes=minutes)
        content = Content(text=f"{title}: four plates.", channels=[channel], scheduled_at=at)
        post = workflow.create(Actor(ann), content, title=title)
        if state == "draft":
            return post
        post = workflow.submit(post.pk, Actor(ann))
        if state == "pending":
            return post
        post = workflow.approve(post.pk, Actor(bob), shown_hash=post.content().content_hash)
        if state == "failed":
            post.deliveries.update(status=Delivery.Status.FAILED, problem="X refused the picture.")
            Post.objects.filter(pk=post.pk).update(status=Post.Status.FAILED)
        if state == "unconfirmed":
            post.deliveries.update(
                status=Delivery.Status.UNCONFIRMED, decide=True, problem="No outcome since 09:02."
            )
        if state == "published":
            now = timezone.now()
            post.deliveries.update(status=Delivery.Status.PUBLISHED, published_at=now)
            Post.objects.filter(pk=post.pk).update(status=Post.Status.PUBLISHED, published_at=now)
        post.refresh_from_db()
        return post

    return make


@pytest.fixture
def nowhere() -> str:
    """Host and port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
