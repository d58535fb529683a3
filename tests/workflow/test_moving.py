"""Another time for what is approved: when its approval stands, when a press is one, when one is asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from social import clock, workflow
from social.models import Approval, Delivery, Event, Post
from social.workflow import Actor, Content, Cost, NotAllowed, Refusal, WrongState
from social.workflow.moving import print_of
from tests.workflow.conftest import person
from tests.workflow.test_verbs import put

pytestmark = pytest.mark.django_db
D = Delivery.Status
TEN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""Ten in the morning at the shop."""


class Clock:
    def __init__(self) -> None:
        self.moment = TEN - timedelta(hours=1)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moving = Clock()
    monkeypatch.setattr(clock, "now", moving.now)
    monkeypatch.setattr("django.utils.timezone.now", moving.now)
    return moving


@pytest.fixture
def approved(ann: Actor, bob: Actor, content: Content) -> Post:
    """Ann's, for ten, approved by Bob."""
    return make(ann, bob, replace(content, scheduled_at=TEN))


def make(author: Actor, approver: Actor, content: Content) -> Post:
    post = workflow.submit(workflow.create(author, content, title="Bowls").pk, author)
    return workflow.approve(post.pk, approver)


def minutes(number: float) -> datetime:
    return TEN + timedelta(minutes=number)


def fresh(post: Post) -> Post:
    return Post.objects.get(pk=post.pk)


def shown(post: Post) -> str:
    return print_of(fresh(post).content().content_hash, post.deliveries.all())


# --------------------------------------------------------------------------------- within the rule
@pytest.mark.parametrize("by", [-55, 1, 119, 120])
def test_within_the_rule_the_approval_stands_for_the_new_time(approved: Post, ann: Actor, by: int) -> None:
    before = approved.content()
    assert workflow.move(approved.pk, ann, minutes(by)) is Cost.KEEPS
    post = fresh(approved)
    revision = post.content()
    assert (post.status, revision.number, revision.moved_from) == ("approved", 2, before)
    assert (post.scheduled_at, revision.scheduled_at) == (minutes(by), minutes(by))
    for row in post.deliveries.all():
        assert (row.status, row.due_at, row.revision) == (D.QUEUED, minutes(by), revision)
        assert row.approved_hash == revision.content_hash == revision.computed_hash()
    kept = post.approvals.last()
    assert kept is not None
    assert kept.kept_from == post.approvals.first()
    assert (kept.user.username, kept.revision, kept.content_hash) == ("bob", revision, revision.content_hash)
    assert f"Kept: only the time moved, to {abs(by)} minutes" in kept.reason


def test_who_moved_it_from_when_to_when_stands_in_the_audit_trail(approved: Post, ann: Actor) -> None:
    workflow.move(approved.pk, ann, minutes(90))
    event = Event.objects.get(verb="move")
    assert (event.actor_name, event.note) == ("ann", "the approval of bob stands")
    assert event.data == {
        "from": TEN.isoformat(),
        "to": minutes(90).isoformat(),
        "revision": 2,
        "cost": "keeps",
    }


def test_small_moves_do_not_add_up_to_a_large_one(approved: Post, ann: Actor) -> None:
    assert workflow.move(approved.pk, ann, minutes(90)) is Cost.KEEPS
    assert workflow.move(approved.pk, ann, minutes(-50)) is Cost.KEEPS
    assert workflow.move(approved.pk, ann, minutes(110)) is Cost.KEEPS
    assert fresh(approved).content().moved_from == approved.content()
    assert workflow.move(approved.pk, ann, minutes(200)) is Cost.ASKS


def test_another_day_of_the_shop_asks_for_an_approval_however_near(
    ann: Actor, bob: Actor, content: Content
) -> None:
    late = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)  # half past eleven at the shop
    post = make(ann, bob, replace(content, scheduled_at=late))
    assert workflow.move(post.pk, ann, late + timedelta(minutes=40)) is Cost.ASKS


def test_what_was_approved_without_a_time_is_measured_from_its_approval(
    ann: Actor, bob: Actor, content: Content, time: Clock
) -> None:
    post = make(ann, bob, content)
    given = time.moment
    time.moment = given + timedelta(hours=1)
    assert workflow.move(post.pk, ann, given + timedelta(minutes=120)) is Cost.KEEPS
    assert fresh(post).content().scheduled_at == given + timedelta(minutes=120)
    assert workflow.move(post.pk, ann, given + timedelta(minutes=121)) is Cost.ASKS


def test_sending_at_once_does_not_go_round_the_measure(
    approved: Post, ann: Actor, bob: Actor, program: Actor, time: Clock
) -> None:
    workflow.move(approved.pk, ann, minutes(120))
    time.moment = minutes(121)
    with pytest.raises(NotAllowed, match="more than 120 minutes away"):
        workflow.publish(approved.pk, program)
    workflow.publish(approved.pk, bob)
    own = approved.approvals.filter(kept_from=None).last()
    assert own is not None
    assert (own.user, own.for_time) == (bob.person, minutes(121))
    # From then on, that press is the measure.
    assert workflow.move(approved.pk, ann, minutes(240)) is Cost.KEEPS


def test_moving_makes_nobody_an_author(approved: Post, ann: Actor, carla: Actor, content: Content) -> None:
    workflow.move(approved.pk, carla, minutes(30))
    workflow.edit(approved.pk, ann, replace(content, text="Other words."))
    workflow.submit(approved.pk, ann)
    assert workflow.approve(approved.pk, carla).status == "approved"


def test_what_failed_beside_it_can_still_be_tried_again(approved: Post, ann: Actor, bob: Actor) -> None:
    failed = approved.deliveries.order_by("pk").first()
    assert failed is not None
    put(failed, "failed")
    workflow.move(approved.pk, ann, minutes(30))
    workflow.retry(approved.pk, bob, delivery_id=failed.pk)
    failed.refresh_from_db()
    assert (failed.status, failed.approved_hash) == (D.QUEUED, fresh(approved).content().content_hash)


# --------------------------------------------------------------------------------- beyond the rule
def test_beyond_the_rule_the_press_of_a_second_person_is_an_approval(approved: Post, carla: Actor) -> None:
    assert workflow.move(approved.pk, carla, minutes(121)) is Cost.APPROVES
    post = fresh(approved)
    given = post.approvals.last()
    assert given is not None
    assert (post.status, given.user, given.kept_from) == ("approved", carla.person, None)
    assert given.content_hash == post.content().content_hash
    assert set(post.deliveries.values_list("approved_hash", "due_at")) == {(given.content_hash, minutes(121))}
    assert Event.objects.get(verb="move").note == "a new approval, by this press"


def test_beyond_the_rule_nobody_approves_their_own(approved: Post, content: Content, bob: Actor) -> None:
    root = person("root", superuser=True)
    post = make(root, bob, replace(content, scheduled_at=TEN))
    assert workflow.move(post.pk, root, minutes(121)) is Cost.ASKS
    assert fresh(post).status == "pending"


def test_beyond_the_rule_anybody_elses_press_asks_for_an_approval_with_that_time(
    approved: Post, ann: Actor, bob: Actor
) -> None:
    assert workflow.move(approved.pk, ann, minutes(300)) is Cost.ASKS
    post = fresh(approved)
    assert (post.status, post.scheduled_at) == ("pending", minutes(300))
    assert set(post.deliveries.values_list("status", flat=True)) == {D.CANCELLED}
    assert not Approval.objects.filter(content_hash=post.content().content_hash).exists()
    workflow.approve(post.pk, bob, shown_hash=post.content().content_hash)
    assert set(post.deliveries.filter(status=D.QUEUED).values_list("due_at", flat=True)) == {minutes(300)}


def test_an_operator_who_may_not_approve_sends_it_back_to_wait(approved: Post) -> None:
    olga = person("olga", "Operator")
    assert workflow.move(approved.pk, olga, minutes(60)) is Cost.KEEPS
    assert workflow.move(approved.pk, olga, minutes(121)) is Cost.ASKS
    assert fresh(approved).status == "pending"


def test_a_press_does_not_approve_what_no_network_takes_any_more(approved: Post, carla: Actor) -> None:
    approved.content().channels.filter(network="linkedin").update(active=False)
    with pytest.raises(workflow.InvalidContent, match="no longer connected"):
        workflow.move(approved.pk, carla, minutes(121))
    assert fresh(approved).content().number == 1


def test_what_a_move_would_cost_is_what_the_page_told(approved: Post, carla: Actor) -> None:
    with pytest.raises(WrongState, match="would be a new approval of yours by now"):
        workflow.move(approved.pk, carla, minutes(121), meant=Cost.KEEPS)
    assert fresh(approved).content().number == 1


# --------------------------------------------------------------------------------- what is refused
def test_it_is_moved_to_a_time_to_come_that_is_another_one(approved: Post, ann: Actor) -> None:
    with pytest.raises(Refusal, match="has passed"):
        workflow.move(approved.pk, ann, clock.now() - timedelta(minutes=1))
    with pytest.raises(Refusal, match="its time already"):
        workflow.move(approved.pk, ann, TEN)
    assert fresh(approved).content().number == 1


@pytest.mark.parametrize("status", ["sending", "accepted", "unconfirmed", "scheduled"])
@pytest.mark.parametrize("by", [60, 600])
def test_what_is_on_its_way_or_handed_over_is_not_moved(
    approved: Post, bob: Actor, status: str, by: int
) -> None:
    first = approved.deliveries.first()
    assert first is not None
    put(first, status, **({"provider_post_id": "p-1"} if status == "scheduled" else {}))
    with pytest.raises(WrongState, match=r"on its way|recall it first"):
        workflow.move(approved.pk, bob, minutes(by))
    assert fresh(approved).content().number == 1


@pytest.mark.parametrize("verb", ["move", "drop"])
def test_a_program_neither_moves_nor_drops(approved: Post, program: Actor, verb: str) -> None:
    with pytest.raises(NotAllowed):
        workflow.move(approved.pk, program, minutes(60)) if verb == "move" else workflow.drop(
            approved.pk, program
        )
    assert fresh(approved).status == "approved"


@pytest.mark.parametrize("verb", ["move", "drop"])
def test_another_author_neither_moves_nor_drops(approved: Post, verb: str) -> None:
    other = person("another author", "Author")
    with pytest.raises(NotAllowed, match=f"You may not {verb} this post"):
        workflow.move(approved.pk, other, minutes(60)) if verb == "move" else workflow.drop(
            approved.pk, other
        )


# ------------------------------------------------------------------------------------------- drop
def test_what_is_dropped_does_not_go_out_and_what_is_public_stays(approved: Post, bob: Actor) -> None:
    first = approved.deliveries.order_by("pk").first()
    assert first is not None
    put(first, "published")
    assert workflow.drop(approved.pk, bob).status == "published"
    assert sorted(approved.deliveries.values_list("status", flat=True)) == [D.CANCELLED, D.PUBLISHED]


def test_a_post_of_which_everything_is_dropped_is_cancelled(approved: Post, bob: Actor) -> None:
    assert workflow.drop(approved.pk, bob).status == "cancelled"
    assert Event.objects.get(verb="drop").note == "LinkedIn, X"


# --------------------------------------------------------------------------------- two people at once
def decide(verb: str, post: Post, actor: Actor, **page: Any) -> Any:
    return (
        workflow.drop(post.pk, actor, **page)
        if verb == "drop"
        else workflow.move(post.pk, actor, minutes(60), **page)
    )


@pytest.mark.parametrize("verb", ["move", "drop"])
def test_the_second_of_two_people_is_told_who_was_first(
    approved: Post, bob: Actor, carla: Actor, verb: str
) -> None:
    seen, drawn = shown(approved), clock.now()
    workflow.move(approved.pk, bob, minutes(30))
    with pytest.raises(WrongState, match=r"bob moved its time to 09:30, at 08:00\."):
        decide(verb, approved, carla, shown=seen, since=drawn)
    assert fresh(approved).scheduled_at == minutes(30)


@pytest.mark.parametrize("verb", ["move", "drop"])
def test_who_comes_after_a_drop_is_told_by_whom(approved: Post, bob: Actor, carla: Actor, verb: str) -> None:
    seen = shown(approved)
    workflow.drop(approved.pk, bob, shown=seen)
    with pytest.raises(WrongState, match="bob cancelled it at"):
        decide(verb, approved, carla, shown=seen)


def test_what_nobody_decided_is_blamed_on_nobody(
    approved: Post, bob: Actor, carla: Actor, time: Clock
) -> None:
    seen = shown(approved)
    workflow.move(approved.pk, bob, minutes(30))
    time.moment += timedelta(minutes=1)
    with pytest.raises(WrongState, match="It changed after your page was drawn"):
        workflow.drop(approved.pk, carla, shown=seen, since=time.moment)


def test_a_moved_post_does_not_go_before_all_others_any_more(approved: Post, bob: Actor, time: Clock) -> None:
    time.moment = minutes(-30)
    workflow.publish(approved.pk, bob)
    assert all(approved.deliveries.values_list("at_once", flat=True))
    workflow.move(approved.pk, bob, minutes(30))
    assert not any(approved.deliveries.values_list("at_once", flat=True))


@pytest.mark.parametrize("verb", ["move", "drop"])
def test_while_a_change_waits_for_publer_it_is_neither_moved_nor_dropped(
    approved: Post, bob: Actor, ann: Actor, content: Content, verb: str
) -> None:
    first = approved.deliveries.first()
    assert first is not None
    put(first, "scheduled", provider_post_id="p-1")
    workflow.edit(approved.pk, ann, replace(content, text="Other words."))
    with pytest.raises(WrongState, match="A change to it waits"):
        decide(verb, approved, bob)


def test_who_approved_is_named_as_then_when_it_is_kept(approved: Post, ann: Actor, bob: Actor) -> None:
    bob.person.first_name, bob.person.last_name = "Robert", "Lindqvist-Weber"
    bob.person.save()
    workflow.move(approved.pk, ann, minutes(30))
    kept = approved.approvals.last()
    assert kept is not None
    assert kept.by == "bob"
    assert Event.objects.get(verb="move").note == "the approval of bob stands"
