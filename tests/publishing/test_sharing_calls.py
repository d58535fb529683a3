"""Calls are shared: a request carries many, a look serves all, and nothing is read that proves nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.connections import Connection
from integrations.publer.types import JobAccepted
from social import clock
from social.models import Delivery, Engine
from social.publishing import batching, reconciliation, submission
from social.workflow import deliveries as steps
from tests.publishing.conftest import Engineer, MakePost, only
from tests.publishing.provider import NETWORKS, FakePubler, Listed

D = Delivery.Status


def lists_read(provider: FakePubler) -> int:
    return provider.calls.count("GET posts")


def older_posts(provider: FakePubler, number: int, *, account: str = "acc-twitter") -> None:
    """Posts of somebody else, from an hour ago."""
    for n in range(number):
        at = provider.now() - timedelta(hours=1, seconds=n)
        provider.posts.append(Listed(f"old-{n}", account, f"Old {n}.", "published", at))


def test_what_was_just_sent_and_is_not_there_yet_costs_one_page(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    older_posts(provider, 35)
    provider.next_writes = ["late job"]
    post = approved()
    engine.dispatch()
    engine.clock.tick(2)

    engine.follow_up()

    assert lists_read(provider) == 1
    assert only(post).looks == 1


def test_what_two_looks_at_the_newest_did_not_show_is_looked_for_in_all_of_the_list(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    older_posts(provider, 35)
    provider.next_writes = ["late job"]
    post = approved()
    engine.dispatch()
    Delivery.objects.filter(post=post).update(looks=reconciliation.QUICK_LOOKS)
    provider.work_on_late()
    provider.newest_first = False
    engine.clock.tick(2)

    engine.follow_up()

    assert only(post).status == D.PUBLISHED
    assert lists_read(provider) == 4


def test_the_list_is_read_once_where_absence_would_prove_nothing(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    older_posts(provider, 35)
    provider.next_writes = ["late job"]
    post = approved()
    engine.dispatch()
    Delivery.objects.filter(post=post).update(looks=reconciliation.QUICK_LOOKS)
    engine.clock.tick(2)

    engine.follow_up()

    assert lists_read(provider) == 4


def test_absence_after_w_is_proved_by_the_whole_list_read_twice(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    older_posts(provider, 35)
    provider.next_writes = ["never"]
    post = approved()
    engine.dispatch()
    engine.clock.tick(settings.RESEND_AFTER_SECONDS + 1)
    Delivery.objects.filter(post=post).update(next_look_at=clock.now())

    engine.follow_up()

    assert only(post).status == D.QUEUED
    assert lists_read(provider) == 8


def test_a_look_for_one_does_not_count_for_what_was_just_sent(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["late job", "late job"]
    first = approved("First.", "twitter")
    engine.dispatch()
    engine.clock.tick(1)
    second = approved("Second.", "twitter")
    engine.dispatch()
    engine.clock.tick(1)

    engine.follow_up()

    assert (only(first).looks, only(second).looks) == (1, 0)


def test_a_look_for_one_finds_what_was_just_sent_too(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    first = approved("First.", "twitter")
    engine.dispatch()
    engine.clock.tick(1)
    second = approved("Second.", "twitter")
    engine.dispatch()
    engine.clock.tick(1)

    engine.follow_up()

    assert {only(first).status, only(second).status} == {D.PUBLISHED}
    assert lists_read(provider) == 1


def test_more_than_a_page_is_looked_for_when_publer_has_had_time_for_it(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "A_PAGE", 2)
    few, many = approved("Few.", "twitter"), approved("Many.", "facebook", "linkedin", "threads")
    settings.PUBLER_BULK_SIZE = 1
    engine.dispatch()

    sent = clock.now()
    waits = {
        post.pk: (post.deliveries.first().next_look_at - sent).total_seconds()  # type: ignore[union-attr,operator]
        for post in (few, many)
    }
    assert waits[few.pk] == settings.POLL_INTERVAL_SECONDS / 2
    assert waits[many.pk] == settings.POLL_INTERVAL_SECONDS * 2


def test_one_look_takes_on_no_more_than_it_can_hold(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "AT_ONCE", 3)
    provider.next_writes = ["late job"] * 4
    for number in range(2):
        approved(f"Twice {number}.", "twitter", "facebook", "linkedin")
        engine.dispatch()
        engine.clock.tick(1)
    at_publer = Connection.objects.get()

    rows = reconciliation.to_look_for(at_publer, clock.now() + timedelta(minutes=1))

    assert len(rows) == 2
    assert len({row.channel_id for row in rows}) == 1


@pytest.mark.parametrize("step", ["stamp", "record"])
def test_a_batch_costs_as_many_queries_as_a_single_delivery(
    engine: Engineer, provider: FakePubler, approved: MakePost, step: str
) -> None:
    counts = []
    for networks in (NETWORKS[:1], NETWORKS):
        approved(f"On {len(networks)}.", *networks)
        at_publer = Connection.objects.get()
        planned = batching.plan(at_publer, Engine.objects.get(), clock.now())
        assert planned is not None
        assert len(planned.deliveries) == len(networks)
        with CaptureQueriesContext(database) as stamping:
            stamped = submission.stamp(planned)
        assert stamped is not None
        with CaptureQueriesContext(database) as recording:
            submission.record(stamped.pk, JobAccepted(job_id="job", status=200))
        counts.append(len(stamping if step == "stamp" else recording))
        assert set(stamped.latest_of.values_list("status", flat=True)) == {D.ACCEPTED}
        Delivery.objects.update(status=D.CANCELLED)
    assert counts[0] == counts[1]


def test_of_many_only_those_in_the_right_state_move(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["late job"]
    post = approved("Two.", "twitter", "facebook")
    engine.dispatch()
    one, other = post.deliveries.order_by("pk")
    assert steps.move(one, "failed there", problem="No.")

    assert steps.move_all([one, other], "job unclear", quiet_from=clock.now()) == 1

    assert [row.status for row in post.deliveries.order_by("pk")] == [D.FAILED, D.UNCONFIRMED]
    assert other.events.last().verb == "job unclear"  # type: ignore[union-attr]
    assert one.events.last().verb == "failed there"  # type: ignore[union-attr]
