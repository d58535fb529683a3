"""When a channel posts and when it does not, and another time for what is not out."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.connections import Connection
from social import clock, wall_clock, workflow
from social.models import Channel, Post
from social.workflow import Actor, Content, Cost, NotAllowed, Refusal, WrongState, planning
from tests.workflow.conftest import person

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)  # nine o'clock at the shop
EVERY_DAY = [["09:00", "17:30"]] * 7


def plan(by: Actor, channel: Channel, slots: Any = EVERY_DAY, **more: Any) -> Channel:
    facts = {"decide_lead": 120, "default_tags": "", **more}
    return planning.plan_channel(by.person, channel.pk, slots=slots, **facts)


@pytest.fixture
def x(bob: Actor, channels: list[Channel]) -> Channel:
    return plan(bob, channels[0])


def shop(*at: int) -> datetime:
    return datetime(*at, tzinfo=BERLIN)  # type: ignore[arg-type,misc]


def make(ann: Actor, content: Content, at: datetime, status: str = "draft") -> Post:
    post = workflow.create(ann, replace(content, scheduled_at=at))
    if status != "draft":
        workflow.submit(post.pk, ann)
    return post


# -------------------------------------------------------------------------------------------- slots
def test_the_next_free_slot_is_the_first_that_begins_in_more_than_a_moment(x: Channel) -> None:
    assert planning.next_free_slot([x], after=MONDAY) == shop(2026, 11, 23, 17, 30)
    just_before = shop(2026, 11, 23, 8, 54)
    assert planning.next_free_slot([x], after=just_before) == shop(2026, 11, 23, 9)


@pytest.mark.parametrize("status", ["draft", "pending"])
def test_a_slot_in_which_a_post_is_planned_is_taken(
    status: str, x: Channel, ann: Actor, content: Content
) -> None:
    at = shop(2026, 11, 23, 17, 30)
    post = make(ann, replace(content, channels=[x]), at, status)
    assert planning.next_free_slot([x], after=MONDAY) == shop(2026, 11, 24, 9)
    assert planning.next_free_slot([x], after=MONDAY, but=post.pk) == at


def test_a_cancelled_post_takes_no_slot(x: Channel, ann: Actor, content: Content) -> None:
    at = shop(2026, 11, 23, 17, 30)
    post = make(ann, replace(content, channels=[x]), at)
    Post.objects.filter(pk=post.pk).update(status="cancelled")
    assert planning.next_free_slot([x], after=MONDAY) == at


def test_a_slot_is_taken_on_its_own_channel_alone(
    x: Channel, bob: Actor, ann: Actor, channels: list[Channel], content: Content
) -> None:
    other = plan(bob, channels[1])
    make(ann, replace(content, channels=[x]), shop(2026, 11, 23, 17, 30))
    assert planning.next_free_slot([other], after=MONDAY) == shop(2026, 11, 23, 17, 30)
    assert planning.next_free_slot([x, other], after=MONDAY) == shop(2026, 11, 24, 9)


def test_a_post_for_several_channels_goes_into_a_slot_that_they_share(
    x: Channel, bob: Actor, channels: list[Channel]
) -> None:
    other = plan(bob, channels[1], [["09:00"]] * 7)
    assert planning.next_free_slot([x, other], after=MONDAY) == shop(2026, 11, 24, 9)


def test_where_they_share_none_it_is_the_first_of_any(
    x: Channel, bob: Actor, channels: list[Channel]
) -> None:
    other = plan(bob, channels[1], [["10:15"]] * 7)
    assert planning.next_free_slot([x, other], after=MONDAY) == shop(2026, 11, 23, 10, 15)


def test_a_channel_without_slots_goes_along(x: Channel, channels: list[Channel]) -> None:
    assert planning.next_free_slot([x, channels[1]], after=MONDAY) == shop(2026, 11, 23, 17, 30)


def test_why_there_is_no_slot_is_said(x: Channel, bob: Actor, channels: list[Channel]) -> None:
    with pytest.raises(Refusal, match="no channel yet"):
        planning.free_slot_or_why([])
    with pytest.raises(Refusal, match="set them under Channels"):
        planning.free_slot_or_why([channels[1]])
    planning.add_blackout(
        bob.person, starts_at=clock.now(), ends_at=clock.now() + timedelta(days=90), reason="Holiday"
    )
    with pytest.raises(Refusal, match="taken for 60 days"):
        planning.free_slot_or_why([x])


def test_a_day_that_the_network_calls_full_has_no_free_slot(
    x: Channel, ann: Actor, content: Content, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("social.networks.daily_limit", lambda *_: 2)
    for minute in (1, 2):
        make(ann, replace(content, channels=[x]), shop(2026, 11, 23, 12, minute))
    assert planning.next_free_slot([x], after=MONDAY) == shop(2026, 11, 24, 17, 30)


def test_no_slot_lies_in_a_blackout(x: Channel, bob: Actor, channels: list[Channel]) -> None:
    planning.add_blackout(
        bob.person,
        starts_at=shop(2027, 11, 23, 0),
        ends_at=shop(2027, 11, 25, 0),
        reason="Stocktaking",
        channel=x,
    )
    after = shop(2027, 11, 23, 8)
    assert planning.next_free_slot([x], after=after) == shop(2027, 11, 25, 9)
    other = plan(bob, channels[1])
    assert planning.next_free_slot([other], after=after) == shop(2027, 11, 23, 9)


# ------------------------------------------------------------------------------- both changes of the clocks
def test_a_slot_in_the_hour_that_does_not_exist_is_as_long_after_the_change(bob: Actor, x: Channel) -> None:
    x = plan(bob, x, [["02:30"]] * 7)
    at = planning.next_free_slot([x], after=shop(2026, 3, 28, 12))
    assert at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert at is not None
    assert f"{at.astimezone(BERLIN):%H:%M}" == "03:30"


def test_a_slot_in_the_hour_that_exists_twice_is_there_once(bob: Actor, x: Channel, ann: Actor) -> None:
    x = plan(bob, x, [["02:30"]] * 7)
    at = planning.next_free_slot([x], after=shop(2026, 10, 24, 12))
    assert at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first of the two
    make(ann, Content(text="Night light.", channels=[x]), at)
    following = planning.next_free_slot([x], after=shop(2026, 10, 24, 12))
    assert following == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_slots_stay_at_their_time_of_the_shops_clock_over_both_changes(x: Channel) -> None:
    for day, hour in ((date(2026, 3, 28), 8), (date(2026, 3, 29), 7), (date(2026, 10, 25), 8)):
        before = datetime.combine(day, time(3, 45), UTC)
        assert planning.next_free_slot([x], after=before) == datetime.combine(day, time(hour), UTC)


def test_a_day_of_a_change_begins_at_its_own_midnight() -> None:
    assert wall_clock.begins(date(2026, 10, 25), BERLIN) == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert wall_clock.begins(date(2026, 10, 26), BERLIN) == datetime(2026, 10, 25, 23, tzinfo=UTC)
    # Where the change is at midnight, a day has no midnight: it begins at one.
    beirut = ZoneInfo("Asia/Beirut")
    first = wall_clock.begins(date(2026, 3, 29), beirut)
    assert f"{first.astimezone(beirut):%H:%M}" == "01:00"


# --------------------------------------------------------------------------------------- what is set
@pytest.mark.parametrize(
    ("written", "times"),
    [
        ("9:00, 17:30", ["09:00", "17:30"]),
        ("17.30 09h00;9:00", ["09:00", "17:30"]),
        ("", []),
        (" , ", []),
    ],
)
def test_slots_are_read_as_people_write_them(written: str, times: list[str]) -> None:
    assert planning.times_of(written) == times


@pytest.mark.parametrize("written", ["24:00", "9", "noon", "12:60", "9:0", "-1:00"])
def test_what_is_no_time_of_day_is_named(written: str) -> None:
    with pytest.raises(Refusal, match="is not a time of day"):
        planning.times_of(f"09:00, {written}")


def test_hashtags_are_read_once_each_and_what_is_none_is_named() -> None:
    assert planning.tags_of("#linen, #Leinen #linen") == "#linen #Leinen"
    with pytest.raises(Refusal, match="“stoneware” is not a hashtag"):
        planning.tags_of("#linen stoneware")


def test_an_author_sets_nothing(x: Channel, ann: Actor) -> None:
    with pytest.raises(NotAllowed):
        plan(ann, x, [[]] * 7)
    with pytest.raises(NotAllowed):
        planning.add_blackout(ann.person, starts_at=clock.now(), ends_at=clock.now(), reason="-")


def test_of_two_who_set_a_channel_the_second_is_told(x: Channel, bob: Actor) -> None:
    shown = planning.print_of_plan(x)
    plan(bob, x, [["08:00"]] * 7, shown=shown)
    with pytest.raises(WrongState, match="Somebody changed it"):
        plan(bob, x, [["10:00"]] * 7, shown=shown)
    x.refresh_from_db()
    assert x.slots_on(0) == ["08:00"]


def test_a_blackout_that_is_removed_twice_was_removed_by_the_first(bob: Actor, channels: Any) -> None:
    now = clock.now()
    row = planning.add_blackout(bob.person, starts_at=now, ends_at=now + timedelta(hours=1), reason="Stock")
    planning.remove_blackout(bob.person, row.pk)
    with pytest.raises(WrongState, match="gone already"):
        planning.remove_blackout(bob.person, row.pk)


@pytest.mark.parametrize(
    ("starts", "ends", "reason", "words"),
    [
        (1, 1, "Stock", "has to end after it begins"),
        (-3, -2, "Stock", "over already"),
        (1, 9999, "Stock", "At most a year"),
        (1, 2, " ", "Say why"),
    ],
)
def test_a_blackout_that_makes_no_sense_is_refused_in_words(
    starts: int, ends: int, reason: str, words: str, bob: Actor
) -> None:
    now = clock.now()
    with pytest.raises(Refusal, match=words):
        planning.add_blackout(
            bob.person,
            starts_at=now + timedelta(hours=starts),
            ends_at=now + timedelta(hours=ends),
            reason=reason,
        )


# ------------------------------------------------------------------------------------- another time
def test_a_move_into_a_blackout_asks_for_a_new_approval(
    bob: Actor, carla: Actor, ann: Actor, content: Content
) -> None:
    ten = shop(2027, 11, 24, 10)
    post = make(ann, content, ten, "pending")
    workflow.approve(post.pk, bob)
    black = planning.add_blackout(
        bob.person, starts_at=shop(2027, 11, 24, 11), ends_at=shop(2027, 11, 24, 12), reason="A minute’s rest"
    )
    assert workflow.move(post.pk, ann, shop(2027, 11, 24, 10, 30)) is Cost.KEEPS
    assert workflow.move(post.pk, carla, shop(2027, 11, 24, 11, 30)) is Cost.APPROVES
    # Within it, it was approved for it.
    assert workflow.move(post.pk, ann, shop(2027, 11, 24, 11, 45)) is Cost.KEEPS
    planning.remove_blackout(bob.person, black.pk)
    assert workflow.move(post.pk, ann, shop(2027, 11, 24, 11, 15)) is Cost.KEEPS


def test_a_blackout_of_another_channel_costs_nothing(
    bob: Actor, ann: Actor, content: Content, channels: list[Channel]
) -> None:
    post = make(ann, replace(content, channels=channels[:1]), shop(2027, 11, 24, 10), "pending")
    workflow.approve(post.pk, bob)
    planning.add_blackout(
        bob.person,
        starts_at=shop(2027, 11, 24, 10, 30),
        ends_at=shop(2027, 11, 24, 12),
        reason="Fair",
        channel=channels[1],
    )
    assert workflow.move(post.pk, ann, shop(2027, 11, 24, 11)) is Cost.KEEPS


def test_a_drafts_time_is_moved_without_making_its_mover_an_author(
    ann: Actor, carla: Actor, content: Content
) -> None:
    post = make(ann, content, shop(2027, 11, 24, 10))
    assert workflow.reschedule(post.pk, carla, shop(2027, 12, 1, 10)) is None
    workflow.submit(post.pk, ann)
    post = workflow.approve(post.pk, carla)
    assert (post.status, post.scheduled_at) == ("approved", shop(2027, 12, 1, 10))
    assert post.events.filter(verb="reschedule").count() == 1


def test_what_waits_is_moved_by_an_approver_and_goes_on_waiting(
    ann: Actor, carla: Actor, content: Content
) -> None:
    post = make(ann, content, shop(2027, 11, 24, 10), "pending")
    shown = post.content().content_hash
    workflow.reschedule(post.pk, carla, shop(2027, 11, 24, 12), shown_hash=shown)
    post.refresh_from_db()
    assert (post.status, post.scheduled_at) == ("pending", shop(2027, 11, 24, 12))
    with pytest.raises(WrongState, match="changed after your page"):
        workflow.approve(post.pk, carla, shown_hash=shown)
    assert workflow.approve(post.pk, carla).status == "approved"
    other = make(ann, content, shop(2027, 11, 24, 10), "pending")
    with pytest.raises(NotAllowed, match="withdraw it first"):
        workflow.reschedule(other.pk, ann, shop(2027, 11, 24, 12))


@pytest.mark.parametrize("status", ["draft", "pending"])
def test_no_time_is_moved_into_the_past(status: str, ann: Actor, carla: Actor, content: Content) -> None:
    post = make(ann, content, shop(2027, 11, 24, 10), status)
    with pytest.raises(Refusal, match="has passed"):
        workflow.reschedule(post.pk, carla, clock.now() - timedelta(minutes=1))


def test_what_is_approved_is_moved_by_the_rule(ann: Actor, bob: Actor, content: Content) -> None:
    post = make(ann, content, shop(2027, 11, 24, 10), "pending")
    workflow.approve(post.pk, bob)
    assert workflow.reschedule(post.pk, ann, shop(2027, 11, 24, 11)) is Cost.KEEPS
    assert workflow.reschedule(post.pk, ann, shop(2027, 11, 25, 11)) is Cost.ASKS


# --------------------------------------------------------------------------------------------- a copy
def test_a_copy_has_the_words_and_neither_time_nor_approval(
    ann: Actor, bob: Actor, carla: Actor, content: Content
) -> None:
    written = replace(content, link="https://kiln.example/moss", overrides={"twitter": {"text": "Short."}})
    post = workflow.create(ann, replace(written, scheduled_at=shop(2027, 11, 24, 10)), title="Moss")
    workflow.submit(post.pk, ann)
    workflow.approve(post.pk, bob)
    Connection.objects.update(connected=True)

    copy = workflow.duplicate(post.pk, carla)

    assert (copy.status, copy.title, copy.author, copy.scheduled_at) == (
        "draft",
        "Moss (copy)",
        carla.person,
        None,
    )
    made, was = copy.content(), post.content()
    assert (made.text, made.link, made.overrides) == (was.text, was.link, was.overrides)
    assert set(made.channels.all()) == set(was.channels.all())
    assert copy.events.get().note == "a copy of “Moss”"
    workflow.submit(copy.pk, carla)
    with pytest.raises(NotAllowed, match="second person"):
        workflow.approve(copy.pk, carla)


def test_a_copy_leaves_out_what_is_no_longer_connected(
    ann: Actor, content: Content, channels: list[Channel]
) -> None:
    post = workflow.create(ann, content)
    Channel.objects.filter(pk=channels[1].pk).update(active=False)
    Connection.objects.update(connected=True)
    assert [each.pk for each in workflow.duplicate(post.pk, ann).content().channels.all()] == [channels[0].pk]


def test_an_operator_who_may_not_write_makes_no_copy(ann: Actor, content: Content) -> None:
    post = workflow.create(ann, content)
    with pytest.raises(NotAllowed):
        workflow.duplicate(post.pk, person("olga", "Operator"))
