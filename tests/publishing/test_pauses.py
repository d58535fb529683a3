"""What is paused is not stamped, what elapsed is asked, and what is moved goes out at its new time."""

import threading
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connections

from integrations.connections import Connection
from social import workflow
from social.models import Channel, Delivery, Engine, Event, Post, Switch
from social.publishing import connect, resuming, submission
from social.workflow import Actor, Cost
from tests.publishing.conftest import Engineer, MakePost, only
from tests.publishing.provider import FakePubler
from tests.publishing.test_scenarios import GRACE, status, the_plan

pytestmark = pytest.mark.django_db
D = Delivery.Status
WHATS = ("everything", "connection", "channel")


def channel(network: str = "twitter") -> Channel:
    return Channel.objects.get(network=network)


def thing(what: str) -> Channel | Connection | None:
    return {"everything": None, "connection": connect.current(), "channel": channel()}[what]


def let_time_pass(engine: Engineer, seconds: float) -> None:
    """HotDash lives all the while: this is no gap."""
    engine.clock.tick(seconds)
    Engine.objects.update(last_seen=engine.clock.now())


# ------------------------------------------------------------------------------ nothing is stamped
@pytest.mark.parametrize("what", WHATS)
def test_a_pause_between_the_plan_and_the_stamp_holds(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, what: str
) -> None:
    post = approved()
    plan, publer = the_plan(), connect.client("ws1")
    leave = publer.leave()
    workflow.pause(bob.person, "stocktaking", what=thing(what))
    assert submission.submit(plan, publer, leave) is False
    assert provider.bodies == []
    assert (only(post).status, only(post).attempts) == (D.QUEUED, 0)


@pytest.mark.parametrize("what", WHATS)
def test_what_is_paused_waits_and_goes_out_when_it_is_resumed(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, what: str
) -> None:
    workflow.pause(bob.person, "stocktaking", what=thing(what))
    post = approved()
    engine.run(60)
    assert provider.bodies == []
    workflow.resume(bob.person, what=thing(what))
    connect.limiter().resume()
    engine.run(10)
    assert status(post) == "published"


@pytest.mark.parametrize("what", WHATS)
def test_what_is_paused_until_a_moment_goes_on_at_it_by_itself(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, what: str
) -> None:
    until = engine.clock.now() + timedelta(seconds=60)
    workflow.pause(bob.person, "lunch", what=thing(what), until=until)
    post = approved()
    engine.run(55)
    assert provider.bodies == []
    connect.limiter().resume()  # its store has a clock of its own, which nobody moves
    engine.run(10)
    assert status(post) == "published"
    assert provider.public[0].scheduled_at >= until


def test_the_other_channels_of_a_post_go_out(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    workflow.pause(bob.person, "new price list", what=channel("twitter"))
    post = approved("Two networks.", "twitter", "linkedin")
    engine.run(30)
    assert [p.account_id for p in provider.public] == ["acc-linkedin"]
    assert status(post) == "approved"


def test_the_many_posts_of_a_paused_channel_keep_no_other_waiting(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, settings: Any
) -> None:
    settings.PUBLER_BULK_SIZE = 2
    for number in range(12):  # more than a plan looks through
        approved(f"Post {number}.", "twitter")
    post = approved("Behind them all.", "linkedin")
    workflow.pause(bob.person, "new price list", what=channel("twitter"))
    engine.dispatch()
    assert only(post).status == D.ACCEPTED
    assert Delivery.objects.filter(status=D.QUEUED).count() == 12


def test_a_pause_says_in_words_why_a_delivery_waits(engine: Engineer, approved: MakePost, bob: Actor) -> None:
    from social.explain import Situation, delivery_waits

    until = engine.clock.now() + timedelta(hours=1)
    workflow.pause(bob.person, "new price list", what=channel("twitter"), until=until)
    waits = delivery_waits(only(approved()), Situation.read())
    assert waits.words == (
        "X is paused since 09:00 by bob (“new price list”) until 10:00, then it goes on by itself."
    )
    assert waits.until == until


def test_a_pause_of_the_calls_ends_in_the_limiter_too(
    engine: Engineer, approved: MakePost, bob: Actor
) -> None:
    connection = connect.current()
    assert connection is not None
    connect.pause(connection, bob.person, "lunch", engine.clock.now() + timedelta(seconds=30))
    state = connect.limiter().state()
    assert state.paused_until is not None
    with pytest.raises(workflow.WrongState, match="bob paused it"):
        connect.pause(connection, bob.person, "again")
    connect.resume(connection, bob.person)
    assert connect.limiter().state().paused_until is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", WHATS)
def test_nothing_is_stamped_after_a_pause_committed_however_they_meet(
    engine: Engineer, approved: MakePost, bob: Actor, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The stamp begins while the pause is written and not yet committed: it waits, and then sees it."""
    post, plan, given = approved(), the_plan(), thing(what)
    stamped: list[Any] = []

    def stamp() -> None:
        try:
            stamped.append(submission.stamp(plan))
        finally:
            connections.close_all()

    stamping = threading.Thread(target=stamp)
    write = Switch.objects.create

    def written_while_a_stamp_begins(**fields: Any) -> Switch:
        stamping.start()
        stamping.join(1)
        assert stamped == []
        return write(**fields)

    monkeypatch.setattr(Switch.objects, "create", written_while_a_stamp_begins)
    workflow.pause(bob.person, "stocktaking", what=given)
    stamping.join(30)
    assert stamped == [None]
    assert only(post).status == D.QUEUED


# --------------------------------------------------------------------------------- late is asked
def test_what_is_late_after_a_pause_goes_out_when_a_person_moves_it(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    workflow.pause(bob.person, "stocktaking")
    post = approved()
    let_time_pass(engine, 90 * 60)
    workflow.resume(bob.person)
    engine.run(60)
    assert provider.bodies == []
    Engine.objects.update(last_seen=engine.clock.now())
    slot = engine.clock.now() + timedelta(minutes=2)
    assert workflow.move(post.pk, bob, slot) is Cost.KEEPS
    engine.run(180)
    assert status(post) == "published"
    assert [p.scheduled_at >= slot.replace(microsecond=0) for p in provider.public] == [True]


def test_what_goes_out_at_a_moved_time_is_what_a_person_approved(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    post = approved("The words that Bob saw.", scheduled_at=engine.clock.now() + timedelta(minutes=5))
    workflow.move(post.pk, bob, engine.clock.now() + timedelta(minutes=1))
    row = only(post)
    row.revision.channels.clear()  # by hand, behind the workflow's back
    engine.run(120)
    assert provider.bodies == []
    assert "not what was approved" in only(post).hold


# ----------------------------------------------------------------------- after a gap, looked for first
def public_before_the_backup(provider: FakePubler, text: str) -> None:
    account = {"networks": {"twitter": {"text": text}}, "accounts": [{"id": "acc-twitter"}]}
    provider._make({"bulk": {"posts": [account]}}, "job-0")


def test_a_moved_post_of_before_a_gap_is_looked_for_before_it_is_sent(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    """A new time is no new post: what was public before the backup came back is not sent a second time."""
    post = approved("Public before the backup came back.")
    public_before_the_backup(provider, "Public before the backup came back.")
    engine.clock.tick(600)
    Engine.objects.update(last_seen=engine.clock.now(), trusted_from=engine.clock.now())
    workflow.move(post.pk, bob, engine.clock.now() + timedelta(seconds=30))
    engine.run(GRACE + 90)
    assert provider.bodies == []
    assert len(provider.public) == 1
    assert status(post) == "published"


def test_what_is_late_after_a_gap_is_looked_for_before_a_person_decides(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    public, waiting = approved("Public already."), approved("Not public.", "linkedin")
    public_before_the_backup(provider, "Public already.")
    engine.clock.tick(2 * 3600)
    workflow.pause(bob.person, "restored")
    engine.run(GRACE + 60)
    assert (status(public), status(waiting)) == ("published", "approved")
    assert only(waiting).status == D.QUEUED
    found = resuming.looked_for(Engine.objects.get(), engine.clock.now())
    assert found is not None
    assert (found.all, found.live, found.free, found.unsure, found.open) == (2, 1, 1, 0, 0)
    assert provider.bodies == []


def test_what_is_still_looked_for_is_told_so(engine: Engineer, approved: MakePost) -> None:
    approved()
    engine.clock.tick(2 * 3600)
    engine.dispatch()
    found = resuming.looked_for(Engine.objects.get(), engine.clock.now())
    assert found is not None
    assert (found.all, found.open) == (1, 1)


def test_without_a_gap_nothing_is_looked_for(engine: Engineer, approved: MakePost) -> None:
    approved()
    let_time_pass(engine, 2 * 3600)
    engine.dispatch()
    assert not Event.objects.filter(verb="looked for first").exists()
    assert resuming.looked_for(Engine.objects.get(), engine.clock.now()) is None


# --------------------------------------------------------------------------------------- the plan
def plan_of(engine: Engineer, who: Actor, *posts: Post, **choices: resuming.Choice) -> resuming.Plan:
    ids = [post.pk for post in posts]
    return resuming.plan(ids, {int(k[1:]): v for k, v in choices.items()}, who, engine.clock.now())


def test_what_piled_up_is_spread_over_each_channel(engine: Engineer, approved: MakePost, bob: Actor) -> None:
    posts = [approved(f"Post {number}.", "twitter", "linkedin") for number in range(3)]
    posts.append(approved("Alone on its own.", "threads"))
    engine.clock.tick(1800)
    plan = plan_of(engine, bob, *posts)
    now = engine.clock.now()
    assert [(item.do, item.number, item.at - now) for item in plan.items if item.at] == [
        ("send", 1, timedelta(minutes=1)),
        ("send", 2, timedelta(minutes=6)),
        ("send", 3, timedelta(minutes=11)),
        ("send", 4, timedelta(minutes=1)),
    ]


def test_what_has_its_time_already_keeps_it(engine: Engineer, approved: MakePost, bob: Actor) -> None:
    elapsed = approved("Elapsed.")
    engine.clock.tick(1800)
    approved("Has its time.", scheduled_at=engine.clock.now() + timedelta(minutes=3))
    (item,) = plan_of(engine, bob, elapsed).items
    assert item.at == engine.clock.now() + timedelta(minutes=8)


def test_a_networks_daily_limit_is_kept(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from social import networks

    monkeypatch.setattr(networks, "daily_limit", lambda network, kind, plan: 2)
    posts = [approved(f"Post {number}.") for number in range(2)]
    engine.run(60)
    assert {status(post) for post in posts} == {"published"}
    first = min(at for at in Delivery.objects.values_list("goes_at", flat=True) if at)
    elapsed = approved("The third that day.")
    send = {f"p{elapsed.pk}": resuming.Choice("send")}
    (item,) = plan_of(engine, bob, elapsed, **send).items
    assert item.at is not None
    assert first + timedelta(hours=24) <= item.at <= first + timedelta(hours=24, minutes=2)
    assert item.cost is Cost.APPROVES


def test_what_would_ask_for_an_approval_is_proposed_for_its_time_of_day(
    engine: Engineer, approved: MakePost, ann: Actor, bob: Actor
) -> None:
    post = approved()
    at = engine.clock.now()
    let_time_pass(engine, 3 * 3600)
    for who, cost in ((bob, Cost.APPROVES), (ann, Cost.ASKS)):
        (item,) = plan_of(engine, who, post).items
        assert (item.do, item.at, item.cost) == ("move", at + timedelta(days=1), cost)


def test_only_what_is_late_or_would_be_a_burst_asks_for_a_plan(
    engine: Engineer, approved: MakePost, bob: Actor
) -> None:
    workflow.pause(bob.person, "stocktaking")
    assert not resuming.anything_elapsed(None)
    approved("One.", "twitter")
    approved("Another, elsewhere.", "linkedin")
    assert not resuming.anything_elapsed(None)
    approved("A second on the same channel.", "twitter")
    assert resuming.anything_elapsed(None)
    assert resuming.anything_elapsed(channel("twitter"))
    assert not resuming.anything_elapsed(channel("linkedin"))
    let_time_pass(engine, 3601)
    assert resuming.anything_elapsed(channel("linkedin"))


def test_what_is_decided_goes_out_in_the_order_and_at_the_times_of_the_plan(
    engine: Engineer, provider: FakePubler, approved: MakePost, bob: Actor
) -> None:
    workflow.pause(bob.person, "stocktaking")
    posts = [approved(f"Post {number}.") for number in range(3)]
    let_time_pass(engine, 3000)
    plan = plan_of(engine, bob, *posts)
    for item in plan.items:
        assert item.at is not None
        workflow.move(item.post.pk, bob, item.at, meant=item.cost, shown=item.shown)
    workflow.resume(bob.person)
    engine.run(15 * 60, step=10)
    assert [p.text for p in sorted(provider.public, key=lambda p: p.scheduled_at)] == [
        "Post 0.",
        "Post 1.",
        "Post 2.",
    ]
    times = sorted(p.scheduled_at for p in provider.public)
    apart = timedelta(minutes=5) - timedelta(seconds=10)
    assert all(later - sooner >= apart for sooner, later in pairwise(times))
