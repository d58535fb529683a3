"""A post whose time passed undecided: now, the next slot, or dropped, by a person alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from social import clock, workflow
from social.models import Channel, Delivery, Post
from social.workflow import Actor, Content, NotAllowed, Refusal, WrongState, planning
from social.workflow.expired import Fate


@pytest.fixture
def expired(ann: Actor, content: Content) -> Post:
    post = workflow.create(ann, replace(content, scheduled_at=clock.now() - timedelta(hours=3)))
    return workflow.submit(post.pk, ann)


def shown(post: Post) -> str:
    return Post.objects.get(pk=post.pk).content().content_hash


@pytest.fixture
def slots(channels: list[Channel]) -> None:
    Channel.objects.update(slots=[["09:00"]] * 7)


def test_now_is_an_approval_by_the_press_and_goes_out_within_a_minute(expired: Post, bob: Actor) -> None:
    before = clock.now()
    post = workflow.decide_expired(expired.pk, bob, "now", shown_hash=shown(expired))
    assert post.status == "approved"
    approval = post.approvals.get()
    assert (approval.user, approval.content_hash) == (bob.person, shown(expired))
    due = set(post.deliveries.values_list("due_at", flat=True))
    assert len(due) == 1
    assert before < due.pop() <= before + timedelta(seconds=61)
    assert not post.deliveries.exclude(status=Delivery.Status.QUEUED).exists()


def test_nobody_sends_their_own_now_and_nothing_is_moved_by_the_attempt(
    expired: Post, ann: Actor, bob: Actor, content: Content
) -> None:
    with pytest.raises(NotAllowed):
        workflow.decide_expired(expired.pk, ann, "now", shown_hash=shown(expired))
    own = workflow.create(bob, replace(content, scheduled_at=clock.now() - timedelta(hours=3)))
    workflow.submit(own.pk, bob)
    with pytest.raises(NotAllowed, match="second person"):
        workflow.decide_expired(own.pk, bob, "now", shown_hash=shown(own))
    own.refresh_from_db()
    assert (own.status, own.content().number) == ("pending", 1)
    assert not own.approvals.exists()


def test_the_next_slot_is_waited_for_and_approves_nothing(
    expired: Post, bob: Actor, ann: Actor, slots: None
) -> None:
    for actor in (bob, ann):  # an approver, and its author, who withdraws it and asks again
        post = workflow.decide_expired(expired.pk, actor, "slot", shown_hash=shown(expired))
        assert post.status == "pending"
        assert post.scheduled_at is not None
        assert post.scheduled_at > clock.now()
        assert not post.approvals.exists()
        assert workflow.approve(post.pk, bob).status == "approved"
        expired = workflow.create(
            ann, replace(workflow.content_of(post.content()), scheduled_at=clock.now() - timedelta(hours=3))
        )
        workflow.submit(expired.pk, ann)


def test_without_a_slot_it_stays_as_it_is(expired: Post, ann: Actor) -> None:
    with pytest.raises(Refusal, match="set them under Channels"):
        workflow.decide_expired(expired.pk, ann, "slot", shown_hash=shown(expired))
    expired.refresh_from_db()
    assert expired.status == "pending"


def test_it_is_dropped(expired: Post, ann: Actor) -> None:
    assert workflow.decide_expired(expired.pk, ann, "drop", shown_hash=shown(expired)).status == "cancelled"


@pytest.mark.parametrize("fate", ["now", "slot", "drop"])
def test_of_two_the_second_is_told_who_was_first(
    fate: Fate, expired: Post, bob: Actor, carla: Actor, slots: None
) -> None:
    seen = shown(expired)
    workflow.decide_expired(expired.pk, bob, "now", shown_hash=seen)
    with pytest.raises(WrongState, match="bob approved it"):
        workflow.decide_expired(expired.pk, carla, fate, shown_hash=seen)


@pytest.mark.parametrize("fate", ["now", "slot", "drop"])
def test_what_changed_since_the_page_was_drawn_is_not_decided_about(
    fate: Fate, expired: Post, bob: Actor, carla: Actor, slots: None
) -> None:
    seen = shown(expired)
    workflow.edit(expired.pk, bob, replace(workflow.content_of(expired.content()), text="Other words."))
    with pytest.raises(WrongState, match="changed after your page"):
        workflow.decide_expired(expired.pk, carla, fate, shown_hash=seen)
    expired.refresh_from_db()
    assert expired.status == "pending"


def test_what_is_not_expired_is_not_decided_about_here(ann: Actor, bob: Actor, content: Content) -> None:
    post = workflow.create(ann, replace(content, scheduled_at=clock.now() + timedelta(hours=3)))
    workflow.submit(post.pk, ann)
    with pytest.raises(WrongState):
        workflow.decide_expired(post.pk, bob, "now", shown_hash=shown(post))


def test_it_is_decided_by_the_longest_lead_before_its_time(
    ann: Actor, bob: Actor, content: Content, channels: list[Channel]
) -> None:
    for channel, lead in zip(channels, (60, 480), strict=True):
        planning.plan_channel(bob.person, channel.pk, slots=[[]] * 7, decide_lead=lead, default_tags="")
    at = (clock.now() + timedelta(days=2)).replace(microsecond=0)
    post = workflow.create(ann, replace(content, scheduled_at=at))
    assert planning.decide_by(post) == at - timedelta(hours=8)
    assert planning.decide_by(workflow.create(ann, content)) is None
