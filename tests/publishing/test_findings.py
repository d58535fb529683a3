"""Ways in which a delivery was once lost, doubled, or held up by another; each a sentence."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.errors import NotSent, OutcomeUnknown, ProviderError, Refused
from integrations.publer.types import ListedPost
from social import networks, workflow
from social.models import Delivery, Engine, Media, Post, Submission
from social.publishing import connect, matching, polling, recalling, reconciliation, submission
from social.publishing.looking import Look
from social.workflow import Actor
from tests.publishing.conftest import Clock, Engineer, MakePost, only
from tests.publishing.provider import FakePubler, Listed
from tests.publishing.test_scenarios import (
    GRACE,
    LEASE,
    W,
    _die,
    hand_over,
    job,
    stamp_only,
    status,
    the_plan,
    to_decide,
)

pytestmark = pytest.mark.django_db
D = Delivery.Status
JSON = {"Content-Type": "application/json"}


def a_day_passes(engine: Engineer) -> None:
    for _ in range(30):
        engine.clock.tick(3000)
        Engine.objects.update(last_seen=engine.clock.now())
        engine.follow_up()


# ------------------------------------------------------------------------------- nothing is lost
def test_a_job_that_never_ends_comes_to_a_person_after_a_day(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["late job"]
    provider.jobs["job-1"] = {"status": "working"}
    post = approved()
    engine.run(W * 2)
    assert (only(post).status, only(post).decide) == (D.UNCONFIRMED, False)
    a_day_passes(engine)
    assert only(post).decide
    assert len(provider.bodies) == 1


def test_a_list_that_is_never_whole_brings_it_to_a_person_after_a_day(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["never"]
    provider.miscounts = 1
    post = approved()
    engine.run(W * 2)
    assert not only(post).decide
    a_day_passes(engine)
    assert only(post).decide
    assert len(provider.bodies) == 1


def test_a_job_told_complete_while_no_list_is_whole_comes_to_a_person_after_a_day(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["late job"]
    provider.jobs["job-1"] = {"status": "complete", "payload": {"failures": []}}
    provider.miscounts = 1
    post = approved()
    engine.run(W * 2)
    assert only(post).status == D.ACCEPTED
    a_day_passes(engine)
    assert only(post).decide


@pytest.mark.parametrize(
    "answer",
    [{"status": "pondering"}, (400, JSON, '{"errors": ["No such job"]}')],
    ids=["unknown", "refused"],
)
def test_a_job_that_cannot_be_read_is_unclear_after_w(
    engine: Engineer, provider: FakePubler, approved: MakePost, answer: Any
) -> None:
    provider.next_writes = ["late job"]
    provider.replies["GET /job_status"] = lambda request: (
        answer if isinstance(answer, tuple) else (200, JSON, json.dumps(answer))
    )
    post = approved()
    engine.run(W * 2)
    assert only(post).status == D.UNCONFIRMED
    assert len(provider.bodies) == 1


def test_killed_between_a_jobs_answer_and_its_conclusions_the_failure_still_counts(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.failing = {"acc-twitter": "X does not like these words"}
    post = approved()
    engine.dispatch()
    Delivery.objects.update(looks=2)
    engine.clock.tick(5)
    with monkeypatch.context() as dying:
        dying.setattr(polling, "_conclude", _die)
        with pytest.raises(SystemExit):
            engine.follow_up()
    engine.clock.tick(LEASE + 1)
    engine.run(30)
    assert only(post).status == D.FAILED
    assert "does not like" in only(post).problem


@pytest.mark.parametrize("answer", [404, 422])
def test_a_refused_recall_stops_no_look(
    engine: Engineer,
    provider: FakePubler,
    approved: MakePost,
    bob: Actor,
    moving_clock: Clock,
    answer: int,
) -> None:
    gone, stays = (
        hand_over(engine, approved, moving_clock),
        hand_over(engine, approved_other(approved), moving_clock),
    )
    for post in (gone, stays):
        workflow.recall(post.pk, bob)
    provider.posts = [listed for listed in provider.posts if listed.id != only(gone).provider_post_id]
    engine.clock.tick(1)
    deleted = provider._delete

    def refuses_what_is_gone(request: Any) -> Any:
        held = {listed.id for listed in provider.posts}
        asked = {part.partition("=")[2] for part in request.url.partition("?")[2].split("&")}
        return deleted(request) if asked <= held else (answer, JSON, '{"errors": ["Post not found"]}')

    provider.replies["DELETE /posts"] = refuses_what_is_gone
    engine.follow_up()
    assert (status(gone), status(stays)) == ("cancelled", "cancelled")
    assert connect.current().trouble == ""  # type: ignore[union-attr]


def approved_other(approved: MakePost) -> MakePost:
    return lambda **content: approved("Other words on another network.", "linkedin", **content)


def past_its_time(engine: Engineer, approved: MakePost, clock: Clock, minutes: float = 45) -> Post:
    post = hand_over(engine, approved, clock)
    clock.tick(minutes * 60)
    Engine.objects.update(last_seen=clock.now())
    return post


def test_what_publer_never_sent_and_does_not_list_comes_to_a_person(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    post = past_its_time(engine, approved, moving_clock)
    provider.posts = []
    engine.run(60)
    assert only(post).decide
    assert "does not list it" in only(post).problem


def test_what_publer_lists_with_another_id_and_minute_comes_to_a_person(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock, bob: Actor
) -> None:
    post = past_its_time(engine, approved, moving_clock)
    there = provider.posts[0]
    there.id, there.scheduled_at = "renamed", there.scheduled_at + timedelta(minutes=2)
    engine.run(60)
    assert only(post).decide
    workflow.settle(post.pk, bob, only(post).pk, "live")
    assert only(post).provider_post_id == "renamed"


def test_what_publer_holds_beyond_its_time_can_be_recalled(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock, bob: Actor
) -> None:
    post = hand_over(engine, approved, moving_clock)
    provider.posts[0].state = "scheduled_declined"
    moving_clock.tick(45 * 60)
    Engine.objects.update(last_seen=moving_clock.now())
    engine.run(30)
    assert "declined" in only(post).problem
    workflow.recall(post.pk, bob)
    provider.posts[0].state = "scheduled"
    recalling.ask(connect.current(), connect.client("ws1"))  # type: ignore[arg-type]
    assert status(post) == "cancelled"


def test_at_once_just_before_its_time_is_refused_in_words(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock, bob: Actor
) -> None:
    post = hand_over(engine, approved, moving_clock)
    moving_clock.tick((only(post).due_at - moving_clock.now()).total_seconds() - 30)
    with pytest.raises(workflow.WrongState, match="within a minute"):
        workflow.publish(post.pk, bob)
    assert only(post).recall == ""


def test_a_person_who_retries_has_said_that_it_still_goes_out(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock, bob: Actor
) -> None:
    provider.failing = {"acc-twitter": "X does not like these words"}
    post = approved()
    engine.run(60)
    assert status(post) == "failed"
    moving_clock.tick(2 * 3600)
    Engine.objects.update(last_seen=moving_clock.now())
    provider.failing = {}
    workflow.retry(post.pk, bob)
    engine.run(60)
    assert status(post) == "published"


# ------------------------------------------------------------------------------- nothing is doubled
def test_a_stale_look_after_a_gap_frees_no_later_submission(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    post = approved()
    moving_clock.tick(600)
    engine.dispatch()
    moving_clock.tick(GRACE + 1)
    Engine.objects.update(last_seen=moving_clock.now())
    stale = reconciliation.to_look_for(connect.current(), moving_clock.now())  # type: ignore[arg-type]
    seen = Look(moving_clock.now(), (), complete=True)
    engine.follow_up()
    provider.next_writes = ["late"]
    engine.dispatch()
    assert only(post).status == D.UNCONFIRMED
    reconciliation.conclude(stale, [reconciliation._sought(row) for row in stale], seen)
    assert only(post).status == D.UNCONFIRMED


def test_a_stale_look_frees_nothing_whose_job_was_told_meanwhile(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    post = approved()
    sent = stamp_only(post)
    moving_clock.tick(LEASE + W + 60)
    submission.expire_leases()
    stale = reconciliation.to_look_for(connect.current(), moving_clock.now())  # type: ignore[arg-type]
    seen = Look(moving_clock.now(), (), complete=True)
    submission.record(sent.pk, job("job-9"))
    Delivery.objects.update(looks=2)
    provider.jobs["job-9"] = {"status": "working"}
    polling.poll_job(Submission.objects.get(pk=sent.pk), connect.client("ws1"))
    assert only(post).status == D.UNCONFIRMED
    reconciliation.conclude(stale, [reconciliation._sought(row) for row in stale], seen)
    assert only(post).status == D.UNCONFIRMED


@pytest.mark.parametrize(
    "answer",
    [
        NotSent("Refused.", provider="publer"),
        OutcomeUnknown("No answer came.", provider="publer"),
        Refused("No.", provider="publer", kind="permanent"),
        Refused("Too many.", provider="publer", kind="rate_limited"),
    ],
    ids=repr,
)
def test_no_late_answer_of_an_old_submission_moves_the_next_one(
    engine: Engineer, approved: MakePost, moving_clock: Clock, answer: ProviderError
) -> None:
    post = approved()
    old = stamp_only(post)
    Delivery.objects.update(status=D.QUEUED)
    old.items.update(open=False)
    stamp_only(post)
    submission.record(old.pk, answer)
    assert only(post).status == D.SENDING


def test_a_stale_look_fails_nothing_that_was_sent_again_since(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock, bob: Actor
) -> None:
    post = approved()
    engine.dispatch()
    provider.posts[0].state = "failed"
    stale = list(Delivery.objects.select_related("post", "channel", "revision", "submission"))
    listed = provider.posts[0]
    seen = Look(moving_clock.now(), (_listed(listed),), complete=True)
    engine.clock.tick(5)
    engine.follow_up()
    assert status(post) == "failed"
    workflow.retry(post.pk, bob)
    provider.next_writes = ["late job"]
    engine.dispatch()
    assert only(post).status == D.ACCEPTED
    reconciliation._adopt(stale[0], seen.posts[0], seen)
    assert only(post).status == D.ACCEPTED


def test_a_stale_look_recalls_nothing_that_was_handed_over_again(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock, bob: Actor
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.recall(post.pk, bob)
    stale = list(Delivery.objects.select_related("post", "channel", "revision", "submission"))
    seen = Look(moving_clock.now(), (), complete=True)
    Delivery.objects.update(provider_post_id="post-of-a-later-submission")
    reconciliation.conclude(stale, [reconciliation._sought(row) for row in stale], seen)
    assert only(post).status == D.SCHEDULED


def test_send_it_again_waits_until_a_late_write_cannot_turn_up(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    provider.next_writes = ["late"]
    post = approved("Three bowls, one shelf.")
    engine.dispatch()
    provider.posts.append(
        Listed("theirs", "acc-twitter", "Four bowls, one shelf.", "published", engine.clock.now())
    )
    engine.run(GRACE + 20)
    assert only(post).decide
    for late in (False, True):
        with pytest.raises(workflow.Refusal, match="fresh look"):
            workflow.settle(post.pk, bob, only(post).pk, "again", not_these=["theirs"])
        if late:
            provider.work_on_late()
        engine.follow_up()
    assert status(post) == "published"
    assert len(provider.public) == 2


def test_the_post_of_another_delivery_is_not_taken_by_it_is_live(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    provider.change_words = lambda words: "Four bowls on one shelf, says somebody."
    provider.next_writes = ["lost", "never"]
    first = approved("Three bowls, one shelf.")
    second = approved("Three bowls on a shelf.")
    engine.run(W)
    assert only(first).decide
    assert only(second).decide
    workflow.settle(first.pk, bob, only(first).pk, "live")
    workflow.settle(second.pk, bob, only(second).pk, "live")
    assert (status(first), status(second)) == ("published", "published")
    assert (only(first).provider_post_id, only(second).provider_post_id) == (provider.posts[0].id, "")


def test_what_was_made_is_dated_by_the_databases_clock(
    engine: Engineer, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web server whose clock is ahead would else make posts that no gap covers."""
    ahead = engine.clock.now() + timedelta(hours=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: ahead)
    post = approved()
    assert post.content().created_at == engine.clock.now()


def test_a_workspace_of_another_address_is_not_taken_for_the_connected_one(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_WORKSPACE_ID = "ws1"
    approved()
    settings.PUBLER_BASE_URL = "http://elsewhere.invalid/api/v1"
    connect.sync_or_tell()
    assert connect.current() is None


# ------------------------------------------------------------------------------- what is established
def test_what_a_complete_job_made_with_changed_words_is_taken_over_with_the_difference(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.change_words = lambda words: "Three bowls on one shelf."
    post = approved("Three bowls, one shelf.")
    engine.run(60)
    assert status(post) == "published"
    assert only(post).live_text == "Three bowls on one shelf."


# ------------------------------------------------------------------------------- one stops no other
def test_a_picture_that_breaks_publer_stops_no_other_post(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    def breaks(request: Any) -> Any:
        raise requests.ReadTimeout("no answer")

    provider.replies["POST /media"] = breaks
    approved("With a picture.", "twitter", media=[(_picture(), "A bowl")])
    others = [approved(f"Words {number}.", "linkedin") for number in range(3)]
    engine.run(60)
    assert {status(post) for post in others} == {"published"}


def test_a_later_post_leaves_room_for_those_that_publer_already_has(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock, settings: Any
) -> None:
    settings.PUBLER_PLAN = "business"
    limit = networks.daily_limit("twitter", "page", "business")
    assert limit is not None
    old = approved("An old one.")
    engine.run(30)
    made = only(old)
    for number in range(limit - 2):
        Delivery.objects.filter(pk=_copy_of(made, number)).update(goes_at=moving_clock.now())
    approved("For later.", scheduled_at=moving_clock.now() + timedelta(minutes=30))
    engine.run(20)
    last = approved("One too many.")
    engine.run(20)
    assert only(last).status == D.QUEUED
    assert f"{limit} posts in 24 hours" in only(last).hold


def test_a_long_queue_on_one_account_is_held_in_one_go(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLISH_GAP_SECONDS = 60
    for number in range(30):
        approved(f"Number {number}.", "twitter")
    approved("Elsewhere.", "linkedin")
    with CaptureQueriesContext(database) as asked:
        engine.dispatch()
    stamps = [q for q in asked.captured_queries if q["sql"].startswith('UPDATE "social_engine"')]
    assert len(stamps) < 8
    assert len(provider.public) == 2
    assert Delivery.objects.filter(status=D.QUEUED, hold__contains="one post every 60 s").count() == 29


def test_many_under_way_are_matched_in_a_moment() -> None:
    now = Clock().now()
    sought = [
        matching.Sought(n, f"acc-{n % 20}", f"Number {n}: {'words ' * 30}{n}", "", now) for n in range(1000)
    ]
    listed = [
        ListedPost(id=f"p-{n}", account_id=f"acc-{n % 20}", text=f"{n} others {'words ' * 30}")
        for n in range(1000)
    ]
    begun = time.process_time()
    matching.match(sought, listed, {}, probably=False)
    assert time.process_time() - begun < 1.0


# ------------------------------------------------------------------------------------------ means
def _listed(post: Listed) -> ListedPost:
    return ListedPost.model_validate(
        {
            "id": post.id,
            "text": post.text,
            "state": post.state,
            "account_id": post.account_id,
            "scheduled_at": post.scheduled_at.isoformat(),
        }
    )


def _copy_of(row: Delivery, number: int) -> int:
    post = Post.objects.get(pk=row.post_id)
    post.pk = None
    post.save()
    row.pk, row.post, row.provider_post_id = None, post, f"copy-{number}"
    row.save()
    return int(row.pk or 0)


def _picture() -> Media:
    return Media.objects.create(
        sha256="a" * 64, content=b"x", thumbnail=b"x", content_type="image/png", size=1, width=1, height=1
    )


# ------------------------------------------------------------------------ each guard of the stamp alone
def planned_then(engine: Engineer, **fields: Any) -> Submission | None:
    """A plan that was right when it was made, and what the stamp makes of it when the row has changed."""
    plan = the_plan()
    Delivery.objects.update(**fields)
    return submission.stamp(plan)


def test_the_stamp_tests_the_moment_again(engine: Engineer, approved: MakePost) -> None:
    approved()
    assert planned_then(engine, not_before=engine.clock.now() + timedelta(seconds=60)) is None


def test_the_stamp_tests_lateness_again(engine: Engineer, approved: MakePost) -> None:
    approved()
    assert planned_then(engine, due_at=engine.clock.now() - timedelta(hours=2)) is None


def test_the_stamp_has_looked_for_first_what_was_planned_before_a_gap(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    post = approved()
    Engine.objects.update(last_seen=engine.clock.now())
    plan = the_plan()
    engine.clock.tick(600)

    assert submission.stamp(plan) is None

    assert only(post).status == D.UNCONFIRMED
    assert provider.bodies == []


def test_the_stamp_tests_the_approved_content(engine: Engineer, approved: MakePost) -> None:
    approved()
    assert planned_then(engine, approved_hash="0" * 64) is None


def test_the_stamp_lets_no_twin_go_while_one_is_under_way(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["never"]
    approved("The same words.")
    engine.dispatch()
    approved("The  same words.")
    engine.run(W - 20)
    assert len(provider.bodies) == 1


def test_the_stamp_keeps_the_gap_between_two_posts(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLISH_GAP_SECONDS = 60
    approved("One."), approved("Two.")
    engine.run(50)
    assert len(provider.public) == 1
    engine.run(30)
    assert len(provider.public) == 2


def test_what_is_due_later_is_sent_again_only_shortly_before_its_time(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    provider.next_writes = ["never"]
    due = moving_clock.now() + timedelta(minutes=30)
    approved(scheduled_at=due)
    engine.dispatch()
    while moving_clock.now() < due - timedelta(seconds=W):
        Engine.objects.update(last_seen=moving_clock.now())
        engine.dispatch()
        engine.follow_up()
        moving_clock.tick(30)
    assert len(provider.bodies) == 1
    engine.run(W + 120)
    assert len(provider.public) == 1


def test_after_so_many_attempts_a_person_decides(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.RETRY_MAX_ATTEMPTS = 2
    provider.next_writes = ["never"] * 5
    post = approved()
    engine.run(W * 4, step=20)
    assert len(provider.bodies) == 2
    assert only(post).decide


def test_our_own_post_may_be_the_one_in_the_way_of_the_next_attempt(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.failing = {"acc-twitter": "There's another post at this time. A one minute gap is required"}
    post = approved()
    Delivery.objects.update(was_unknown=True)
    engine.run(60)
    assert only(post).status == D.UNCONFIRMED
    assert len(provider.bodies) == 1


def test_a_missing_sibling_is_sent_again_only_w_after_another_was_seen(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    approved("Two networks.", "linkedin", "twitter")
    provider.jobs["job-1"] = {"status": "working"}
    engine.dispatch()
    twin = next(p for p in provider.posts if p.account_id == "acc-twitter")
    provider.posts = []
    engine.run(W * 2, step=20)
    provider.posts = [twin]
    engine.run(W - 20, step=20)
    assert len(provider.bodies) == 1
    engine.run(W, step=20)
    assert len(provider.bodies) == 2


def test_a_look_before_the_grace_after_a_gap_frees_nothing(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    post = approved()
    moving_clock.tick(600)
    engine.dispatch()
    moving_clock.tick(GRACE - 1)
    Delivery.objects.update(next_look_at=moving_clock.now())
    engine.follow_up()
    assert provider.calls.count("GET posts") == 1
    assert only(post).status == D.UNCONFIRMED


def test_send_it_again_needs_a_look_of_the_last_two_minutes(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    post = to_decide(engine, provider, approved)
    shown = [candidate["id"] for candidate in only(post).candidates]
    engine.clock.tick(W * 2)
    Delivery.objects.update(looked_from=engine.clock.now())
    engine.clock.tick(121)
    with pytest.raises(workflow.Refusal, match="fresh look"):
        workflow.settle(post.pk, bob, only(post).pk, "again", not_these=shown)
