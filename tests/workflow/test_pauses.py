"""Pausing and resuming: everything, one connection, one channel."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from integrations.connections import Connection
from integrations.pausing import Pausable, going
from social import clock, workflow
from social.models import Channel, Engine, Switch
from social.workflow import Actor, NotAllowed, Refusal, WrongState

pytestmark = pytest.mark.django_db
WHATS = ("everything", "connection", "channel")


def thing(what: str, channels: list[Channel]) -> Any:
    """What a verb is given for it."""
    return {"everything": None, "connection": channels[0].connection, "channel": channels[0]}[what]


def row(what: str, channels: list[Channel]) -> Pausable:
    """Its row as it stands in the database."""
    given = thing(what, channels)
    found: Pausable = Engine.objects.get() if given is None else type(given)._default_manager.get(pk=given.pk)
    return found


@pytest.mark.parametrize("what", WHATS)
def test_a_pause_says_since_when_until_when_by_whom_and_why(
    what: str, bob: Actor, channels: list[Channel]
) -> None:
    until = clock.now() + timedelta(hours=1)
    workflow.pause(bob.person, " new price list ", what=thing(what, channels), until=until)
    paused, now = row(what, channels), clock.now()
    assert paused.is_paused(now)
    assert (paused.paused_by, paused.pause_reason, paused.paused_until) == (
        bob.person,
        "new price list",
        until,
    )
    assert paused.paused_at is not None
    assert paused.paused_at <= now
    workflow.resume(bob.person, what=thing(what, channels))
    assert not row(what, channels).is_paused(now)


@pytest.mark.parametrize("what", WHATS)
def test_who_paused_and_who_resumed_is_kept(
    what: str, bob: Actor, carla: Actor, channels: list[Channel]
) -> None:
    given = thing(what, channels)
    workflow.pause(bob.person, "new price list", what=given)
    workflow.resume(carla.person, what=given)
    told = [(s.paused, s.by, s.reason, s.channel, s.connection) for s in Switch.objects.order_by("pk")]
    channel = given if isinstance(given, Channel) else None
    connection = given if isinstance(given, Connection) else None
    assert told == [
        (True, bob.person, "new price list", channel, connection),
        (False, carla.person, "", channel, connection),
    ]


def test_a_pause_of_one_channel_holds_no_other(bob: Actor, channels: list[Channel]) -> None:
    workflow.pause(bob.person, "new price list", what=channels[0])
    now = clock.now()
    assert [channel.is_paused(now) for channel in Channel.objects.order_by("pk")] == [True, False]
    assert not Engine.objects.get().is_paused(now)


@pytest.mark.parametrize("what", WHATS)
def test_it_goes_on_by_itself_at_the_moment_that_was_named(
    what: str, bob: Actor, channels: list[Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    workflow.pause(bob.person, "lunch", what=thing(what, channels), until=now + timedelta(minutes=30))
    model = type(row(what, channels))
    assert not model._default_manager.filter(going(now + timedelta(minutes=29)), pk=row(what, channels).pk)
    over = now + timedelta(minutes=30)
    assert model._default_manager.filter(going(over), pk=row(what, channels).pk).exists()
    assert not row(what, channels).is_paused(over)
    monkeypatch.setattr(clock, "now", lambda: over)
    with pytest.raises(WrongState, match="goes on already"):
        workflow.resume(bob.person, what=thing(what, channels))
    workflow.pause(bob.person, "dessert", what=thing(what, channels))
    assert row(what, channels).pause_reason == "dessert"


@pytest.mark.parametrize("what", WHATS)
def test_the_second_of_two_people_is_told_who_was_first(
    what: str, bob: Actor, carla: Actor, channels: list[Channel]
) -> None:
    given = thing(what, channels)
    workflow.pause(bob.person, "new price list", what=given)
    with pytest.raises(WrongState, match=r"bob paused it at .+“new price list”"):
        workflow.pause(carla.person, "mine", what=given)
    assert row(what, channels).pause_reason == "new price list"
    workflow.resume(bob.person, what=given)
    with pytest.raises(WrongState, match="bob resumed it at"):
        workflow.resume(carla.person, what=given)


def test_a_pause_needs_a_reason_and_an_end_to_come(bob: Actor) -> None:
    with pytest.raises(Refusal, match="Say why"):
        workflow.pause(bob.person, "  ")
    with pytest.raises(Refusal, match="has passed"):
        workflow.pause(bob.person, "why not", until=clock.now())
    assert not Engine.objects.get().is_paused(clock.now())
    assert not Switch.objects.exists()


@pytest.mark.parametrize("what", WHATS)
def test_only_who_may_pause_pauses_or_resumes(
    what: str, ann: Actor, bob: Actor, channels: list[Channel]
) -> None:
    with pytest.raises(NotAllowed):
        workflow.pause(ann.person, "why not", what=thing(what, channels))
    workflow.pause(bob.person, "new price list", what=thing(what, channels))
    with pytest.raises(NotAllowed):
        workflow.resume(ann.person, what=thing(what, channels))
    assert row(what, channels).is_paused(clock.now())


def test_a_person_who_is_gone_ends_no_pause(bob: Actor) -> None:
    workflow.pause(bob.person, "new price list")
    Engine.objects.update(paused_by=None)
    carla = User.objects.create_superuser("root")
    with pytest.raises(WrongState, match="Somebody paused it"):
        workflow.pause(carla, "mine")
