"""The desk: what waits, soonest first; what is decided there, and what is never decided by it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.connections import Connection
from integrations.credentials import Credential
from social import clock, workflow
from social.admin import desk
from social.models import ApiToken, Channel, Delivery, Post
from social.publishing import batching, connect
from social.workflow import Actor, Content
from tests.admin_posts.made import MakePost, SignIn, send
from tests.admin_posts.said import words

pytestmark = pytest.mark.django_db

DESK = "/admin/social/post/review/"
PART = {"X-Hotdash-Part": "desk"}


def shown(client: Client, post: Post | None = None) -> str:
    return words(client.get(DESK, {"post": post.pk} if post else {}))


def decide(client: Client, post: Post, do: str = "approve", **more: Any) -> Any:
    post.refresh_from_db()
    form = {"post": post.pk, "do": do, "shown_hash": post.content().content_hash, **more}
    return client.post(DESK, form)


def status(post: Post) -> str:
    post.refresh_from_db()
    return post.status


@pytest.fixture
def carla(db: None) -> User:
    user = User.objects.create_user(
        "carla", password="x", first_name="Carla", last_name="Diaz", is_staff=True
    )
    user.groups.set(Group.objects.filter(name="Approver"))
    return user


# ------------------------------------------------------------------------------------- what waits
def test_what_is_due_first_stands_first_and_what_was_not_decided_in_time_stands_last(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    now = clock.now()
    make_post("pending", title="Without a time")
    make_post("pending", title="Tomorrow", scheduled_at=now + timedelta(hours=30))
    make_post("pending", title="Too late", scheduled_at=now - timedelta(minutes=9))
    make_post("pending", title="Soon", scheduled_at=now + timedelta(hours=4, minutes=10, seconds=30))
    make_post("draft", title="Only a draft")

    said = shown(sign_in(bob))

    places = [said.index(title) for title in ("Soon", "Tomorrow", "Without a time", "Not decided in time")]
    assert places == sorted(places)
    assert said.index("Not decided in time") < said.rindex("Too late")
    assert "3 waiting, 1 due soon, 1 not decided in time" in said
    assert "Decide within 2 h 10 min" in said
    assert "Only a draft" not in said


def test_the_longest_lead_of_its_channels_says_by_when_a_post_is_decided(
    sign_in: SignIn, bob: User, channels: dict[str, Channel], make_post: MakePost
) -> None:
    now = clock.now()
    Channel.objects.filter(pk=channels["facebook"].pk).update(decide_lead=24 * 60)
    make_post("pending", title="Sooner out", scheduled_at=now + timedelta(hours=20))
    make_post(
        "pending", title="Longer lead", on=["twitter", "facebook"], scheduled_at=now + timedelta(hours=30)
    )
    make_post("pending", title="Past it", scheduled_at=now + timedelta(minutes=50))

    said = shown(sign_in(bob))

    places = [
        said.index(title) for title in ("Past it now: out", "Longer lead within 5 h 59 min", "Sooner out by")
    ]
    assert places == sorted(places)
    assert re.search(r"Decide now it was to be decided by .+, and would go out", said)


def test_the_number_of_queries_does_not_grow_with_the_posts(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    client, counts = sign_in(bob), []
    for number in (1, 8):
        for i in range(number):
            post = make_post("pending", text=f"{number}.{i}", on=["twitter", "facebook"])
        workflow.reject(post.pk, Actor(bob), "Shorter.")
        workflow.edit(
            post.pk, Actor(post.author), Content(text="!", channels=[*post.content().channels.all()])
        )
        workflow.submit(post.pk, Actor(post.author))
        client.get(DESK, {"post": post.pk}, headers=PART)
        with CaptureQueriesContext(database) as asked:
            answer = client.get(DESK, {"post": post.pk}, headers=PART)
        print(len(asked))
        assert "Changed since revision 1" in words(answer)
        counts.append(len(asked))

    assert counts[0] == counts[1] <= 12, asked.captured_queries


def test_only_an_approver_has_a_desk(sign_in: SignIn, ann: User, nobody: User, make_post: MakePost) -> None:
    make_post("pending")
    for person in (ann, nobody):
        assert sign_in(person).get(DESK).status_code == 403
    assert Client().get(DESK).status_code == 302


def test_a_desk_with_nothing_on_it_says_what_goes_out_next(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending", title="Studio cat", scheduled_at=clock.now() + timedelta(minutes=25))
    make_post("pending", title="Of my own", by=bob)
    client = sign_in(bob)
    decide(client, post)

    said = shown(client)

    assert "Nothing waits for you You decided 1 post today" in said
    assert "Studio cat in 2" in said
    assert "Your own post waits for somebody else: Of my own" in said


# ------------------------------------------------------------------------------- what is decided about
def test_grounds_checks_and_forecast_stand_beside_what_would_go_out(
    sign_in: SignIn, bob: User, ann: User, channels: dict[str, Channel], make_post: MakePost
) -> None:
    token, _ = ApiToken.issue(user_id=ann.pk, name="content-agent", scopes=["posts:write"])
    content = Content(
        text="Back <b>again</b>.", channels=[channels["twitter"]], link="https://shop.example/moss"
    )
    post = workflow.create(Actor(ann, token), content, evidence={"Shop": "34 plates"})
    workflow.submit(post.pk, Actor(ann, token))

    answer = sign_in(bob).get(DESK)

    said = words(answer)
    assert "Grounds given by content-agent Shop 34 plates" in said
    assert "Link shop.example" in said
    assert "Plenty left 0 of 100 used" in said
    assert "1 post in 1 call" in said
    assert "Goes out once it is approved" in said
    assert "<b>again</b>" not in answer.content.decode()


def test_what_changed_since_it_was_last_decided_about_is_marked_word_by_word_with_the_reason_given_then(
    sign_in: SignIn, bob: User, ann: User, make_post: MakePost
) -> None:
    post = make_post("pending", text="The set is finally back.")
    client = sign_in(bob)
    decide(client, post, "reject", reason="Say how many.", changes_asked="1")
    channels = list(post.content().channels.all())
    workflow.edit(post.pk, Actor(ann), Content(text="The set of twelve is back.", channels=channels))
    workflow.submit(post.pk, Actor(ann))

    answer = client.get(DESK)

    assert "Changed since revision 1 Bob Lindqvist said then: “Say how many.”" in words(answer)
    assert "<ins>of twelve </ins>is <del>finally </del>back." in answer.content.decode()


def test_a_full_day_needs_a_reason_to_go_on(
    settings: Any, sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    settings.PUBLER_PLAN = "free"
    at = clock.now() + timedelta(hours=5)
    for i in range(12):
        make_post("approved", text=f"{i}", on=["facebook"], scheduled_at=at + timedelta(minutes=i))
    post = make_post("pending", text="One too many", on=["facebook"], scheduled_at=at)
    client = sign_in(bob)
    assert "Full: next free" in shown(client)

    refused = decide(client, post)
    assert refused.status_code == 409
    assert "Facebook: full: next free" in words(refused)
    assert status(post) == "pending"

    assert decide(client, post, go_on="They expect it that day.").status_code == 200
    assert status(post) == "approved"
    assert post.approvals.get().reason == "They expect it that day."


def test_a_connection_that_ends_before_its_time_needs_a_reason_to_go_on(
    settings: Any, sign_in: SignIn, bob: User, connection: Connection, make_post: MakePost
) -> None:
    settings.PUBLER_API_KEY = ""
    now = clock.now()
    Credential.objects.create(
        connection=connection, kind="oauth", made_at=now, ends_at=now + timedelta(days=2)
    )
    late = make_post("pending", title="After", scheduled_at=now + timedelta(days=3))
    soon = make_post("pending", title="Before", scheduled_at=now + timedelta(days=1))
    client = sign_in(bob)

    assert "The connection ends before it" in shown(client, late)
    assert decide(client, late).status_code == 409
    assert "The connection ends before it" not in shown(client, soon)
    assert decide(client, soon).status_code == 200


# ------------------------------------------------------------------------------------------ deciding
def test_an_approval_brings_the_next_one_at_once(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    first, second = make_post("pending", title="First"), make_post("pending", title="Second")
    client = sign_in(bob)
    following = re.search(r'name="next" value="(\d+)"', client.get(DESK).content.decode())
    assert following is not None
    assert int(following[1]) == second.pk

    said = words(decide(client, first, next=second.pk))

    assert "“First” is approved, goes out in 10 s. Undo" in said
    assert "Second Waiting for approval" in said
    assert status(first) == "approved"


def test_nothing_of_an_approval_given_here_is_sent_while_it_can_be_undone(
    sign_in: SignIn, bob: User, connection: Connection, make_post: MakePost
) -> None:
    now = clock.now()
    posts = [make_post("pending"), make_post("pending", text="Past", scheduled_at=now - timedelta(minutes=1))]
    client = sign_in(bob)
    for post in posts:
        decide(client, post)

    assert not batching.queued(connection, clock.now() + timedelta(seconds=10)).exists()
    assert batching.queued(connection, clock.now() + timedelta(seconds=14)).count() == 2


def test_an_approval_is_undone_and_can_be_given_again(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending", on=["twitter", "facebook"])
    client = sign_in(bob)
    decide(client, post)

    said = words(decide(client, post, "undo"))

    assert "waits for approval again. Nothing of it went out." in said
    assert status(post) == "pending"
    assert set(post.deliveries.values_list("status", flat=True)) == {"cancelled"}
    decide(client, post)
    assert post.deliveries.filter(status="queued").count() == 2


def test_a_rejection_is_undone(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("pending")
    client = sign_in(bob)
    decide(client, post, "reject", reason="Not now.")
    assert status(post) == "rejected"
    decide(client, post, "undo")
    assert status(post) == "pending"


def test_an_undo_after_it_was_sent_says_that_it_is_too_late(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    client = sign_in(bob)
    for ends, says in (
        ("sending", "Too late to undo it: it is with Publer for X"),
        ("published", "it is now"),
    ):
        post = make_post("pending", text=ends)
        decide(client, post)
        send(post, ends)
        answer = decide(client, post, "undo")
        assert answer.status_code == 409
        assert says in words(answer)
        assert status(post) in ("approved", "published")


def test_a_decision_is_undone_by_whoever_made_it_and_not_an_hour_later(
    sign_in: SignIn, bob: User, carla: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = make_post("pending")
    decide(sign_in(bob), post)
    assert "That decision is Bob Lindqvist's" in words(decide(sign_in(carla), post, "undo"))
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert "Too late to undo it: it was decided at" in words(decide(sign_in(bob), post, "undo"))
    assert status(post) == "approved"


def test_a_rejection_needs_a_reason_typed_or_quick_and_keeps_what_was_chosen(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post, other = make_post("pending"), make_post("pending", text="Another")
    client = sign_in(bob)

    refused = decide(client, post, "reject", reason=" ", changes_asked="1")
    assert refused.status_code == 409
    assert "Not rejected Happened Say why" in words(refused)
    assert 'name="changes_asked" value="1" checked' in refused.content.decode()

    decide(
        client,
        post,
        "reject",
        quick=["Tone", "Fact is wrong"],
        reason="€52 since yesterday.",
        changes_asked="1",
    )
    decide(client, other, "reject", quick="Not now")
    assert post.approvals.get().reason == "Fact is wrong, tone: €52 since yesterday."
    assert post.approvals.get().changes_asked
    assert other.approvals.get().reason == "Not now."


# ------------------------------------------------------------------------- what is never decided here
def test_a_page_that_was_drawn_before_a_change_approves_and_rejects_nothing(
    sign_in: SignIn, bob: User, carla: User, make_post: MakePost
) -> None:
    post = make_post("pending")
    stale = post.content().content_hash
    content = Content(text="Other words.", channels=list(post.content().channels.all()))
    workflow.edit(post.pk, Actor(carla), content)
    client = sign_in(bob)

    for do in ("approve", "reject"):
        form = {"post": post.pk, "do": do, "shown_hash": stale, "reason": "No."}
        answer = client.post(DESK, form)
        assert answer.status_code == 409
        assert "It was changed after your page was drawn: look at it again." in words(answer)
        assert "Other words." in words(answer)
        assert client.post(DESK, {**form, "shown_hash": ""}).status_code == 409
    assert status(post) == "pending"
    assert not Delivery.objects.exists()


def test_the_second_of_two_people_is_told_who_was_first(
    sign_in: SignIn, bob: User, carla: User, make_post: MakePost
) -> None:
    post, other = make_post("pending"), make_post("pending", text="Another")
    decide(sign_in(carla), post)
    decide(sign_in(carla), other, "reject", reason="Tone.")

    answer = decide(sign_in(bob), post, "reject", reason="Not now.")
    assert answer.status_code == 409
    assert re.search(r"Carla Diaz approved it at \d\d:\d\d; it is now: approved\.", words(answer))
    answer = decide(sign_in(bob), other)
    assert "Carla Diaz rejected it" in words(answer)
    assert "(“Tone.”); it is now: rejected." in words(answer)
    assert (status(post), status(other)) == ("approved", "rejected")
    assert post.approvals.count() == other.approvals.count() == 1


def test_nobody_approves_their_own_by_any_form(
    sign_in: SignIn, bob: User, root: User, make_post: MakePost
) -> None:
    for person in (bob, root):
        post = make_post("pending", text=f"By {person}", by=person)
        client = sign_in(person)
        page = client.get(DESK, {"post": post.pk})
        assert "Needs a second person: you wrote this post" in words(page)
        assert 'value="approve"' not in page.content.decode()
        for more in ({}, {"go_on": "Please."}, {"next": post.pk}):
            assert decide(client, post, **more).status_code == 409
        assert status(post) == "pending"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"post": "1"},
        {"do": "approve", "post": "no number"},
        {"do": "approve", "post": "9" * 30},
        {"do": "approve", "post": "999999"},
        {"do": "publish"},
        {"do": "approve", "next": "%00"},
    ],
)
def test_a_crafted_form_gets_an_answer_and_decides_nothing(
    sign_in: SignIn, bob: User, make_post: MakePost, form: dict[str, str]
) -> None:
    post = make_post("pending")
    answer = sign_in(bob).post(DESK, {"post": str(post.pk), **form})
    assert answer.status_code == 409
    assert status(post) == "pending"


def test_a_get_decides_nothing_and_a_post_needs_its_token(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending")
    form = {"post": str(post.pk), "do": "approve", "shown_hash": post.content().content_hash}
    sign_in(bob).get(DESK, form)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(bob)
    assert strict.post(DESK, form).status_code == 403
    assert status(post) == "pending"


def test_more_than_the_queue_lists_are_counted(
    sign_in: SignIn, bob: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "SHOWN", 2)
    for i in range(5):
        make_post("pending", text=f"Post {i}", title=f"Post {i}")
    said = shown(sign_in(bob))
    assert "Waiting 5 soonest first" in said
    assert "3 more, once these are decided" in said


def test_what_publers_limit_holds_back_is_told(
    sign_in: SignIn, bob: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.ratelimit import LimiterState

    now = clock.now()
    full = LimiterState(100, 0, now + timedelta(seconds=40), None, "")
    monkeypatch.setattr(connect, "limiter_state", lambda: (full, False))
    make_post("pending")
    assert re.search(r"1 post in 1 call about (40|39) s", shown(sign_in(bob)))


# ------------------------------------------------------------------------------- not decided in time
@pytest.fixture
def expired(make_post: MakePost) -> Post:
    at = clock.now() - timedelta(minutes=9)
    post = make_post("pending", title="Too late", scheduled_at=at)
    Channel.objects.update(slots=[["09:00"]] * 7)
    return post


def test_what_was_not_decided_in_time_asks_what_becomes_of_it(
    sign_in: SignIn, bob: User, expired: Post
) -> None:
    said = shown(sign_in(bob), expired)

    assert "Its time passed undecided: what becomes of it?" in said
    for words_of_it in ("Approve and send now", "Next free slot, ", "Drop it"):
        assert words_of_it in said


def test_it_goes_out_now_by_a_second_person_and_can_be_undone(
    sign_in: SignIn, bob: User, expired: Post
) -> None:
    client = sign_in(bob)

    said = words(decide(client, expired, "now"))

    assert "“Too late” is approved, goes out within a minute." in said
    assert status(expired) == "approved"
    assert "waits for approval again" in words(decide(client, expired, "undo"))
    assert status(expired) == "pending"


def test_it_gets_the_next_free_slot_and_waits_for_it(sign_in: SignIn, bob: User, expired: Post) -> None:
    said = words(decide(sign_in(bob), expired, "slot"))

    assert "“Too late” has another time, " in said
    assert status(expired) == "pending"
    assert (expired.scheduled_at or clock.now()) > clock.now()


def test_it_is_dropped(sign_in: SignIn, bob: User, expired: Post) -> None:
    assert "“Too late” is dropped" in words(decide(sign_in(bob), expired, "drop"))
    assert status(expired) == "cancelled"


def test_nobody_sends_their_own_though_it_was_not_decided_in_time(
    sign_in: SignIn, make_post: MakePost, bob: User
) -> None:
    own = make_post("pending", by=bob, title="Mine", scheduled_at=clock.now() - timedelta(minutes=9))
    client = sign_in(bob)

    assert "Approve and send now" not in shown(client, own)
    assert decide(client, own, "now").status_code == 409
    assert status(own) == "pending"


def test_what_still_has_time_has_none_of_these(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("pending", scheduled_at=clock.now() + timedelta(days=1))
    client = sign_in(bob)

    assert "what becomes of it?" not in shown(client, post)
    assert decide(client, post, "drop").status_code == 409
    assert status(post) == "pending"


def test_where_the_connection_ended_it_is_not_sent_now(
    sign_in: SignIn, bob: User, expired: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("social.forecast.end_of", lambda _: clock.now() - timedelta(hours=1))

    assert "Give it another time, or drop it." in words(decide(sign_in(bob), expired, "now"))
    assert status(expired) == "pending"
