"""The protocol's scenarios, each a sentence; `scenario(N)` is its number there."""

import itertools
import re
import ssl
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import urllib3
from django.core.cache import cache
from django.db import OperationalError, transaction
from django.db.models import QuerySet

from integrations.publer.types import JobAccepted
from social import tasks, workflow
from social.models import Channel, Delivery, Engine, Event, Post, Submission
from social.publishing import batching, connect, pausepoint, submission
from social.workflow import Actor
from tests.publishing.conftest import Clock, Engineer, MakePost, only
from tests.publishing.provider import FakePubler, Listed, entries

pytestmark = pytest.mark.django_db
scenario = pytest.mark.scenario
D = Delivery.Status
W, GRACE, LEASE = 180, 30, 60


def status(post: Post) -> str:
    return Post.objects.get(pk=post.pk).status


def test_an_approved_post_goes_out_once_with_its_receipt(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    post = approved("Three bowls, one shelf.", "twitter", "linkedin")
    engine.run(30)
    assert len(provider.public) == 2
    assert status(post) == "published"
    receipt = Post.objects.get(pk=post.pk).receipt
    assert {item["permalink"] for item in receipt["posts"]} == {p.link for p in provider.public}
    assert receipt["job_ids"] == ["job-1"]
    assert len(provider.bodies) == 1


@scenario(1)
def test_worked_on_after_two_empty_looks_it_is_public_once(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["late"]
    post = approved()
    engine.run(GRACE * 4)
    assert provider.calls.count("GET posts") >= 2
    provider.work_on_late()
    engine.run(W * 2)
    assert len(provider.public) == 1
    assert status(post) == "published"


@scenario(2)
def test_killed_between_stamp_and_send_it_goes_out_once_and_not_before_w(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    post = approved()
    stamp_only(post)
    begun = moving_clock.now()
    engine.run(LEASE + W + 60)
    assert [p.scheduled_at for p in provider.public] > [begun + timedelta(seconds=LEASE + W)]
    assert len(provider.public) == 1
    assert status(post) == "published"


@scenario(3)
def test_killed_between_send_and_record_the_post_is_adopted(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = approved()
    with monkeypatch.context() as dying:
        dying.setattr(submission, "record", _die)
        with pytest.raises(SystemExit):
            engine.dispatch()
    assert len(provider.public) == 1
    engine.run(LEASE + GRACE + 20)
    assert len(provider.public) == 1
    assert status(post) == "published"
    assert only(post).provider_post_id == provider.public[0].id


@scenario(4)
@pytest.mark.parametrize("written", [False, True], ids=["rolled back", "written, which nobody knows"])
def test_a_commit_that_fails_sends_nothing(
    engine: Engineer,
    provider: FakePubler,
    approved: MakePost,
    monkeypatch: pytest.MonkeyPatch,
    written: bool,
) -> None:
    post, stamp = approved(), submission.stamp

    def fails(plan: batching.Plan) -> None:
        with transaction.atomic():
            stamp(plan)
            transaction.set_rollback(not written)
        raise OperationalError("the connection was lost during COMMIT")

    with monkeypatch.context() as broken:
        broken.setattr(submission, "stamp", fails)
        engine.dispatch()
    assert provider.bodies == []
    assert Submission.objects.count() == written
    engine.run(LEASE + W + 30 if written else 20)
    assert len(provider.public) == 1
    assert status(post) == "published"


@scenario(5)
def test_halted_for_long_after_the_stamp_nothing_leaves(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = approved()
    passed = iter([0.0, submission.SEND_WITHIN + 0.1])  # before the stamp, and when it goes on
    with monkeypatch.context() as halted:
        halted.setattr(submission, "time", SimpleNamespace(monotonic=lambda: next(passed)))
        plan = the_plan()
        publer = connect.client("ws1")
        assert submission.submit(plan, publer, publer.leave()) is False
    assert provider.bodies == []
    assert only(post).status == D.QUEUED
    assert only(post).attempts == 0
    engine.run(60)
    assert len(provider.public) == 1


@scenario(6)
def test_an_answer_after_the_lease_still_counts(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    post = approved()
    sent = stamp_only(post)
    moving_clock.tick(LEASE + 1)
    submission.expire_leases()
    assert only(post).status == D.UNCONFIRMED
    submission.record(sent.pk, job("job-x"))
    assert only(post).status == D.ACCEPTED


@scenario(7)
def test_the_answer_of_an_old_submission_moves_nothing(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    provider.next_writes = ["never", "late"]
    post = approved()
    engine.run(W + GRACE + 60)
    old, new = Submission.objects.order_by("pk")
    assert only(post).submission == new
    submission.record(old.pk, job("job-old"))
    assert only(post).status == D.UNCONFIRMED
    assert Submission.objects.get(pk=old.pk).job_id == "job-old"


@scenario(8)
def test_of_two_workers_with_the_same_plan_one_stamps(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    approved("Three bowls, one shelf.", "twitter", "linkedin")
    plans = the_plan(), the_plan()
    publer = connect.client("ws1")
    assert [submission.submit(plan, publer, publer.leave()) for plan in plans] == [True, False]
    assert len(provider.bodies) == 1
    assert len(provider.public) == 2


@scenario(10)
def test_a_pause_during_the_wait_for_leave_holds(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    approved()
    plan = the_plan()
    workflow.pause(bob.person, "stocktaking")
    publer = connect.client("ws1")
    assert submission.submit(plan, publer, publer.leave()) is False
    assert provider.bodies == []
    workflow.resume(bob.person)
    engine.run(10)
    assert len(provider.public) == 1


@scenario(11)
def test_a_cancel_in_the_air_is_refused_in_words(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    provider.next_writes = ["late"]
    post = approved()
    engine.dispatch()
    with pytest.raises(workflow.WrongState, match="on its way to X since"):
        workflow.cancel(post.pk, bob)
    with pytest.raises(workflow.WrongState, match="on its way"):
        workflow.edit(post.pk, bob, workflow.Content(text="Other words."))


@scenario(9)
def test_an_edit_before_the_stamp_voids_what_was_planned(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor
) -> None:
    post = approved("The words that Bob saw.")
    plan = the_plan()
    content = workflow.content_of(Post.objects.get(pk=post.pk).content())
    workflow.edit(post.pk, ann, workflow.Content(text="Other words.", channels=content.channels))
    publer = connect.client("ws1")
    assert submission.submit(plan, publer, publer.leave()) is False
    engine.run(30)
    assert provider.bodies == []
    assert status(post) == "draft"


@scenario(9)
def test_an_edit_after_the_stamp_is_refused_and_the_approved_words_go(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor
) -> None:
    post = approved("The words that Bob saw.")
    stamp_only(post)
    content = workflow.content_of(Post.objects.get(pk=post.pk).content())
    with pytest.raises(workflow.WrongState, match="on its way"):
        workflow.edit(post.pk, ann, workflow.Content(text="Other words.", channels=content.channels))
    engine.run(LEASE + W + 30)
    assert [listed.text for listed in provider.public] == ["The words that Bob saw."]


@scenario(13)
def test_a_look_begun_before_w_sends_nothing_again(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    provider.next_writes = ["never"]
    post = approved()
    engine.dispatch()
    moving_clock.tick(W - 1)
    # The look begins before W and ends after it.
    provider.next_lists = [lambda: moving_clock.tick(10)]
    engine.follow_up()
    assert only(post).status == D.UNCONFIRMED
    engine.run(60)
    assert len(provider.public) == 1


@scenario(12)
def test_a_stale_reconciler_sends_nothing_again(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    from social.publishing import reconciliation
    from social.publishing.looking import Look

    provider.next_writes = ["never", "late"]
    post = approved()
    engine.dispatch()
    moving_clock.tick(W + GRACE)
    Engine.objects.update(last_seen=moving_clock.now())
    stale = reconciliation.to_look_for(connect.current(), moving_clock.now())  # type: ignore[arg-type]
    seen = Look(moving_clock.now(), (), complete=True)
    engine.follow_up()  # another one frees it,
    engine.dispatch()  # it is sent for the second time, and the answer is lost
    assert len(provider.bodies) == 2
    reconciliation.conclude(stale, [reconciliation._sought(row) for row in stale], seen)
    assert only(post).status == D.UNCONFIRMED
    engine.dispatch()
    assert len(provider.bodies) == 2


@scenario(14)
def test_half_a_batch_taken_and_the_answer_lost_the_rest_goes(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    post = approved("Four networks.", "facebook", "twitter")
    provider.next_writes = ["lost"]
    engine.dispatch()
    provider.posts = [p for p in provider.posts if p.account_id == "acc-facebook"]
    engine.run(W + GRACE * 4)
    assert sorted(p.account_id for p in provider.public) == ["acc-facebook", "acc-twitter"]
    assert status(post) == "published"


@scenario(15)
def test_a_failure_in_the_job_hits_its_account_alone(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.failing = {"acc-linkedin": "LinkedIn is not taking pictures right now"}
    post = approved("Two networks.", "linkedin", "twitter")
    engine.run(60)
    assert [p.account_id for p in provider.public] == ["acc-twitter"]
    failed = Delivery.objects.get(post=post, channel__network="linkedin")
    assert failed.status == D.FAILED
    assert "not taking pictures" in failed.problem
    assert status(post) == "partly_published"


@scenario(16)
def test_a_stuck_job_is_not_sent_again_but_its_missing_sibling_is(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    post = approved("Two networks.", "linkedin", "twitter")
    provider.jobs["job-1"] = {"status": "working"}
    engine.dispatch()
    twin = next(p for p in provider.posts if p.account_id == "acc-twitter")
    provider.posts = []
    engine.run(W * 3)
    assert len(provider.bodies) == 1
    provider.posts = [twin]
    engine.run(W * 2)
    assert len(provider.bodies) == 2
    assert sorted(p.account_id for p in provider.public) == ["acc-linkedin", "acc-twitter"]
    assert status(post) == "published"


@scenario(17)
def test_twins_live_twice_each_with_its_own_link(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    first, second = approved("The same words."), approved("The same words.")
    provider.next_writes = ["lost", "lost"]
    engine.run(W * 2)
    assert len(provider.public) == 2
    assert {only(first).permalink, only(second).permalink} == {p.link for p in provider.public}
    assert (status(first), status(second)) == ("published", "published")


@scenario(17)
def test_a_twin_that_was_never_taken_does_not_take_over_the_post_of_the_other(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["job", "never"]
    first, second = approved("The same words."), approved("The same words.")
    engine.run(20)
    assert (status(first), only(second).status) == ("published", D.UNCONFIRMED)
    engine.run(W + GRACE)
    assert len(provider.public) == 2
    assert only(second).provider_post_id == provider.public[1].id


def test_a_certain_copy_that_is_left_over_is_told(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["lost"]
    post = approved("Three bowls, one shelf.")
    engine.dispatch()
    provider.posts.append(replace(provider.posts[0], id="a-copy"))
    engine.run(GRACE + 10)
    assert "Live twice?" in only(post).problem
    assert [candidate["id"] for candidate in only(post).candidates] == ["a-copy"]
    assert len(provider.posts) == 2


@scenario(18)
def test_a_signature_at_the_end_still_matches(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.change_words = lambda words: f"{words}\n\n— sent by Kiln & Linen"
    provider.next_writes = ["lost"]
    post = approved("Three bowls, one shelf, each made to sit inside the next.")
    engine.run(GRACE * 2)
    assert status(post) == "published"
    assert "sent by" in only(post).live_text


@scenario(18)
def test_a_shortened_link_still_matches(engine: Engineer, provider: FakePubler, approved: MakePost) -> None:
    provider.change_words = lambda words: words.replace(
        "https://kilnandlinen.example/bowls", "https://sho.rt/x1"
    )
    provider.next_writes = ["lost"]
    post = approved("Three bowls: https://kilnandlinen.example/bowls")
    engine.run(GRACE * 2)
    assert status(post) == "published"


@scenario(18)
def test_changed_words_go_to_a_person(engine: Engineer, provider: FakePubler, approved: MakePost) -> None:
    provider.change_words = lambda words: "Four bowls on one shelf, says somebody."
    provider.next_writes = ["lost"]
    post = approved("Three bowls, one shelf.")
    engine.run(W * 3)
    row = only(post)
    assert (row.status, row.decide) == (D.UNCONFIRMED, True)
    assert row.candidates[0]["text"] == "Four bowls on one shelf, says somebody."
    assert len(provider.bodies) == 1


def to_decide(engine: Engineer, provider: FakePubler, approved: MakePost) -> Post:
    provider.change_words = lambda words: "Four bowls on one shelf, says somebody."
    provider.next_writes = ["lost"]
    post = approved("Three bowls, one shelf.")
    engine.run(W)
    assert only(post).decide
    return post


def test_it_is_live_takes_over_the_post_that_the_person_was_shown(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    post = to_decide(engine, provider, approved)
    workflow.settle(post.pk, bob, only(post).pk, "live")
    post.refresh_from_db()
    assert (post.status, post.receipt["posts"][0]["permalink"]) == ("published", provider.public[0].link)


def test_send_it_again_needs_a_fresh_look_and_a_judgement_on_all_that_it_shows(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    post = to_decide(engine, provider, approved)
    row = only(post)
    engine.clock.tick(300)
    shown = [candidate["id"] for candidate in row.candidates]
    with pytest.raises(workflow.Refusal, match="fresh look"):
        workflow.settle(post.pk, bob, row.pk, "again", not_these=shown)
    engine.follow_up()
    with pytest.raises(workflow.Refusal, match="fresh look"):
        workflow.settle(post.pk, bob, row.pk, "again")
    workflow.settle(post.pk, bob, row.pk, "again", not_these=shown)
    provider.change_words = lambda words: words
    Engine.objects.update(last_seen=engine.clock.now())
    engine.run(30)
    assert status(post) == "published"
    assert only(post).live_text == ""


def test_drop_ends_it(engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor) -> None:
    post = to_decide(engine, provider, approved)
    assert workflow.settle(post.pk, bob, only(post).pk, "drop").status == "cancelled"


def test_what_publer_says_is_done_and_does_not_list_comes_to_a_person_after_w(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    post = approved()
    engine.dispatch()
    provider.posts = []
    engine.run(W - 20)
    assert only(post).status == D.ACCEPTED
    engine.run(120)
    assert only(post).decide
    assert len(provider.bodies) == 1


@scenario(19)
def test_last_months_same_words_are_not_adopted(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    first = approved("The same words as ever.")
    engine.run(30)
    Delivery.objects.filter(post=first).update(provider_post_id="")  # as if made by hand there
    moving_clock.tick(3600)
    Engine.objects.update(last_seen=moving_clock.now())
    provider.next_writes = ["never"]
    second = approved("The same words as ever.")
    engine.run(W * 2)
    assert len(provider.public) == 2
    assert only(second).provider_post_id == provider.public[1].id


@scenario(20)
def test_a_list_that_fails_is_not_absence(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    provider.next_writes = ["never"]
    post = approved()
    engine.dispatch()
    moving_clock.tick(W + 1)
    provider.next_lists = [(502, {}, "<html>Bad gateway</html>")] * 3
    engine.follow_up()
    assert only(post).status == D.UNCONFIRMED
    assert connect.current().trouble == "nonsense"  # type: ignore[union-attr]
    engine.run(W)
    assert len(provider.public) == 1


@scenario(20)
def test_a_list_that_shifts_while_it_is_read_is_not_absence(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    provider.page_size, provider.next_writes = 2, ["lost"]
    post = approved()
    ahead = [
        Listed(f"ahead-{hours}", "acc-twitter", f"Notice {hours}", "scheduled", later(moving_clock, hours))
        for hours in (1, 2)
    ]
    behind = [
        Listed(
            f"behind-{hours}", "acc-twitter", f"Notice of {hours}", "published", later(moving_clock, -hours)
        )
        for hours in (1, 2)
    ]
    provider.posts += [*ahead, behind[0]]
    engine.dispatch()
    moving_clock.tick(W + 1)

    def shift() -> None:
        """One goes, one comes: ours moves to the page that was read already, and the total stays."""
        provider.posts.remove(ahead[1])
        provider.posts.append(behind[1])

    provider.next_lists = [None, shift]
    engine.follow_up()
    engine.dispatch()
    assert len(provider.bodies) == 1
    engine.run(60)
    assert status(post) == "published"


@scenario(21)
@pytest.mark.parametrize("state", ["failed", "published_deleted", "published_hidden", "scheduled_declined"])
def test_no_state_in_the_list_sends_again(
    engine: Engineer, provider: FakePubler, approved: MakePost, state: str
) -> None:
    provider.next_writes = ["lost"]
    approved()
    engine.dispatch()
    provider.posts[0].state = state
    engine.run(W * 3)
    assert len(provider.bodies) == 1


@scenario(22)
def test_a_restored_database_looks_first_for_pending_posts_too(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor, moving_clock: Clock
) -> None:
    post = approved("Live before the backup came back.")
    pending = workflow.create(ann, workflow.content_of(Post.objects.get(pk=post.pk).content()))
    workflow.edit(pending.pk, ann, workflow.Content("Live, too.", list(_channels("linkedin"))))
    workflow.submit(pending.pk, ann)
    # Both were sent, and then the database of before came back.
    for text, account in (
        ("Live before the backup came back.", "acc-twitter"),
        ("Live, too.", "acc-linkedin"),
    ):
        provider._make(
            {"bulk": {"posts": [{"networks": {account[4:]: {"text": text}}, "accounts": [{"id": account}]}]}},
            "job-0",
        )
    moving_clock.tick(W)
    engine.dispatch()
    workflow.approve(pending.pk, bob)
    engine.run(GRACE + 60)
    assert provider.bodies == []
    assert len(provider.public) == 2
    assert (status(post), status(pending)) == ("published", "published")


def test_after_a_gap_what_is_not_live_is_sent(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    post = approved()
    moving_clock.tick(600)
    engine.dispatch()
    assert provider.bodies == []
    assert only(post).status == D.UNCONFIRMED
    engine.run(GRACE + 30)
    assert len(provider.public) == 1
    assert status(post) == "published"


def test_an_answer_whose_submission_is_missing_distrusts_the_past(
    engine: Engineer, provider: FakePubler, moving_clock: Clock
) -> None:
    submission.record(987654, job("job-of-another-life"))
    assert Engine.objects.get().trusted_from == moving_clock.now()


@scenario(23)
def test_a_tls_error_after_the_request_is_unknown(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    broken = urllib3.exceptions.SSLError(ssl.SSLError(1, "decryption failed or bad record mac"))
    provider.next_writes = [requests.exceptions.SSLError(broken)]
    post = approved()
    engine.dispatch()
    assert (only(post).status, only(post).attempts) == (D.UNCONFIRMED, 1)
    engine.run(W - 20)
    assert len(provider.bodies) == 1


@pytest.mark.parametrize("answer", [500, 502, 504])
def test_a_5xx_is_unknown(engine: Engineer, provider: FakePubler, approved: MakePost, answer: int) -> None:
    provider.next_writes = [(answer, {"Content-Type": "application/json"}, '{"errors": ["Try again"]}')]
    post = approved()
    engine.dispatch()
    assert only(post).status == D.UNCONFIRMED


@scenario(24)
def test_html_with_429_is_unknown(engine: Engineer, provider: FakePubler, approved: MakePost) -> None:
    post = approved()
    provider.next_writes = [(429, {}, "<html>slow down</html>")]
    engine.dispatch()
    assert only(post).status == D.UNCONFIRMED


@scenario(24)
def test_json_with_429_uses_no_attempt(engine: Engineer, provider: FakePubler, approved: MakePost) -> None:
    post = approved()
    provider.next_writes = [(429, {"Content-Type": "application/json"}, '{"error": "Too many requests"}')]
    engine.dispatch()
    assert (only(post).status, only(post).attempts) == (D.QUEUED, 0)
    assert connect.limiter().state().remaining == 0


@scenario(25)
def test_a_poisoned_post_fails_alone(engine: Engineer, provider: FakePubler, approved: MakePost) -> None:
    posts = [
        approved(f"Post {network}.", network) for network in ("facebook", "twitter", "linkedin", "threads")
    ]
    provider.refuse = lambda body: "Text is not allowed" if "Post twitter." in str(body) else ""
    engine.run(120)
    assert sorted(p.text for p in provider.public) == ["Post facebook.", "Post linkedin.", "Post threads."]
    bad = only(posts[1])
    assert (bad.status, bad.retry_helps) == (D.FAILED, False)
    assert "Text is not allowed" in bad.problem


@scenario(26)
def test_a_failing_account_stops_no_other(engine: Engineer, provider: FakePubler, approved: MakePost) -> None:
    provider.failing = {"acc-linkedin": "Connect this account again"}
    bad = [approved(f"Post {number} for one.", "linkedin") for number in range(3)]
    good = [approved(f"Post {number} for others.", "twitter", "threads") for number in range(3)]
    engine.run(60)
    assert {status(post) for post in good} == {"published"}
    assert {status(post) for post in bad} == {"failed"}
    assert all("Connect this account again" in only(post).problem for post in bad)


@scenario(26)
def test_a_limiter_without_leave_fails_nothing(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    connect.limiter().pause(60, "a test")
    post = approved()
    engine.dispatch()
    assert provider.bodies == []
    assert (only(post).status, only(post).attempts) == (D.QUEUED, 0)
    connect.limiter().resume()
    engine.run(20)
    assert status(post) == "published"


def test_a_post_for_later_is_handed_over_ahead_and_followed(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    due = moving_clock.now() + timedelta(hours=2)
    post = approved(scheduled_at=due)
    engine.run(60)
    assert provider.bodies == []
    Engine.objects.update(last_seen=moving_clock.now())
    while moving_clock.now() < due - timedelta(minutes=50):
        engine.run(50, step=50)
    assert [p.state for p in provider.posts] == ["scheduled"]
    assert status(post) == "scheduled"
    while moving_clock.now() < due + timedelta(minutes=2):
        engine.run(50, step=25)
    assert status(post) == "published"
    assert len(provider.bodies) == 1


def hand_over(engine: Engineer, approved: MakePost, clock: Clock) -> Post:
    post = approved(scheduled_at=clock.now() + timedelta(minutes=30))
    engine.run(20)
    assert status(post) == "scheduled"
    return post


@scenario(27)
@pytest.mark.parametrize("answer", ["deleted", "lost", "never"])
def test_a_recall_is_over_only_when_it_is_sure(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, moving_clock: Clock, answer: str
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.recall(post.pk, bob)
    provider.next_deletes = [answer]
    engine.follow_up()
    if answer == "never":
        assert status(post) == "scheduled"
    engine.run(60)
    assert status(post) == "cancelled"
    assert provider.posts == []


@scenario(27)
def test_a_recall_that_comes_too_late_says_so(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.recall(post.pk, bob)
    provider.posts[0].state = "published"
    engine.run(30)
    assert status(post) == "published"
    assert Event.objects.filter(post=post, note="too late to recall it").exists()


@scenario(27)
def test_a_changed_id_is_followed(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    provider.posts[0].id = "post-renamed"
    moving_clock.tick(31 * 60)
    Engine.objects.update(last_seen=moving_clock.now())
    engine.run(30)
    assert status(post) == "published"
    assert only(post).provider_post_id == "post-renamed"


@scenario(28)
def test_now_on_a_handed_over_post_is_never_two(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, moving_clock: Clock
) -> None:
    post = hand_over(engine, approved, moving_clock)
    workflow.publish(post.pk, bob)
    provider.next_deletes = ["lost"]
    engine.run(60)
    assert status(post) == "published"
    assert len(provider.public) == 1
    assert [p.state for p in provider.posts] == ["published"]


def test_the_empty_list_of_another_workspace_proves_nothing(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["lost"]
    post = approved()
    engine.dispatch()
    there, provider.posts, provider.workspace = provider.posts, [], "ws2"
    connect.sync_channels()
    engine.run(W * 2)
    assert only(post).status == D.UNCONFIRMED
    provider.posts, provider.workspace = there, "ws1"
    connect.sync_channels()
    engine.run(60)
    assert status(post) == "published"
    assert len(provider.bodies) == 1


def test_no_request_holds_an_account_twice(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    for number in range(3):
        approved(f"Number {number}.", "twitter", "linkedin")
    engine.dispatch()
    accounts = [sorted(account["id"] for account, _ in entries(body)) for body in provider.bodies]
    assert accounts == [["acc-linkedin", "acc-twitter"]] * 3


def test_what_is_due_within_a_minute_and_a_half_is_held_and_sent_as_now(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    due = moving_clock.now() + timedelta(seconds=85)
    approved(scheduled_at=due)
    engine.run(80)
    assert provider.bodies == []
    engine.run(20)
    assert [post.scheduled_at >= due for post in provider.public] == [True]


@scenario(29)
def test_with_an_emptied_cache_doubled_messages_and_skewed_clocks_nothing_goes_twice(
    engine: Engineer,
    provider: FakePubler,
    approved: MakePost,
    moving_clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = itertools.cycle([timedelta(hours=-3), timedelta(), timedelta(hours=5)])
    monkeypatch.setattr("django.utils.timezone.now", lambda: moving_clock.now() + next(hosts))
    doubled: list[str] = []

    def once_more(point: str) -> None:
        """Wherever a worker comes, the same message is worked on by another, from its begin to its end."""
        if not doubled:
            doubled.append(point)
            cache.clear()
            tasks.dispatch()
            tasks.poll()
            doubled.clear()

    monkeypatch.setattr(pausepoint, "reached", once_more)
    provider.next_writes = ["lost", "never", "late"]
    posts = [approved(f"Number {number}: three bowls, one shelf.", "twitter") for number in range(5)]
    engine.run(60)
    provider.work_on_late()
    engine.run(W * 2)
    assert sorted(listed.text for listed in provider.public) == [
        f"Number {number}: three bowls, one shelf." for number in range(5)
    ]
    assert {status(post) for post in posts} == {"published"}


def test_what_is_late_waits_for_a_person(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, moving_clock: Clock
) -> None:
    workflow.pause(bob.person, "stocktaking")
    post = approved()
    moving_clock.tick(2 * 3600)
    Engine.objects.update(last_seen=moving_clock.now())
    workflow.resume(bob.person)
    engine.run(60)
    assert provider.bodies == []
    workflow.publish(post.pk, bob)
    Engine.objects.update(last_seen=moving_clock.now())
    engine.run(60)
    assert status(post) == "published"


def test_another_workspace_gets_nothing_of_this_one(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    post = approved()
    provider.workspace = "ws2"
    connect.sync_channels()
    engine.run(30)
    assert provider.bodies == []
    assert only(post).status == D.QUEUED
    provider.workspace = "ws1"
    connect.sync_channels()
    engine.run(30)
    assert status(post) == "published"


def test_every_scenario_of_the_protocol_has_its_test() -> None:
    sources = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    told = {int(number) for source in sources for number in re.findall(r"^@scenario\((\d+)\)", source, re.M)}
    assert told == set(range(1, 30))


# ------------------------------------------------------------------------------------------ means
def _die(*_: object) -> None:
    raise SystemExit


def _channels(network: str) -> QuerySet[Channel]:
    return Channel.objects.select_related("connection").filter(network=network)


def the_plan() -> batching.Plan:
    from social import clock

    connection = connect.current()
    assert connection is not None
    plan = batching.plan(connection, Engine.objects.get(), clock.now())
    assert plan is not None
    return plan


def later(clock: Clock, hours: float) -> datetime:
    return clock.now() + timedelta(hours=hours)


def stamp_only(post: Post) -> Submission:
    """The worker dies right after the stamp."""
    stamped = submission.stamp(the_plan())
    assert stamped is not None
    return stamped


def job(number: str) -> JobAccepted:
    return JobAccepted(job_id=number, status=200)


def test_a_look_reads_no_further_than_it_has_to(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    for number in range(25):
        provider._make(
            {
                "bulk": {
                    "posts": [
                        {
                            "networks": {"twitter": {"text": f"Old {number}"}},
                            "accounts": [{"id": "acc-twitter"}],
                        }
                    ]
                }
            },
            "job-0",
        )
    engine.clock.tick(10)
    post = approved()
    engine.run(10)
    assert status(post) == "published"
    assert provider.calls.count("GET posts") == 1


def test_what_was_listed_before_the_limit_ended_a_look_counts_as_present(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    for number in range(15):
        provider._make(
            {
                "bulk": {
                    "posts": [
                        {
                            "networks": {"twitter": {"text": f"Old {number}"}},
                            "accounts": [{"id": "acc-twitter"}],
                        }
                    ]
                }
            },
            "job-0",
        )
    engine.clock.tick(10)
    first, second = approved("One.", "twitter"), approved("Two.", "linkedin")
    engine.dispatch()
    provider.posts = [p for p in provider.posts if p.account_id != "acc-linkedin"]
    engine.clock.tick(5)
    provider.next_lists = [
        None,
        (429, {"Content-Type": "application/json"}, '{"error": "Too many requests"}'),
    ]
    engine.follow_up()
    assert status(first) == "published"
    assert only(second).status == D.ACCEPTED


def test_what_is_due_before_beats_next_look_is_sent_at_its_moment(
    engine: Engineer, provider: FakePubler, approved: MakePost, moving_clock: Clock
) -> None:
    approved(scheduled_at=moving_clock.now() + timedelta(seconds=6))
    engine.nudges.clear()
    engine.dispatch()
    engine.dispatch()
    assert engine.nudges == [pytest.approx(6.05)]
    moving_clock.tick(6.05)
    engine.dispatch()
    assert len(provider.public) == 1
