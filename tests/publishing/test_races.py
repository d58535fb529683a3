"""Several processes at the same rows, in every order that a thread can bring about."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections, transaction

from social import workflow
from social.models import Channel, Delivery, Post
from social.publishing import batching, connect, outbox, submission
from social.workflow import Actor, changes
from tests.publishing.conftest import Engineer, MakePost
from tests.publishing.provider import FakePubler
from tests.publishing.test_scenarios import scenario, the_plan

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock for all")


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run all calls at the same moment, each in a thread with a database connection of its own."""
    barrier = threading.Barrier(len(calls))
    outcomes: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        barrier.wait(10)
        try:
            outcomes[index] = calls[index]()
        except Exception as error:
            outcomes[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def send(plan: batching.Plan) -> bool:
    publer = connect.client("ws1")
    return submission.submit(plan, publer, publer.leave())


@scenario(8)
def test_of_workers_at_the_same_rows_one_stamps(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    for number in range(5):
        approved(f"Post {number}.", "twitter", "linkedin")
        sent = at_once(*[partial(send, the_plan())] * 4)
        assert sorted(map(bool, sent)) == [False, False, False, True], sent
        engine.run(10)
    assert len(provider.bodies) == 5
    assert len(provider.public) == 10


def test_a_worker_that_waits_for_publer_keeps_no_other_from_sending(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_BULK_SIZE = 1
    for text in ("One.", "Two."):
        approved(text)
    both_are_sending = threading.Barrier(2)

    def together() -> None:
        both_are_sending.wait(20)

    provider.before_send = together

    assert at_once(*[outbox.send_what_is_due] * 2) == [1, 1]

    assert sorted(post.text for post in provider.public) == ["One.", "Two."]


@scenario(9)
def test_of_an_edit_and_a_stamp_at_the_same_moment_one_wins(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor
) -> None:
    for number in range(8):
        post = approved(f"Approved words {number}.")
        channels = workflow.content_of(Post.objects.get(pk=post.pk).content()).channels
        other = workflow.Content(text=f"Other words {number}.", channels=channels)
        sent, edited = at_once(partial(send, the_plan()), partial(workflow.edit, post.pk, ann, other))
        assert sent is True or sent is False, sent
        assert isinstance(edited, workflow.WrongState if sent else Post), edited
        engine.run(10)
    assert all(item.text.startswith("Approved words") for item in provider.public)


def test_of_two_approvals_at_the_same_moment_the_second_is_told(
    engine: Engineer, provider: FakePubler, approved: MakePost, ann: Actor, bob: Actor
) -> None:
    made = approved()
    engine.run(10)
    content = workflow.content_of(Post.objects.get(pk=made.pk).content())
    post = workflow.submit(workflow.create(ann, content).pk, ann)
    outcomes = at_once(*[lambda: workflow.approve(post.pk, bob)] * 2)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Post", "WrongState"]
    told = next(outcome for outcome in outcomes if isinstance(outcome, workflow.WrongState))
    assert "bob approved it at" in str(told)
    assert Delivery.objects.filter(post=post).count() == 1


def test_two_readers_of_the_list_are_one(engine: Engineer, provider: FakePubler, approved: MakePost) -> None:
    provider.next_writes = ["lost"]
    approved()
    engine.dispatch()
    engine.clock.tick(31)
    at_once(*[engine.follow_up] * 3)
    assert provider.calls.count("GET posts") == 1
    assert len(provider.public) == 1


def test_a_stamp_cannot_come_between_the_guards_of_a_verb_and_its_effect(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, plan = approved("Cancelled in time."), the_plan()
    takes_back = changes.take_back

    def stamp() -> None:
        submission.stamp(plan)
        connections.close_all()

    stamping = threading.Thread(target=stamp)

    def after_a_stamp_began(*arguments: Any) -> int:
        stamping.start()
        stamping.join(1)
        return takes_back(*arguments)

    monkeypatch.setattr(workflow.posts, "take_back", after_a_stamp_began)
    cancelled = workflow.cancel(post.pk, bob)
    stamping.join(30)
    assert cancelled.status == "cancelled"
    assert not Delivery.objects.exclude(status="cancelled").exists()


@on_postgresql
def test_a_reading_of_the_accounts_waits_for_no_approval(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    with transaction.atomic():
        approved("Approved while the accounts are read.")
        _take_the_locks_of_a_commit()
        [read] = at_once(partial(impatient, connect.sync_channels))

    assert read == Channel.objects.count()


@on_postgresql
def test_a_look_that_waits_for_a_post_keeps_nothing_of_it_from_others(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["never"]
    post = approved("Looked for, and not there.")
    engine.dispatch()
    for _ in range(10):  # until the look that lets it go again
        engine.clock.tick(31)
        looking = threading.Thread(target=impatient, args=(engine.follow_up, "20s"))
        with transaction.atomic():
            Post.objects.select_for_update(no_key=True).get(pk=post.pk)
            looking.start()
            while looking.is_alive() and not _somebody_waits():
                looking.join(0.02)
            Delivery.objects.select_for_update(no_key=True, nowait=True).get(post=post)
        looking.join(30)
        if Delivery.objects.get(post=post).status == Delivery.Status.QUEUED:
            return
    pytest.fail("no look found that it may be sent again")


def impatient(call: Callable[[], Any], patience: str = "3s") -> Any:
    """Run the call; it fails rather than wait longer for a row that somebody holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [patience])
    try:
        return call()
    finally:
        connection.close()


def _take_the_locks_of_a_commit() -> None:
    """Foreign keys are looked at when a transaction ends; here now, and it goes on."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN"
            " (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
        return bool(cursor.fetchone()[0])
