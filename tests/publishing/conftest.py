"""The engine for real, over a provider at the HTTP border, on a clock that the test moves."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from django.contrib.auth.models import Group, User

from social import clock, workflow
from social.models import Channel, Delivery, Engine, Post
from social.publishing import connect, outbox, polling
from social.workflow import Actor, Content
from tests.publishing.provider import BASE, FakePubler


class Clock:
    """The database's clock, moved by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def tick(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Engineer:
    """What Celery does, one call after the other: dispatch, then follow up, at the same moment or over
    time."""

    def __init__(self, clock: Clock, provider: FakePubler) -> None:
        self.clock = clock
        self.provider = provider
        self.nudges: list[float] = []

    def dispatch(self) -> None:
        outbox.send_what_is_due()

    def follow_up(self) -> None:
        self.provider.reach()
        polling.follow_up()

    def look(self) -> None:
        self.dispatch()
        self.follow_up()

    def run(self, seconds: float, step: float = 5) -> None:
        """Let so much time pass, with the engine looking every `step` seconds."""
        passed = 0.0
        while passed <= seconds:
            self.look()
            self.clock.tick(step)
            passed += step


@pytest.fixture
def moving_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moving = Clock()
    monkeypatch.setattr(clock, "now", moving.now)
    monkeypatch.setattr("django.utils.timezone.now", moving.now)
    return moving


@pytest.fixture
def provider(moving_clock: Clock, settings: Any, db: None) -> Iterator[FakePubler]:
    fake = FakePubler(now=moving_clock.now)
    with connected(fake, settings):
        yield fake


@contextmanager
def connected(fake: FakePubler, settings: Any) -> Iterator[None]:
    """The provider at the HTTP border, its accounts known, and an engine that was never away."""
    settings.PUBLER_BASE_URL = BASE
    settings.PUBLER_API_KEY = secrets.token_urlsafe(16)  # a key of its own is a limit of its own
    settings.PUBLER_RATE_LIMIT = 1_000_000
    settings.PUBLISH_GAP_SECONDS = 0
    connect._client.cache_clear()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        fake.install(mock)
        Engine.objects.get_or_create(pk=1)
        connect.sync_channels()
        Engine.objects.update(last_seen=clock.now(), trusted_from=clock.now() - timedelta(days=1))
        yield


@pytest.fixture
def engine(moving_clock: Clock, provider: FakePubler, monkeypatch: pytest.MonkeyPatch) -> Engineer:
    engineer = Engineer(moving_clock, provider)
    # No worker listens here: the test looks itself.
    monkeypatch.setattr(outbox, "nudge", lambda in_seconds=0.0: engineer.nudges.append(in_seconds))
    return engineer


def person(name: str, *groups: str) -> User:
    user = User.objects.create_user(name, password="a-password", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


@pytest.fixture
def ann(db: None) -> Actor:
    return Actor(person("ann", "Author"))


@pytest.fixture
def bob(db: None) -> Actor:
    return Actor(person("bob", "Approver", "Operator"))


MakePost = Callable[..., Post]


@pytest.fixture
def approved(provider: FakePubler, ann: Actor, bob: Actor) -> MakePost:
    """`approved("text", "twitter", scheduled_at=…)`: a post by Ann, approved by Bob."""

    def make(text: str = "Three bowls, one shelf.", *networks: str, **content: Any) -> Post:
        channels = list(
            Channel.objects.select_related("connection")
            .filter(network__in=networks or ["twitter"])
            .order_by("pk")
        )
        post = workflow.create(ann, Content(text=text, channels=channels, **content))
        workflow.submit(post.pk, ann)
        return workflow.approve(post.pk, bob)

    return make


def only(post: Post) -> Delivery:
    """The post's one delivery, read anew."""
    return Delivery.objects.get(post=post)
