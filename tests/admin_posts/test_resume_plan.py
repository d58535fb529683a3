"""The resume plan: what elapsed is listed, decided as it was shown, spread, and then it goes on."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.connections import Connection
from social import clock, workflow
from social.models import Channel, Delivery, Engine, Event, Post
from social.workflow import Actor
from tests.admin_posts.made import MakePost, SignIn
from tests.admin_posts.said import words

pytestmark = pytest.mark.django_db
PLAN = "/admin/social/post/resume/"
NINE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
"""Nine in the morning in Berlin, where the shop is."""


class Clock:
    def __init__(self) -> None:
        self.moment = NINE

    def now(self) -> datetime:
        return self.moment

    def tick(self, minutes: float) -> None:
        self.moment += timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch, db: None) -> Clock:
    moving = Clock()
    monkeypatch.setattr(clock, "now", moving.now)
    monkeypatch.setattr("django.utils.timezone.now", moving.now)
    Engine.objects.update_or_create(
        pk=1, defaults={"last_seen": NINE, "trusted_from": NINE - timedelta(days=9)}
    )
    return moving


@pytest.fixture
def piled_up(make_post: MakePost, bob: User, time: Clock) -> list[Post]:
    """Three posts that came due in a pause of everything; it is 9:40."""
    workflow.pause(bob, "new price list")
    posts = [make_post("approved", title=f"Post {number}", text=f"Words {number}.") for number in range(3)]
    time.tick(40)
    return posts


Decide = Callable[..., Any]


def form(client: Client, page: str = PLAN) -> dict[str, str]:
    """What a browser would send of the page, as it was drawn."""
    html = client.get(page).content.decode()
    return filled(html)


def filled(html: str) -> dict[str, str]:
    fields = {}
    for tag in re.findall(r"<input [^>]+>", html.replace("&amp;", "&")):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if said.get("name") and (said.get("type") != "radio" or " checked" in tag):
            fields[said["name"]] = said.get("value", "")
    return fields


def press(client: Client, page: str = PLAN, **changed: str) -> Any:
    """Press the one button of the page as it is drawn now."""
    return client.post(page, {**form(client, page), "go": "1", **changed}, follow=True)


def told(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def waiting(post: Post) -> Delivery:
    return Delivery.objects.get(post=post, status="queued")


def at(hour: int, minute: int) -> datetime:
    """That time in Berlin."""
    return datetime(2026, 11, 24, hour - 1, minute, tzinfo=UTC)


# --------------------------------------------------------------------------------- what is listed
def test_resuming_with_posts_that_piled_up_leads_to_the_plan(
    piled_up: list[Post], bob: User, sign_in: SignIn, time: Clock
) -> None:
    answer = sign_in(bob).post(reverse("admin:resume_publishing"))
    assert (answer.status_code, answer["Location"]) == (302, PLAN)
    assert Engine.objects.get().is_paused(time.now())


def test_resuming_with_nothing_that_elapsed_resumes(bob: User, sign_in: SignIn, time: Clock) -> None:
    workflow.pause(bob, "new price list")
    sign_in(bob).post(reverse("admin:resume_publishing"))
    assert not Engine.objects.get().is_paused(time.now())


def test_the_plan_tells_the_pause_each_post_and_what_becomes_of_it(
    piled_up: list[Post], bob: User, sign_in: SignIn
) -> None:
    page = words(sign_in(bob).get(PLAN))
    assert "since 09:00 by Bob Lindqvist (“new price list”)" in page
    assert "3 posts came due in the pause" in page
    assert "Post 0 09:00 40 min late" in page
    assert "09:41 Within 2 h of its time: the approval holds" in page
    assert "09:46" in page
    assert "09:51" in page
    assert "Send 3" in page
    assert "at least 5 min apart on one channel" in page


def test_the_lanes_carry_the_numbers_of_the_rows(piled_up: list[Post], bob: User, sign_in: SignIn) -> None:
    answer = sign_in(bob).get(PLAN)
    (lane,) = answer.context["lanes"].lanes
    assert lane.label == "X: Kiln & Linen: 1 at 09:41; 2 at 09:46; 3 at 09:51"
    assert [mark.number for mark in lane.marks] == [row.item.number for row in answer.context["rows"]]
    places = [float(mark.x) for mark in lane.marks]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


def test_what_is_scheduled_already_stands_on_the_lane(
    piled_up: list[Post], make_post: MakePost, bob: User, sign_in: SignIn, time: Clock
) -> None:
    make_post("approved", scheduled_at=time.now() + timedelta(minutes=5))
    (lane,) = sign_in(bob).get(PLAN).context["lanes"].lanes
    assert lane.label.endswith("; already scheduled: 09:45")
    assert "1 at 09:50" in lane.label


def test_nothing_late_is_said_so(bob: User, sign_in: SignIn) -> None:
    page = words(sign_in(bob).get(PLAN))
    assert "Nothing is late" in page
    assert "What is late" in page


def test_a_pause_in_which_nothing_came_due_is_ended_from_the_plan(bob: User, sign_in: SignIn) -> None:
    workflow.pause(bob, "new price list")
    page = sign_in(bob).get(PLAN).content.decode()
    assert "Nothing came due in the pause" in page
    assert f'action="{reverse("admin:resume_publishing")}"' in page


def test_without_a_pause_what_is_late_is_listed_and_what_is_just_due_is_not(
    make_post: MakePost, bob: User, sign_in: SignIn, time: Clock
) -> None:
    make_post("approved", title="Late one")
    time.tick(61)
    make_post("approved", title="Due one")
    page = words(sign_in(bob).get(PLAN))
    assert "1 post is late" in page
    assert "Late one" in page
    assert "Due one" not in page


def test_in_an_outage_what_came_due_is_listed(
    make_post: MakePost, bob: User, sign_in: SignIn, time: Clock
) -> None:
    make_post("approved", title="Due in the outage")
    time.tick(10)
    Connection.objects.update(trouble="unreachable", trouble_words="Publer cannot be reached.")
    page = words(sign_in(bob).get(PLAN))
    assert "1 post came due" in page
    assert "Publer cannot be reached." in page


def test_the_bar_leads_to_what_is_late_those_who_may_decide(
    make_post: MakePost, ann: User, bob: User, sign_in: SignIn, time: Clock
) -> None:
    make_post("approved")
    make_post("approved")
    time.tick(61)
    assert "2 posts are late:" in words(sign_in(bob).get("/admin/social/post/"))
    assert f'href="{PLAN}"' in sign_in(bob).get("/admin/").content.decode()
    assert "posts are late" not in words(sign_in(ann).get("/admin/social/post/"))


def test_the_plan_is_for_those_who_may_publish(ann: User, olga: User, nobody: User, sign_in: SignIn) -> None:
    assert sign_in(ann).get(PLAN).status_code == 403
    assert sign_in(nobody).get(PLAN).status_code == 403
    assert sign_in(olga).get(PLAN).status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_posts(
    make_post: MakePost, bob: User, sign_in: SignIn, time: Clock
) -> None:
    workflow.pause(bob, "new price list")
    client, counts = sign_in(bob), []
    for number in (2, 9):
        for more in range(number):
            make_post("approved", text=f"Words {number} {more}.", on=["twitter", "facebook"])
        time.tick(10)
        client.get(PLAN)
        with CaptureQueriesContext(database) as asked:
            client.get(PLAN)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert counts[0] < 45


# ----------------------------------------------------------------------------------- what is done
def test_one_button_decides_all_and_resumes(
    piled_up: list[Post], bob: User, sign_in: SignIn, time: Clock
) -> None:
    client = sign_in(bob)
    first, second, third = piled_up
    drawn = client.post(
        PLAN,
        {
            **form(client),
            f"do_{second.pk}": "move",
            f"at_{second.pk}": "2026-11-24T10:30",
            f"do_{third.pk}": "drop",
        },
    )
    assert "Send 1, move 1, drop 1" in words(drawn)
    answer = client.post(PLAN, {**filled(drawn.content.decode()), "go": "1"}, follow=True)
    assert told(answer) == "1 to be sent at 09:41, 1 moved, 1 dropped. Publishing goes on."
    assert (waiting(first).due_at, waiting(second).due_at) == (at(9, 41), at(10, 30))
    assert Post.objects.get(pk=third.pk).status == "cancelled"
    assert not Engine.objects.get().is_paused(time.now())
    told_in_history = Event.objects.filter(verb__in=("move", "drop")).order_by("pk")
    assert [(e.post_id, e.verb, e.actor_name) for e in told_in_history] == [
        (first.pk, "move", "Bob Lindqvist"),
        (second.pk, "move", "Bob Lindqvist"),
        (third.pk, "drop", "Bob Lindqvist"),
    ]


def test_looking_at_other_choices_decides_nothing(
    piled_up: list[Post], bob: User, sign_in: SignIn, time: Clock
) -> None:
    client = sign_in(bob)
    for changed in ({"all": "drop"}, {"all": "move"}, {f"do_{piled_up[0].pk}": "drop"}):
        assert client.post(PLAN, {**form(client), **changed}).status_code == 200
    assert Engine.objects.get().is_paused(time.now())
    assert not Event.objects.filter(verb__in=("move", "drop", "resubmit")).exists()


@pytest.mark.parametrize(
    ("every", "sum_"), [("send", "Send 3"), ("move", "Move 3"), ("drop", "Drop 3"), ("proposed", "Send 3")]
)
def test_all_at_once_are_chosen_by_one_press(
    piled_up: list[Post], bob: User, sign_in: SignIn, every: str, sum_: str
) -> None:
    client = sign_in(bob)
    assert client.post(PLAN, {**form(client), "all": every}).context["sum"] == sum_


def test_the_page_gets_the_plan_alone_and_the_new_sum(
    piled_up: list[Post], bob: User, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    part = client.post(PLAN, {**form(client), "all": "drop"}, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div class="hd-plan-all" id="hd-plan"')
    assert re.search(r'<button [^>]*id="hd-sum"[^>]*>Drop 3</button>', part)
    assert "<html" not in part


def test_beyond_the_rule_an_approvers_press_is_an_approval_shown_as_such(
    piled_up: list[Post], bob: User, sign_in: SignIn, time: Clock
) -> None:
    time.tick(120)
    client = sign_in(bob)
    drawn = client.post(PLAN, {**form(client), "all": "send"})
    assert "More than 2 h from its time: asks for a new approval, given by your press" in words(drawn)
    answer = client.post(PLAN, {**filled(drawn.content.decode()), "go": "1"}, follow=True)
    assert "3 to be sent between 11:41 and 11:51. 3 of them by your approval." in told(answer)
    approval = piled_up[0].approvals.last()
    assert approval is not None
    assert (approval.user, approval.kept_from) == (bob, None)
    assert waiting(piled_up[0]).approved_hash == approval.content_hash


def test_beyond_the_rule_the_press_of_an_operator_asks_for_an_approval(
    piled_up: list[Post], olga: User, sign_in: SignIn, time: Clock
) -> None:
    time.tick(120)
    client = sign_in(olga)
    drawn = client.get(PLAN)
    assert "Another day: asks for a new approval by somebody else" in words(drawn)
    answer = press(client)
    assert "3 moved. 3 wait for a new approval. Publishing goes on." in told(answer)
    post = Post.objects.get(pk=piled_up[0].pk)
    assert (post.status, post.scheduled_at) == ("pending", at(9, 0) + timedelta(days=1))


def test_nobody_approves_their_own_by_a_late_press(
    make_post: MakePost, root: User, sign_in: SignIn, time: Clock
) -> None:
    own = make_post("approved", by=root)
    time.tick(180)
    client = sign_in(root)
    drawn = client.post(PLAN, {**form(client), "all": "send"})
    client.post(PLAN, {**filled(drawn.content.decode()), "go": "1"})
    assert Post.objects.get(pk=own.pk).status == "pending"


def test_what_changed_since_the_page_was_drawn_is_left_alone_and_told(
    piled_up: list[Post], bob: User, olga: User, sign_in: SignIn, time: Clock
) -> None:
    client = sign_in(olga)
    sent = form(client)
    time.tick(1)
    workflow.move(piled_up[0].pk, Actor(bob), at(10, 15))
    workflow.drop(piled_up[1].pk, Actor(bob))
    answer = client.post(PLAN, {**sent, "go": "1"}, follow=True)
    assert "Left alone: “Post 0”: Bob Lindqvist moved its time to 10:15, at 09:41." in told(answer)
    assert "Left alone: “Post 1”: Bob Lindqvist cancelled it at 09:41." in told(answer)
    assert "1 to be sent" in told(answer)
    assert waiting(piled_up[0]).due_at == at(10, 15)
    assert not Engine.objects.get().is_paused(time.now())


def test_while_something_was_left_alone_that_still_waits_it_stays_paused(
    piled_up: list[Post], ann: User, bob: User, sign_in: SignIn, time: Clock
) -> None:
    client = sign_in(bob)
    sent = {**form(client), f"shown_{piled_up[0].pk}": "something else"}
    answer = client.post(PLAN, {**sent, "go": "1"}, follow=True)
    assert "Publishing stays paused until these are decided, too." in told(answer)
    assert answer.redirect_chain == [(PLAN, 302)]
    assert Engine.objects.get().is_paused(time.now())


def test_what_would_cost_more_by_now_is_left_alone(
    piled_up: list[Post], bob: User, sign_in: SignIn, time: Clock
) -> None:
    time.tick(79)  # 10:59: at 11:00 it is within the rule,
    client = sign_in(bob)
    sent = form(client)
    assert sent[f"do_{piled_up[0].pk}"] == "send"
    time.tick(3)  # and at 11:03 it is not
    answer = client.post(PLAN, {**sent, "go": "1"}, follow=True)
    assert "“Post 0”: This time would be a new approval of yours by now" in told(answer)
    assert not piled_up[0].approvals.filter(revision__number=2).exists()


def test_a_page_whose_times_are_over_is_drawn_again(
    piled_up: list[Post], bob: User, sign_in: SignIn, time: Clock
) -> None:
    client = sign_in(bob)
    sent = form(client)
    time.tick(16)
    answer = client.post(PLAN, {**sent, "go": "1"})
    assert "The times on this page were over" in words(answer)
    assert not Event.objects.filter(verb="move").exists()
    assert Engine.objects.get().is_paused(time.now())


@pytest.mark.parametrize(
    "changed",
    [
        {"do_{}": "explode"},
        {"do_{}": "move", "at_{}": "tomorrow-ish"},
        {"do_{}": "move", "at_{}": "2020-01-01T10:00", "means_{}": "keeps"},
        {"shown_{}": ""},
        {"means_{}": "nothing"},
        {"drawn": "yesterday"},
        {"do_999999": "drop", "shown_999999": "x"},
        {"do_" + "9" * 40: "drop"},
    ],
)
def test_a_form_that_makes_no_sense_decides_nothing_of_it(
    make_post: MakePost, bob: User, sign_in: SignIn, time: Clock, changed: dict[str, str]
) -> None:
    post = make_post("approved")
    time.tick(90)
    client = sign_in(bob)
    sent = form(client)
    wrong = {key.format(post.pk): value for key, value in changed.items()}
    if not any(key.endswith(f"_{post.pk}") or key == "drawn" for key in wrong):
        sent = {"drawn": sent["drawn"]}
    answer = client.post(PLAN, {**sent, **wrong, "go": "1"}, follow=True)
    assert answer.status_code == 200
    assert not Event.objects.filter(verb__in=("move", "drop", "resubmit")).exists()


def test_the_plan_wants_a_token_against_forgery(piled_up: list[Post], bob: User, time: Clock) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    forged = {**form(client), "go": "1", "csrfmiddlewaretoken": "made up"}
    assert client.post(PLAN, forged).status_code == 403
    assert Engine.objects.get().is_paused(time.now())


# ----------------------------------------------------------------------------- one channel, one connection
@pytest.fixture
def held(
    make_post: MakePost, channels: dict[str, Channel], bob: User, time: Clock
) -> tuple[Channel, list[Post]]:
    """X is paused, and two posts came due there."""
    channel = channels["twitter"]
    workflow.pause(bob, "new price list", what=channel)
    posts = [make_post("approved", title=f"Post {n}", text=f"Words {n}.") for n in range(2)]
    time.tick(30)
    return channel, posts


def test_a_channel_is_paused_with_reason_and_end_from_the_integrations_page(
    channels: dict[str, Channel], olga: User, sign_in: SignIn, time: Clock
) -> None:
    channel, client = channels["twitter"], sign_in(olga)
    pause = reverse("admin:integrations_connection_pause_channel", args=[channel.pk])
    assert f'href="{pause}"' in client.get("/admin/integrations/connection/").content.decode()
    assert client.get(pause, {"reason": "prefetched"}).status_code == 200
    channel.refresh_from_db()
    assert not channel.is_paused(time.now())
    client.post(pause, {"reason": "new price list", "until": "2026-11-24T12:00"})
    channel.refresh_from_db()
    assert (channel.is_paused(time.now()), channel.paused_until) == (True, at(12, 0))
    page = words(client.get("/admin/integrations/connection/"))
    assert "X: Kiln & Linen is paused since 09:00 by Olga Petri (“new price list”) until 12:00" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reason": " "}, "others will wonder"),
        ({"reason": "why", "until": "soon"}, "not a date and a time"),
        ({"reason": "why", "until": "2026-11-24T08:59"}, "This moment has passed"),
    ],
)
@pytest.mark.parametrize("where", ["everything", "channel", "connection"])
def test_what_is_wrong_with_a_pause_is_said_and_what_was_written_stays(
    channels: dict[str, Channel],
    olga: User,
    sign_in: SignIn,
    time: Clock,
    fields: dict[str, str],
    said: str,
    where: str,
) -> None:
    address = {
        "everything": reverse("admin:pause_publishing"),
        "channel": reverse("admin:integrations_connection_pause_channel", args=[channels["twitter"].pk]),
        "connection": reverse("admin:integrations_connection_pause", args=["publer"]),
    }[where]
    answer = sign_in(olga).post(address, fields)
    assert answer.status_code == 422
    assert said in words(answer)
    assert f'value="{fields["reason"]}"' in answer.content.decode()
    channels["twitter"].refresh_from_db()
    assert not channels["twitter"].is_paused(time.now())
    assert not Engine.objects.get().is_paused(time.now())


def test_an_author_can_neither_pause_nor_resume_a_channel(
    held: tuple[Channel, list[Post]], ann: User, sign_in: SignIn, time: Clock
) -> None:
    channel, client = held[0], sign_in(ann)
    for verb in ("pause", "resume"):
        address = reverse(f"admin:integrations_connection_{verb}_channel", args=[channel.pk])
        assert client.post(address, {"reason": "why not"}).status_code == 403
    channel.refresh_from_db()
    assert channel.is_paused(time.now())


def test_a_get_resumes_no_channel(held: tuple[Channel, list[Post]], olga: User, sign_in: SignIn) -> None:
    address = reverse("admin:integrations_connection_resume_channel", args=[held[0].pk])
    assert sign_in(olga).get(address).status_code == 405


def test_resuming_a_channel_leads_to_its_own_plan_which_resumes_it_alone(
    held: tuple[Channel, list[Post]],
    make_post: MakePost,
    channels: dict[str, Channel],
    olga: User,
    sign_in: SignIn,
    time: Clock,
) -> None:
    channel, posts = held
    make_post("approved", title="Elsewhere", text="Elsewhere.", on=["facebook"])
    client, plan = sign_in(olga), f"{PLAN}?channel={channel.pk}"
    workflow.pause(olga, "lunch", what=channels["facebook"])
    resume = reverse("admin:integrations_connection_resume_channel", args=[channel.pk])
    assert client.post(resume)["Location"] == plan
    page = words(client.get(plan))
    assert "Resume X: Kiln & Linen" in page
    assert "Elsewhere" not in page
    answer = press(client, plan)
    assert "2 to be sent between 09:31 and 09:36. X: Kiln & Linen goes on." in told(answer)
    assert [c.is_paused(time.now()) for c in (fresh(channel), fresh(channels["facebook"]))] == [False, True]
    assert [waiting(post).due_at for post in posts] == [at(9, 31), at(9, 36)]


def fresh(channel: Channel) -> Channel:
    return Channel.objects.get(pk=channel.pk)


def test_a_post_late_on_a_channel_that_stays_paused_is_said_to_wait(
    held: tuple[Channel, list[Post]], bob: User, sign_in: SignIn, time: Clock
) -> None:
    time.tick(40)
    assert "X is paused: not before it goes on" in words(sign_in(bob).get(PLAN))


@pytest.mark.parametrize("named", ["channel=999", "channel=x", "connection=999", "channel=" + "9" * 30])
def test_a_plan_for_what_is_not_there_is_not_found(bob: User, sign_in: SignIn, named: str) -> None:
    assert sign_in(bob).get(f"{PLAN}?{named}").status_code == 404


def test_an_approver_who_sees_no_integrations_resumes_a_channel_from_the_bar(
    channels: dict[str, Channel], ann: User, bob: User, sign_in: SignIn, time: Clock
) -> None:
    channel = channels["twitter"]
    workflow.pause(bob, "new price list", what=channel)
    plan = f"{PLAN}?channel={channel.pk}"
    assert f'href="{plan}"' in sign_in(bob).get("/admin/social/post/").content.decode()
    assert f'href="{plan}"' not in sign_in(ann).get("/admin/social/post/").content.decode()
    resume = reverse("admin:integrations_connection_resume_channel", args=[channel.pk])
    client = sign_in(bob)
    assert f'action="{resume}"' in client.get(plan).content.decode()
    answer = client.post(resume, follow=True)
    assert (answer.status_code, told(answer)) == (200, "X: Kiln & Linen goes on.")


def test_several_paused_channels_are_one_line_in_the_bar(
    channels: dict[str, Channel], bob: User, ann: User, sign_in: SignIn
) -> None:
    for network in ("twitter", "facebook"):
        workflow.pause(bob, "new price list", what=channels[network])
    page = words(sign_in(ann).get("/admin/social/post/"))
    assert "2 channels are paused: " in page
    assert "Facebook: Kiln & Linen and X: Kiln & Linen." in page or "X: Kiln & Linen and Facebook" in page


def test_earlier_pauses_are_listed_for_those_who_may_pause(
    channels: dict[str, Channel], ann: User, bob: User, olga: User, sign_in: SignIn, time: Clock
) -> None:
    workflow.pause(bob, "new price list", what=channels["twitter"], until=at(12, 0))
    time.tick(5)
    workflow.resume(olga, what=channels["twitter"])
    page = words(sign_in(bob).get(reverse("admin:social_switch_changelist")))
    assert "09:00 X: Kiln & Linen Paused Bob Lindqvist new price list 12:00" in page
    assert "09:05 X: Kiln & Linen Resumed Olga Petri" in page
    assert sign_in(ann).get(reverse("admin:social_switch_changelist")).status_code == 403


# --------------------------------------------------------------------------------- on the post's own page
def test_a_post_is_moved_from_its_own_page(
    make_post: MakePost, ann: User, sign_in: SignIn, time: Clock
) -> None:
    post = make_post("approved", scheduled_at=at(12, 0))
    client = sign_in(ann)
    assert 'data-hd-open="hd-move"' in client.get(f"/admin/social/post/{post.pk}/change/").content.decode()
    do = f"/admin/social/post/{post.pk}/do/"
    sent = {"verb": "move", "at": "2026-11-24T13:30", "shown_hash": post.content().content_hash}
    answer = client.post(do, sent, follow=True)
    assert "Moved to 13:30; its approval holds." in told(answer)
    assert waiting(post).due_at == at(13, 30)
    page = words(answer)
    assert "Ann Weber moved its time from 12:00 to 13:30: the approval of Bob Lindqvist stands" in page
    assert "Kept: only the time moved, to 90 minutes from the one that was approved." in page
    assert "changed after your page" in told(client.post(do, {**sent, "at": "2026-11-24T13:40"}, follow=True))
    stale = {**sent, "shown_hash": Post.objects.get(pk=post.pk).content().content_hash}
    assert "not a date and a time" in told(client.post(do, {**stale, "at": "later"}, follow=True))


def test_a_restored_database_is_told_with_what_the_look_found(
    make_post: MakePost, bob: User, sign_in: SignIn, time: Clock
) -> None:
    from social.workflow import deliveries as steps

    gone, free = make_post("approved", title="Gone"), make_post("approved", title="Free")
    time.tick(90)
    Engine.objects.update(trusted_from=time.now(), last_seen=time.now())
    for post in (gone, free):
        row = Delivery.objects.select_related("post", "channel").get(post=post)
        steps.move(row, "looked for first", quiet_from=None)
    row = Delivery.objects.select_related("post", "channel").get(post=free)
    steps.move(row, "not live yet")
    page = words(sign_in(bob).get(PLAN))
    assert "HotDash was silent before 10:30, or its database was restored." in page
    assert "of 2 deliveries, 0 were with Publer already and are taken over, 1 was not and may be sent" in page
    assert "1 is still looked for and comes here when it is not there" in page
    assert "Free" in page
    assert "Gone" not in page
