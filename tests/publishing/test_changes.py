"""A change to what Publer already has: taken off there first, and only when that is sure changed here."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from social import workflow
from social.models import Approval, Delivery, Engine, Event, Post
from social.publishing import connect
from social.workflow import Actor, Content
from tests.publishing.conftest import Clock, Engineer, MakePost, only
from tests.publishing.provider import FakePubler
from tests.publishing.test_scenarios import hand_over, status

pytestmark = pytest.mark.django_db
D, S = Delivery.Status, Post.Status


def words_of(post: Post) -> str:
    return Post.objects.get(pk=post.pk).content().text


def other_words(post: Post, text: str = "Other words.", **more: Any) -> Content:
    return replace(workflow.content_of(Post.objects.get(pk=post.pk).content()), text=text, **more)


@pytest.mark.parametrize("answer", ["deleted", "lost", "never"])
def test_an_edit_of_what_publer_has_takes_it_off_there_and_is_then_the_post(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, moving_clock: Clock, answer: str
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post), title="Another name")
    assert (status(post), words_of(post)) == ("scheduled", "Three bowls, one shelf.")
    provider.next_deletes = [answer]
    engine.follow_up()
    if answer == "never":
        assert (status(post), words_of(post)) == ("scheduled", "Three bowls, one shelf.")
    engine.run(60)
    assert (status(post), words_of(post)) == ("draft", "Other words.")
    assert Post.objects.get(pk=post.pk).title == "Another name"
    assert provider.posts == []
    assert only(post).status == D.CANCELLED


def test_the_words_that_took_the_place_go_out_once_when_they_are_approved(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post))
    engine.run(10)
    workflow.submit(post.pk, ann)
    workflow.approve(post.pk, bob)
    while moving_clock.now() < Delivery.objects.filter(post=post).last().due_at + timedelta(minutes=2):  # type: ignore[union-attr]
        Engine.objects.update(last_seen=moving_clock.now())
        engine.run(50, step=25)
    assert status(post) == "published"
    assert [listed.text for listed in provider.public] == ["Other words."]


def test_approval_may_be_asked_for_while_publer_lets_go(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post))
    workflow.submit(post.pk, ann)
    with pytest.raises(workflow.WrongState):
        workflow.approve(post.pk, bob)
    engine.run(10)
    assert (status(post), words_of(post)) == ("pending", "Other words.")
    asked = Event.objects.filter(post=post, verb="submit").last()
    assert asked is not None
    assert (asked.actor_name, asked.to_status) == ("ann", "pending")
    assert workflow.approve(post.pk, bob).status == "approved"


def test_asking_for_approval_of_what_no_network_takes_leaves_a_draft(
    engine: Engineer, approved: MakePost, ann: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post, "x" * 281))
    workflow.submit(post.pk, ann)
    engine.run(10)
    assert status(post) == "draft"


def test_another_time_for_what_publer_has_is_an_edit(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    at = moving_clock.now() + timedelta(hours=5)
    workflow.edit(post.pk, ann, other_words(post, "Three bowls, one shelf.", scheduled_at=at))
    engine.run(10)
    moved = Post.objects.get(pk=post.pk)
    assert (moved.status, moved.scheduled_at, moved.sort_at) == ("draft", at, at)
    assert provider.posts == []


def test_an_approval_that_is_taken_back_takes_the_post_off_at_publer(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    assert workflow.withdraw(post.pk, bob).status == "scheduled"
    engine.run(10)
    assert (status(post), provider.posts) == ("draft", [])
    workflow.submit(post.pk, ann)
    assert workflow.approve(post.pk, bob).deliveries.filter(status=D.QUEUED).count() == 1


def test_an_approval_is_taken_back_at_once_where_publer_has_nothing(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, moving_clock: Clock
) -> None:
    post = approved(scheduled_at=moving_clock.now() + timedelta(hours=5))
    assert workflow.withdraw(post.pk, bob).status == "draft"
    assert only(post).status == D.CANCELLED
    assert Approval.objects.filter(post=post).count() == 1


def test_cancelling_what_publer_has_takes_it_off_there(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    assert workflow.cancel(post.pk, bob).status == "scheduled"
    engine.run(10)
    assert (status(post), provider.posts) == ("cancelled", [])


def change(verb: str, post: Post, actor: Actor) -> None:
    if verb == "edit":
        workflow.edit(post.pk, actor, other_words(post))
    else:
        getattr(workflow, verb)(post.pk, actor)


@pytest.mark.parametrize("verb", ["edit", "withdraw", "cancel"])
def test_within_a_minute_of_its_time_it_is_too_late_and_nothing_is_changed(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, moving_clock: Clock, verb: str
) -> None:
    post = hand_over(engine, approved, moving_clock)
    moving_clock.tick((only(post).due_at - moving_clock.now()).total_seconds() - 59)
    before = Delivery.objects.values().get(post=post)
    with pytest.raises(workflow.WrongState, match=r"Too late: Publer sends it on X at \d\d:\d\d\."):
        change(verb, post, bob)
    assert Delivery.objects.values().get(post=post) == before
    assert Post.objects.get(pk=post.pk).revisions.count() == 1


@pytest.mark.parametrize("verb", ["edit", "withdraw"])
def test_listed_public_it_is_too_late_and_said_and_the_post_is_what_is_public(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, moving_clock: Clock, verb: str
) -> None:
    post = hand_over(engine, approved, moving_clock)
    change(verb, post, bob)
    provider.posts[0].state = "published"
    engine.run(30)
    assert (status(post), words_of(post)) == ("published", "Three bowls, one shelf.")
    left = Post.objects.get(pk=post.pk)
    assert "before Publer had taken it off" in left.change["late"]
    assert Event.objects.filter(post=post, verb="too late").exists()
    assert len(provider.public) == 1


def two_handed_over(engine: Engineer, approved: MakePost, clock: Clock) -> Post:
    post = approved("On two.", "twitter", "linkedin", scheduled_at=clock.now() + timedelta(minutes=30))
    engine.run(20)
    assert status(post) == "scheduled"
    return post


def test_public_on_one_channel_the_change_is_for_the_others(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, moving_clock: Clock
) -> None:
    post = two_handed_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post))
    next(p for p in provider.posts if p.account_id == "acc-twitter").state = "published"
    engine.run(30)
    left = Post.objects.get(pk=post.pk)
    assert (left.status, left.content().text) == ("draft", "Other words.")
    assert "public on X" in left.change["late"]
    assert sorted(left.deliveries.values_list("channel__network", "status")) == [
        ("linkedin", "cancelled"),
        ("twitter", "published"),
    ]


def test_one_channel_too_late_refuses_the_change_for_all(
    engine: Engineer, approved: MakePost, ann: Actor, moving_clock: Clock
) -> None:
    post = two_handed_over(engine, approved, moving_clock)
    post.deliveries.filter(channel__network="linkedin").update(
        due_at=moving_clock.now() + timedelta(seconds=30)
    )
    with pytest.raises(workflow.WrongState, match="LinkedIn"):
        workflow.edit(post.pk, ann, other_words(post))
    assert not post.deliveries.exclude(recall="").exists()


def test_what_still_waits_here_is_held_while_publer_lets_go_and_then_taken_back(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor, moving_clock: Clock
) -> None:
    provider.refuse = lambda body: "No" if "acc-linkedin" in str(body) else ""
    post = approved("On two.", "twitter", "linkedin", scheduled_at=moving_clock.now() + timedelta(minutes=30))
    Delivery.objects.filter(channel__network="linkedin").update(
        not_before=moving_clock.now() + timedelta(seconds=40)
    )
    engine.run(20)
    provider.refuse = lambda body: ""
    workflow.edit(post.pk, ann, other_words(post))
    provider.next_deletes = ["never"] * 100
    engine.run(60)
    assert len(provider.bodies) == 1
    for verb in (workflow.publish, workflow.retry):
        with pytest.raises(workflow.WrongState, match="A change to it waits"):
            verb(post.pk, bob)
    provider.next_deletes = []
    engine.run(60)
    assert status(post) == "draft"
    assert set(post.deliveries.values_list("status", flat=True)) == {"cancelled"}


def test_a_second_change_waits_for_the_first(
    engine: Engineer, approved: MakePost, ann: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post))
    for verb in ("edit", "withdraw"):
        with pytest.raises(workflow.WrongState, match="A change to it waits"):
            change(verb, post, ann)


def test_cancelling_gives_up_a_change_that_waits(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post))
    workflow.cancel(post.pk, bob)
    engine.run(10)
    assert (status(post), provider.posts) == ("cancelled", [])


def test_what_comes_to_a_person_meanwhile_is_settled_first_and_then_changed(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post))
    row = only(post)
    Delivery.objects.filter(pk=row.pk).update(recall="")
    moving_clock.tick(45 * 60)
    Engine.objects.update(last_seen=moving_clock.now())
    provider.posts[0].id, provider.posts[0].text = "renamed", "Three bowls on one shelf, says somebody."
    engine.run(60)
    assert only(post).decide
    assert status(post) == "approved"
    workflow.settle(post.pk, bob, row.pk, "drop")
    assert (status(post), words_of(post)) == ("draft", "Other words.")


def test_what_is_on_its_way_cannot_be_changed(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor
) -> None:
    provider.next_writes = ["late"]
    post = approved()
    engine.dispatch()
    for verb in ("edit", "withdraw", "cancel"):
        with pytest.raises(workflow.WrongState, match="on its way to X since"):
            change(verb, post, ann)


def test_a_worker_that_dies_after_the_delete_changes_it_all_the_same(
    engine: Engineer,
    provider: FakePubler,
    approved: MakePost,
    ann: Actor,
    moving_clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.edit(post.pk, ann, other_words(post))

    def dies(*_: Any, **__: Any) -> bool:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr("social.publishing.recalling.steps.move", dies)
        with pytest.raises(SystemExit):
            engine.follow_up()
    assert provider.posts == []
    moving_clock.tick(61)
    Engine.objects.update(last_seen=moving_clock.now())
    engine.run(60)
    assert (status(post), words_of(post)) == ("draft", "Other words.")
    assert connect.current().trouble == ""  # type: ignore[union-attr]


# ------------------------------------------------------------------------- a later version given up
def partly_out(engine: Engineer, provider: FakePubler, approved: MakePost) -> Post:
    provider.failing = {"acc-linkedin": "LinkedIn does not like these words"}
    post = approved("The words that are public.", "twitter", "linkedin")
    engine.run(60)
    assert status(post) == "partly_published"
    provider.failing = {}
    return post


@pytest.mark.parametrize("submitted", [False, True])
def test_a_later_version_that_is_cancelled_leaves_the_post_as_it_is_public(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, submitted: bool
) -> None:
    post = partly_out(engine, provider, approved)
    workflow.edit(post.pk, ann, other_words(post))
    if submitted:
        workflow.submit(post.pk, ann)
    workflow.cancel(post.pk, ann)
    assert (status(post), words_of(post)) == ("published", "The words that are public.")
    assert Post.objects.get(pk=post.pk).content().number == 1
    note = Event.objects.filter(post=post, verb="cancel").get().note
    assert note == "revision 2 is given up; revision 1 is public"


def test_a_draft_of_which_nothing_is_public_is_cancelled(ann: Actor, approved: MakePost) -> None:
    post = approved()
    workflow.edit(post.pk, ann, other_words(post))
    assert workflow.cancel(post.pk, ann).status == "cancelled"
