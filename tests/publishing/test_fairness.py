"""Nothing on one account holds up another; what a person sends now goes first."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.ratelimit import Leave, Priority
from social import networks, workflow
from social.models import Channel, Delivery, Post, Revision
from social.publishing import connect, submission
from social.workflow import Actor, Content
from tests.publishing.conftest import Clock, Engineer, MakePost, only
from tests.publishing.provider import FakePubler
from tests.publishing.test_scenarios import hand_over, status, the_plan

pytestmark = pytest.mark.django_db
D = Delivery.Status


def many_due(provider: FakePubler, ann: Actor, clock: Clock, number: int, network: str = "twitter") -> None:
    """So many approved posts on one account, due for a minute already."""
    channel = Channel.objects.select_related("connection").get(network=network)
    at = clock.now() - timedelta(minutes=1)
    model = workflow.create(ann, Content(text="The first of many.", channels=[channel]))
    revision = model.content()
    posts = Post.objects.bulk_create(
        Post(author=ann.person, status="approved", revision=revision, sort_at=at) for _ in range(number)
    )
    made = Revision.objects.bulk_create(
        Revision(
            post=post,
            number=1,
            text=f"Number {n} of many.",
            content_hash=_hash(f"Number {n} of many.", channel),
            created_by=ann.person,
            created_at=clock.now(),
        )
        for n, post in enumerate(posts)
    )
    Revision.channels.through.objects.bulk_create(
        Revision.channels.through(revision=one, channel=channel) for one in made
    )
    Delivery.objects.bulk_create(
        Delivery(
            post=one.post,
            channel=channel,
            connection=channel.connection,
            revision=one,
            approved_hash=one.content_hash,
            fingerprint=networks.fingerprint(one.text),
            due_at=at + timedelta(milliseconds=n),
        )
        for n, one in enumerate(made)
    )


def _hash(text: str, channel: Channel) -> str:
    return Content(text=text, channels=[channel]).hash


def test_a_thousand_due_posts_of_one_account_hold_up_no_other(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor
) -> None:
    many_due(provider, ann, engine.clock, 1000)
    other = approved("The only one here.", "linkedin")
    plan = the_plan()
    assert {row.channel.network for row in plan.deliveries} == {"twitter", "linkedin"}
    assert [row.revision.text for row in plan.deliveries] == ["Number 0 of many.", "The only one here."]
    submission.submit(plan, connect.client("ws1"), connect.client("ws1").leave())
    engine.clock.tick(5)
    engine.follow_up()
    assert status(other) == "published"


def test_a_thousand_posts_for_later_hold_up_none_that_is_due(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor
) -> None:
    many_due(provider, ann, engine.clock, 1000)
    Delivery.objects.update(timed=True, due_at=engine.clock.now() + timedelta(minutes=20))
    now, later = (
        approved("Now.", "linkedin"),
        approved("Later.", "threads", scheduled_at=engine.clock.now() + timedelta(minutes=30)),
    )
    plan = the_plan()
    assert [row.post_id for row in plan.deliveries] == [now.pk]
    engine.run(10)
    assert (status(now), status(later)) == ("published", "scheduled")


def test_a_plan_asks_the_same_few_queries_however_much_is_due(
    engine: Engineer, provider: FakePubler, ann: Actor
) -> None:
    many_due(provider, ann, engine.clock, 5)
    with CaptureQueriesContext(database) as few:
        the_plan()
    many_due(provider, ann, engine.clock, 200, "linkedin")
    with CaptureQueriesContext(database) as many:
        the_plan()
    assert len(few) == len(many)


def test_the_oldest_due_goes_first(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_BULK_SIZE = 1
    young, old = approved("Young.", "twitter"), approved("Old.", "linkedin")
    Delivery.objects.filter(post=old).update(due_at=engine.clock.now() - timedelta(minutes=5))
    engine.dispatch()
    assert [post.text for post in provider.public] == ["Old.", "Young."]
    assert status(young) == "approved"


def test_what_a_person_sends_now_goes_before_all_that_is_due(
    engine: Engineer,
    provider: FakePubler,
    approved: MakePost,
    ann: Actor,
    bob: Actor,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.PUBLER_BULK_SIZE = 1
    many_due(provider, ann, engine.clock, 3)
    approved("Elsewhere.", "linkedin")
    post = approved("Now, please.", "twitter", scheduled_at=engine.clock.now() + timedelta(minutes=90))
    workflow.publish(post.pk, bob)
    asked: list[Priority] = []
    publer = connect.client("ws1")
    leave = publer.leave

    def noted(priority: Priority = Priority.BACKGROUND) -> Leave:
        asked.append(priority)
        return leave(priority)

    monkeypatch.setattr(publer, "leave", noted)
    engine.dispatch()
    assert provider.public[0].text == "Now, please."
    assert asked[0] == Priority.PERSON
    assert set(asked[1:]) == {Priority.BACKGROUND}


def test_what_a_person_sends_now_keeps_its_place_while_publer_lets_go_of_it(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.publish(post.pk, bob)
    many_due(provider, ann, engine.clock, 3)
    engine.follow_up()
    assert only(post).status == D.QUEUED
    assert the_plan().deliveries[0].post_id == post.pk


def test_a_programs_now_is_no_persons(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor
) -> None:
    from social.models import ApiToken

    token, _ = ApiToken.issue(user_id=bob.person.pk, name="agent", scopes=["posts:publish"])
    post = approved(scheduled_at=engine.clock.now() + timedelta(minutes=90))
    workflow.publish(post.pk, Actor(bob.person, token))
    assert not only(post).at_once


@pytest.mark.parametrize("poisoned", [1, 3])
def test_posts_that_publer_refuses_hold_up_the_others_for_a_few_calls(
    engine: Engineer, provider: FakePubler, approved: MakePost, poisoned: int
) -> None:
    posts = [
        approved(f"Post {n}.", network)
        for n, network in enumerate(("facebook", "twitter", "linkedin", "threads"))
    ]
    bad = [f"Post {n}." for n in range(poisoned)]
    provider.refuse = lambda body: "No" if any(words in str(body) for words in bad) else ""
    engine.run(20)
    assert {status(post) for post in posts[poisoned:]} == {"published"}
    assert {status(post) for post in posts[:poisoned]} == {"failed"}
    assert len(provider.bodies) <= 4 * poisoned + 4


def test_an_account_on_which_everything_fails_holds_up_no_other(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.failing = {"acc-twitter": "Your account is suspended"}
    bad = [approved(f"Bad {n}.", "twitter") for n in range(5)]
    good = [approved(f"Good {n}.", "linkedin") for n in range(5)]
    engine.run(60)
    assert {status(post) for post in good} == {"published"}
    assert {status(post) for post in bad} == {"failed"}


def test_an_account_told_to_wait_waits_alone_and_whole(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.failing = {"acc-twitter": "You have reached the daily limit of 100 posts for this account"}
    full = [approved(f"Full {n}.", "twitter") for n in range(3)]
    free = approved("Free.", "linkedin")
    engine.dispatch()
    Delivery.objects.update(looks=2)
    engine.clock.tick(5)
    engine.follow_up()
    engine.run(20)
    assert status(free) == "published"
    held = Delivery.objects.filter(post__in=full, status=D.QUEUED)
    assert all("limit for the day" in row.hold and row.attempts <= 1 for row in held)
    assert held.filter(not_before__gt=engine.clock.now() + timedelta(minutes=50)).count() >= 1
    sent = len(provider.bodies)
    engine.run(60)
    assert len(provider.bodies) == sent


def test_a_picture_that_waits_holds_up_no_words(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(request: Any) -> Any:
        raise requests.ReadTimeout("no answer")

    from tests.publishing.test_findings import _picture

    provider.replies["POST /media"] = breaks
    approved("With a picture.", "twitter", media=[(_picture(), "A bowl")])
    words = approved("Words alone.", "linkedin")
    engine.dispatch()
    assert [post.text for post in provider.public] == ["Words alone."]
    engine.clock.tick(5)
    engine.follow_up()
    assert status(words) == "published"
