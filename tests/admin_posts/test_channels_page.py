"""The page of channels: slots, leads, tags and blackouts, and the verbs of time on a post's page."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import localtime

from integrations.connections import Connection
from social import clock, workflow
from social.models import Blackout, Channel, Post
from social.workflow import Actor, planning
from tests.admin_posts.made import MakePost, SignIn
from tests.admin_posts.said import LIST, page, words

pytestmark = pytest.mark.django_db
PAGE = "/admin/social/channel/"
BERLIN = ZoneInfo("Europe/Berlin")


def plan_of(channel: Channel) -> str:
    return f"{PAGE}{channel.pk}/change/"


def written(channel: Channel, **more: Any) -> dict[str, Any]:
    shown = planning.print_of_plan(channel)
    return {"shown": shown, "decide_lead": 120, "default_tags": "", **more}


def local(at: datetime) -> str:
    return localtime(at, BERLIN).strftime("%Y-%m-%dT%H:%M")


def keep(client: Client, starts: int = 24, ends: int = 48, **more: Any) -> Any:
    now = clock.now()
    form = {
        "starts_at": local(now + timedelta(hours=starts)),
        "ends_at": local(now + timedelta(hours=ends)),
        "reason": "Stocktaking",
    }
    return client.post(f"{PAGE}blackout/", {**form, **more})


def test_slots_lead_and_tags_are_set_and_shown(
    sign_in: SignIn, bob: User, channels: dict[str, Channel]
) -> None:
    client, x = sign_in(bob), channels["twitter"]
    slots = {f"slots_{day}": "9:00, 17:30" for day in range(5)}

    answer = client.post(
        plan_of(x), written(x, **slots, slots_5="11:00", decide_lead=240, default_tags="#moss")
    )

    assert answer.status_code == 302
    said = words(client.get(PAGE))
    assert "Mon to Fri 09:00, 17:30 Sat 11:00" in said
    assert "4 hours before" in said
    assert "#moss" in said
    x.refresh_from_db()
    assert (x.decide_lead, x.default_tags, x.slots_on(6)) == (240, "#moss", [])


def test_what_is_no_time_is_told_at_its_day_and_nothing_is_lost(
    sign_in: SignIn, bob: User, channels: dict[str, Channel]
) -> None:
    client, x = sign_in(bob), channels["twitter"]

    answer = client.post(plan_of(x), written(x, slots_0="9:00", slots_2="noon", default_tags="moss"))

    assert answer.status_code == 422
    body = answer.content.decode()
    assert "“noon” is not a time of day: write it like 09:00" in words(answer)
    assert "“moss” is not a hashtag" in words(answer)
    assert 'id="id_slots_2" value="noon"' in body
    assert 'id="id_slots_0" value="9:00"' in body
    x.refresh_from_db()
    assert not x.has_slots


def test_the_second_of_two_sees_what_the_first_set(
    sign_in: SignIn, bob: User, olga: User, channels: dict[str, Channel]
) -> None:
    x, client = channels["twitter"], sign_in(olga)
    old = written(x, slots_0="10:00")
    sign_in(bob).post(plan_of(x), written(x, slots_0="08:00"))

    answer = client.post(plan_of(x), old, follow=True)

    assert "Somebody changed it after your page was drawn" in words(answer)
    assert 'value="08:00"' in answer.content.decode()


def test_an_author_reads_the_page_and_sets_nothing(
    sign_in: SignIn, ann: User, nobody: User, channels: dict[str, Channel]
) -> None:
    x, client = channels["twitter"], sign_in(ann)
    assert client.get(PAGE).status_code == 200
    assert "An approver or an operator sets this" in words(client.get(plan_of(x)))
    assert "Setting slots, leads and blackouts is for" in words(
        client.post(plan_of(x), written(x, slots_0="9:00"))
    )
    assert keep(client).status_code == 403
    x.refresh_from_db()
    assert not x.has_slots
    assert not Blackout.objects.exists()
    assert sign_in(nobody).get(PAGE).status_code == 403


def test_a_blackout_is_kept_shown_and_removed(
    sign_in: SignIn, bob: User, channels: dict[str, Channel]
) -> None:
    client = sign_in(bob)
    assert keep(client, channel=channels["facebook"].pk).status_code == 302
    said = words(client.get(PAGE))
    assert "Facebook: Kiln & Linen: Stocktaking: nothing is planned from" in said
    assert "by Bob Lindqvist" in said

    row = Blackout.objects.get()
    assert client.get(f"{PAGE}blackout/{row.pk}/remove/").status_code == 405
    client.post(f"{PAGE}blackout/{row.pk}/remove/")
    assert not Blackout.objects.exists()
    answer = client.post(f"{PAGE}blackout/{row.pk}/remove/", follow=True)
    assert "somebody else removed it" in words(answer)


def test_a_blackout_that_makes_no_sense_is_refused_at_its_field(
    sign_in: SignIn, bob: User, channels: dict[str, Channel]
) -> None:
    client = sign_in(bob)
    answer = keep(client, starts=48, ends=24)
    assert answer.status_code == 422
    assert "It has to end after it begins" in words(answer)
    assert 'value="Stocktaking"' in answer.content.decode()
    assert "write it like 2026-11-24T12:00" in words(keep(client, starts_at="tomorrow"))
    assert "Say why" in words(keep(client, reason=""))


def test_a_time_that_the_clocks_leave_out_is_refused_and_of_two_it_is_the_first(
    sign_in: SignIn, bob: User, channels: dict[str, Channel]
) -> None:
    client = sign_in(bob)
    answer = keep(client, starts_at="2027-03-28T02:30", ends_at="2027-03-28T12:00")
    assert "02:30 does not exist on 28 March: the clocks go forward" in words(answer)
    assert "Choose 03:30" in words(answer)

    keep(client, starts_at="2026-10-25T02:30", ends_at="2027-10-31T02:30", reason="too long")
    keep(client, starts_at="2027-10-31T02:30", ends_at="2027-10-31T02:30+01:00", reason="The hour between")
    row = Blackout.objects.get()
    assert row.ends_at - row.starts_at == timedelta(hours=1)
    said = words(client.get(PAGE))
    assert "31 Oct 2027, 02:30 CEST to 31 Oct 2027, 02:30 CET" in said


def test_the_pages_number_of_queries_does_not_grow_with_the_channels(
    sign_in: SignIn,
    bob: User,
    connection: Connection,
    channels: dict[str, Channel],
    django_assert_max_num_queries: Any,
) -> None:
    client = sign_in(bob)
    client.get(PAGE)
    for number in range(12):
        every = [["09:00"]] * 7
        connection.channels.create(account_id=f"n{number}", network="threads", name="More", slots=every)
    keep(client)
    client.get(PAGE)  # tells that it was kept, and forgets it
    with django_assert_max_num_queries(17):
        client.get(PAGE)


def test_the_shops_clock_stands_beside_where_it_differs(
    sign_in: SignIn, bob: User, channels: dict[str, Channel]
) -> None:
    x, client = channels["twitter"], sign_in(bob)
    client.post(plan_of(x), written(x, **{f"slots_{day}": "18:00" for day in range(7)}))
    assert "18:00 Berlin" not in words(client.get(PAGE))
    client.cookies["timezone"] = "Asia/Kolkata"
    assert "18:00 Berlin" in words(client.get(PAGE))


# ------------------------------------------------------------------------------- on a post's page
def do(client: Client, post: Post, verb: str, **more: Any) -> Any:
    shown = post.content().content_hash
    return client.post(f"{LIST}{post.pk}/do/", {"verb": verb, "shown_hash": shown, **more}, follow=True)


def test_a_post_takes_the_next_free_slot(
    sign_in: SignIn, ann: User, make_post: MakePost, channels: dict[str, Channel]
) -> None:
    x = channels["twitter"]
    Channel.objects.filter(pk=x.pk).update(slots=[["18:00"]] * 7)
    x.refresh_from_db()
    post, client = make_post("draft"), sign_in(ann)
    assert "Next free slot" in words(client.get(page(post.pk)))

    do(client, post, "move", slot="next")

    post.refresh_from_db()
    assert post.scheduled_at is not None
    assert f"{post.scheduled_at.astimezone(BERLIN):%H:%M}" == "18:00"
    other = make_post("draft")
    do(client, other, "move", slot="next")
    other.refresh_from_db()
    assert other.scheduled_at is not None
    assert other.scheduled_at > post.scheduled_at


def test_without_slots_the_next_one_is_refused_in_words(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post, client = make_post("draft"), sign_in(ann)
    assert "Next free slot" not in words(client.get(page(post.pk)))
    assert "set them under Channels" in words(do(client, post, "move", slot="next"))


def test_a_copy_is_made_and_opened(sign_in: SignIn, ann: User, make_post: MakePost) -> None:
    post = make_post("published")

    answer = do(sign_in(ann), post, "duplicate")

    copy = Post.objects.latest("pk")
    assert answer.redirect_chain[-1][0] == page(copy.pk)
    assert "This is a copy of “Moss dinner set”" in words(answer)
    assert "made this post as a copy of “Moss dinner set”" in words(answer)
    assert copy.status == "draft"


def test_who_may_not_write_is_offered_no_copy_and_gets_none(
    sign_in: SignIn, olga: User, make_post: MakePost
) -> None:
    post, client = make_post("published"), sign_in(olga)
    assert 'value="duplicate"' not in client.get(page(post.pk)).content.decode()
    assert "Writing posts is for an author or an approver" in words(do(client, post, "duplicate"))
    assert Post.objects.count() == 1


def test_a_moved_time_that_does_not_exist_is_told(sign_in: SignIn, ann: User, make_post: MakePost) -> None:
    post, client = make_post("draft"), sign_in(ann)
    assert "does not exist on 28 March" in words(do(client, post, "move", at="2027-03-28T02:30"))
    assert "Say to when" in words(do(client, post, "move", at=""))
    do(client, post, "move", at="2027-10-31T02:30")
    post.refresh_from_db()
    assert post.scheduled_at == datetime(2027, 10, 31, 0, 30, tzinfo=ZoneInfo("UTC"))


def test_a_list_in_another_zone_tells_the_shops_time_too(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    at = datetime(2027, 11, 24, 9, tzinfo=BERLIN)
    post = make_post("draft", scheduled_at=at)
    workflow.submit(post.pk, Actor(ann))
    client = sign_in(ann)
    assert "09:00 Berlin" not in words(client.get(LIST))
    client.cookies["timezone"] = "America/New_York"
    said = words(client.get(LIST))
    assert "24 Nov 2027, 03:00" in said
    assert "09:00 Berlin" in said


# ------------------------------------------------------------------------- its time passed undecided
def test_an_expired_post_asks_what_becomes_of_it(
    sign_in: SignIn, ann: User, bob: User, olga: User, make_post: MakePost, channels: dict[str, Channel]
) -> None:
    Channel.objects.update(slots=[["18:00"]] * 7)
    post = make_post("pending", scheduled_at=clock.now() - timedelta(hours=2))
    offered = {
        user.username: {
            fate
            for fate in ("now", "slot", "drop")
            if f'name="fate" value="{fate}"' in sign_in(user).get(page(post.pk)).content.decode()
        }
        for user in (ann, bob, olga)
    }
    assert offered == {"ann": {"slot", "drop"}, "bob": {"now", "slot", "drop"}, "olga": {"drop"}}

    answer = do(sign_in(ann), post, "expired", fate="slot")

    post.refresh_from_db()
    assert "it waits for approval" in words(answer)
    assert post.scheduled_at is not None
    assert post.scheduled_at > clock.now()
    assert "To be decided by" in words(sign_in(bob).get(page(post.pk)))


def test_what_becomes_of_an_expired_post_is_said_by_post_alone(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post, client = make_post("pending", scheduled_at=clock.now() - timedelta(hours=2)), sign_in(bob)
    assert "It is not said what becomes of it" in words(do(client, post, "expired"))
    assert "did not say what it showed" in words(do(client, post, "expired", fate="now", shown_hash=""))
    assert client.get(f"{LIST}{post.pk}/do/", {"verb": "expired", "fate": "now"}).status_code == 405
    post.refresh_from_db()
    assert post.status == "pending"
    assert "Approved, to go out within a minute" in words(do(client, post, "expired", fate="now"))
