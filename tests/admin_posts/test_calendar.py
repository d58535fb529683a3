"""The calendar: what stands where by the person's clock, and moving a post from there."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.connections import Connection
from social import workflow
from social.admin import calendar
from social.models import Channel, Post
from social.workflow import Actor, planning
from tests.admin_posts.made import MakePost, SignIn
from tests.admin_posts.said import words

pytestmark = pytest.mark.django_db
PAGE = "/admin/social/post/calendar/"
BERLIN = ZoneInfo("Europe/Berlin")
S = Post.Status


def shop(*at: int) -> datetime:
    return datetime(*at, tzinfo=BERLIN)  # type: ignore[arg-type,misc]


def days(client: Client, query: str) -> dict[date, calendar.Day]:
    """The days of the page as they are drawn."""
    context = client.get(f"{PAGE}?{query}").context
    return {day.date: day for week in context["weeks"] for day in week.days}


def names(day: calendar.Day) -> list[tuple[str, str]]:
    return [(entry.time, entry.post.title) for entry in day.entries]


def cost(client: Client, post: Post, **said: Any) -> Any:
    return client.get(f"{PAGE}cost/", {"post": post.pk, **said}).json()


def move(client: Client, post: Post, **said: Any) -> Any:
    form = {"post": post.pk, "shown_hash": post.content().content_hash, **said}
    return client.post(f"{PAGE}move/", form)


# ------------------------------------------------------------------------------------ what is shown
def test_posts_stand_at_their_day_and_time(sign_in: SignIn, ann: User, make_post: MakePost) -> None:
    make_post("pending", title="Noon", scheduled_at=shop(2027, 11, 24, 12))
    make_post("approved", title="Nine", scheduled_at=shop(2027, 11, 24, 9))
    make_post("draft", title="No time")
    make_post("draft", title="Another month", scheduled_at=shop(2027, 12, 24, 9))

    found = days(sign_in(ann), "month=2027-11")

    assert names(found[date(2027, 11, 24)]) == [("09:00", "Nine"), ("12:00", "Noon")]
    assert found[date(2027, 11, 24)].words == "1 to decide"
    assert sum(day.total for day in found.values()) == 2
    assert min(found) == date(2027, 11, 1)
    assert found[date(2027, 12, 5)].outside


def test_what_went_out_without_a_time_stands_where_it_went_out(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post = make_post("published", title="At once")
    Post.objects.filter(pk=post.pk).update(published_at=shop(2026, 3, 4, 10, 30))
    assert names(days(sign_in(ann), "month=2026-03")[date(2026, 3, 4)]) == [("10:30", "At once")]


def test_a_day_is_the_persons_own(sign_in: SignIn, ann: User, make_post: MakePost) -> None:
    make_post("pending", title="Late", scheduled_at=shop(2027, 11, 24, 2))
    client = sign_in(ann)
    client.cookies["timezone"] = "America/New_York"
    (entry,) = days(client, "week=2027-11-23")[date(2027, 11, 23)].entries
    assert (entry.time, entry.beside) == ("20:00", "Wed 02:00 Berlin")


def test_the_hour_that_exists_twice_is_told_apart(sign_in: SignIn, ann: User, make_post: MakePost) -> None:
    first = datetime(2027, 10, 31, 0, 30, tzinfo=ZoneInfo("UTC"))
    make_post("draft", title="First", scheduled_at=first)
    make_post("draft", title="Second", scheduled_at=first + timedelta(hours=1))
    found = days(sign_in(ann), "month=2027-10")[date(2027, 10, 31)]
    assert names(found) == [("02:30 CEST", "First"), ("02:30 CET", "Second")]


def test_the_last_minute_of_a_day_of_a_change_is_still_that_day(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    for title, at in (
        ("spring", shop(2027, 3, 28, 23, 59)),
        ("autumn", shop(2027, 10, 31, 23, 59)),
        ("first", shop(2027, 11, 1, 0, 0)),
    ):
        make_post("draft", title=title, scheduled_at=at)
    client = sign_in(ann)
    assert names(days(client, "week=2027-03-28")[date(2027, 3, 28)]) == [("23:59", "spring")]
    autumn = days(client, "week=2027-10-31")
    assert names(autumn[date(2027, 10, 31)]) == [("23:59", "autumn")]
    assert sum(day.total for day in autumn.values()) == 1


def test_a_month_draws_a_few_of_a_day_and_says_how_many_more(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    for minute in range(7):
        make_post("draft", title=f"P{minute}", scheduled_at=shop(2027, 11, 24, 9, minute))
    client = sign_in(ann)
    day = days(client, "month=2027-11")[date(2027, 11, 24)]
    assert ([name for _, name in names(day)], day.more) == (["P0", "P1", "P2"], 4)
    assert days(client, "week=2027-11-24")[date(2027, 11, 24)].more == 0
    assert "4 more on 24 November" in words(client.get(f"{PAGE}?month=2027-11"))


def test_one_channel_alone_can_be_looked_at(
    sign_in: SignIn, ann: User, make_post: MakePost, channels: dict[str, Channel]
) -> None:
    at = shop(2027, 11, 24, 9)
    make_post("draft", title="On X", scheduled_at=at, on=["twitter"])
    make_post("draft", title="On both", scheduled_at=at, on=["twitter", "facebook"])
    query = f"month=2027-11&channel={channels['facebook'].pk}"
    assert names(days(sign_in(ann), query)[date(2027, 11, 24)]) == [("09:00", "On both")]


def test_a_full_day_and_a_quiet_one_say_so(
    sign_in: SignIn, ann: User, bob: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"twitter": 2}
    monkeypatch.setattr("social.networks.daily_limit", lambda network, *_: limits.get(network))
    for hour in (9, 12):
        make_post("draft", scheduled_at=shop(2027, 11, 24, hour))
    for day, hours in ((25, 24), (26, 12)):
        starts = shop(2027, 11, day)
        planning.add_blackout(
            bob, starts_at=starts, ends_at=starts + timedelta(hours=hours), reason="Stocktaking"
        )
    found = days(sign_in(ann), "month=2027-11")
    assert (found[date(2027, 11, 24)].words, found[date(2027, 11, 24)].tone) == ("X full", "amber")
    assert (found[date(2027, 11, 25)].words, found[date(2027, 11, 25)].why) == ("quiet day", "Stocktaking")
    assert found[date(2027, 11, 26)].why == "Stocktaking, to 12:00"
    assert found[date(2027, 11, 26)].words == "free"


@pytest.mark.parametrize("query", ["month=nonsense", "month=9999-99", "week=x", "channel=x", "month=0001-01"])
def test_an_address_that_makes_no_sense_leads_to_this_month(
    query: str, sign_in: SignIn, ann: User, channels: Any
) -> None:
    answer = sign_in(ann).get(f"{PAGE}?{query}")
    assert answer.status_code == 200
    assert any(day.today for week in answer.context["weeks"] for day in week.days)


def test_an_empty_calendar_says_what_comes_next(sign_in: SignIn, ann: User, connection: Connection) -> None:
    assert "Nothing has its time here." in words(sign_in(ann).get(PAGE))


def test_who_may_see_no_posts_sees_no_calendar(sign_in: SignIn, nobody: User, make_post: MakePost) -> None:
    post, client = make_post("draft"), sign_in(nobody)
    assert client.get(PAGE).status_code == 403
    assert client.get(f"{PAGE}cost/", {"post": post.pk, "slot": 1}).status_code == 403
    assert client.post(f"{PAGE}move/", {"post": post.pk}).status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_posts(
    sign_in: SignIn, ann: User, make_post: MakePost, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(ann)
    for number in range(12):
        day = shop(2027, 11, 22 + number % 3, 9, number)
        make_post("approved" if number % 2 else "draft", scheduled_at=day, on=["twitter", "facebook"])
    for query in ("month=2027-11", "week=2027-11-22"):
        client.get(f"{PAGE}?{query}")
        with django_assert_max_num_queries(20):
            client.get(f"{PAGE}?{query}")


# ------------------------------------------------------------------------------------------- moving
def test_what_a_move_costs_is_said_before_and_changes_nothing(
    sign_in: SignIn, ann: User, bob: User, make_post: MakePost
) -> None:
    post = make_post("approved", scheduled_at=shop(2027, 11, 24, 9))
    for user, said, means in (
        (ann, {"day": "2027-11-25"}, ("asks", "Another day: asks for a new approval")),
        (bob, {"day": "2027-11-25"}, ("approves", "Another day: a new approval, by your press")),
        (ann, {"at": "2027-11-24T10:30"}, ("keeps", "Within 2 h from its time: the approval holds")),
    ):
        seen = cost(sign_in(user), post, **said)
        assert (seen["meant"], seen["words"]) == means
    assert cost(sign_in(ann), post, day="2027-11-25")["move"] == "Wed 24 Nov, 09:00 to Thu 25 Nov, 09:00"
    post.refresh_from_db()
    assert post.scheduled_at == shop(2027, 11, 24, 9)


@pytest.mark.parametrize(
    ("day", "status", "told"),
    [("2027-11-25", S.PENDING, "asks for a new approval"), ("2027-11-24", S.APPROVED, "its approval holds")],
)
def test_a_move_keeps_or_voids_the_approval_by_the_rule(
    day: str, status: str, told: str, sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post = make_post("approved", scheduled_at=shop(2027, 11, 24, 9))
    answer = move(sign_in(ann), post, at=f"{day}T10:00")
    assert answer.status_code == 200
    assert told in answer.json()["words"]
    post.refresh_from_db()
    assert (post.status, post.scheduled_at) == (status, shop(2027, 11, int(day[-2:]), 10))


def test_on_another_day_it_keeps_its_time_of_the_clock_over_both_changes(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    client = sign_in(ann)
    for before, day in ((shop(2027, 3, 27, 9), "2027-03-28"), (shop(2027, 10, 30, 9), "2027-10-31")):
        post = make_post("draft", scheduled_at=before)
        assert move(client, post, day=day).status_code == 200
        post.refresh_from_db()
        assert post.scheduled_at is not None
        assert post.scheduled_at.astimezone(BERLIN).isoformat()[:16] == f"{day}T09:00"


def test_a_time_that_does_not_exist_that_night_becomes_the_next_one_and_says_so(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post, client = make_post("draft", scheduled_at=shop(2027, 3, 27, 2, 30)), sign_in(ann)
    seen = cost(client, post, day="2027-03-28")
    assert seen["time"] == "03:30"
    assert "02:30 does not exist that night, so 03:30." in seen["words"]
    move(client, post, day="2027-03-28")
    post.refresh_from_db()
    assert post.scheduled_at == datetime(2027, 3, 28, 1, 30, tzinfo=ZoneInfo("UTC"))
    # Written by hand, it is refused, with the one that exists.
    assert "does not exist on 28 March" in cost(client, post, at="2027-03-28T02:30")["refused"]


def test_of_the_hour_that_exists_twice_the_first_is_taken_and_the_second_can_be_meant(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post, client = make_post("draft", scheduled_at=shop(2027, 10, 30, 2, 30)), sign_in(ann)
    assert cost(client, post, day="2027-10-31")["time"] == "02:30 CEST"
    seen = cost(client, post, at="2027-10-31T02:30+01:00")
    assert seen["time"] == "02:30 CET"
    move(client, post, at=seen["at"])
    post.refresh_from_db()
    assert post.scheduled_at == datetime(2027, 10, 31, 1, 30, tzinfo=ZoneInfo("UTC"))


def test_what_changed_since_the_page_was_drawn_is_not_moved(
    sign_in: SignIn, ann: User, bob: User, make_post: MakePost
) -> None:
    post = make_post("draft", scheduled_at=shop(2027, 11, 24, 9))
    drawn = post.content().content_hash
    workflow.reschedule(post.pk, Actor(bob), shop(2027, 11, 26, 9))
    answer = move(sign_in(ann), post, day="2027-11-25", shown_hash=drawn)
    assert answer.status_code == 409
    assert "It was changed after your page was drawn" in answer.json()["words"]
    assert move(sign_in(ann), post, day="2027-11-25", shown_hash="").status_code == 409
    post.refresh_from_db()
    assert post.scheduled_at == shop(2027, 11, 26, 9)


def test_a_move_that_costs_more_than_the_page_said_is_not_made(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("approved", scheduled_at=shop(2027, 11, 24, 9))
    answer = move(sign_in(bob), post, day="2027-11-25", meant="keeps")
    assert answer.status_code == 409
    assert "would be a new approval of yours by now" in answer.json()["words"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"day": "2020-01-01"}, "This time has passed"),
        ({"day": "x"}, "It is not said to which day"),
        ({"at": ""}, "Say to when"),
        ({"at": "soon"}, "write it like"),
        ({"slot": "1"}, "set them under Channels"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    said: dict[str, str], told: str, sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post, client = make_post("draft", scheduled_at=shop(2027, 11, 24, 9)), sign_in(ann)
    assert told in cost(client, post, **said)["refused"]
    answer = move(client, post, **said)
    assert answer.status_code == 409
    assert told in answer.json()["words"]


@pytest.mark.parametrize("state", ["published", "failed", "scheduled", "sending"])
def test_what_is_out_or_on_its_way_is_not_moved(
    state: str, sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post, client = make_post(state, scheduled_at=shop(2027, 11, 24, 9)), sign_in(bob)
    assert cost(client, post, day="2027-11-25")["refused"]
    assert move(client, post, day="2027-11-25").status_code == 409
    (entry,) = days(client, "month=2027-11")[date(2027, 11, 24)].entries
    assert not entry.moves


def test_what_waits_is_moved_by_an_approver_alone(
    sign_in: SignIn, ann: User, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending", scheduled_at=shop(2027, 11, 24, 9))
    assert "withdraw it first" in move(sign_in(ann), post, day="2027-11-25").json()["words"]
    client = sign_in(bob)
    assert cost(client, post, day="2027-11-25")["words"].startswith("It goes on waiting, with that time")
    assert move(client, post, day="2027-11-25").status_code == 200
    post.refresh_from_db()
    assert post.status == S.PENDING


def test_a_move_works_by_post_alone_and_with_csrf(ann: User, make_post: MakePost) -> None:
    post = make_post("draft", scheduled_at=shop(2027, 11, 24, 9))
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    assert client.get(f"{PAGE}move/", {"post": post.pk}).status_code == 405
    assert move(client, post, day="2027-11-25").status_code == 403


@pytest.mark.parametrize("pk", ["", "x", "999999", "9" * 40, "١"])
def test_there_is_no_post_of_that_name(pk: str, sign_in: SignIn, ann: User) -> None:
    assert sign_in(ann).get(f"{PAGE}cost/", {"post": pk}).status_code == 404
