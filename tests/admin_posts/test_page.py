"""One post's page: what may be done now, what became of it, and that looking changes nothing."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.connections import Connection
from integrations.publer.types import Failure
from social import clock, workflow
from social.models import ApiToken, Approval, Channel, Delivery, Event, Media, Post, Revision, Submission
from social.publishing import polling
from social.workflow import Actor
from social.workflow import deliveries as steps
from tests.admin_posts.made import MakePost, SignIn, only
from tests.admin_posts.said import LIST, page, told, words

pytestmark = pytest.mark.django_db
S = Post.Status


def do(client: Client, post: Post, verb: str, **more: Any) -> Any:
    return client.post(f"{LIST}{post.pk}/do/", {"verb": verb, **more})


def buttons(client: Client, post: Post) -> set[str]:
    body = client.get(page(post.pk)).content.decode()
    head = body[body.index('id="hd-post-verbs"') :]
    head = head[: head.index("</div>")]
    verbs = {name for name in _VERBS if f'name="verb" value="{name}"' in head}
    return verbs | ({"reject"} if "hd-reject" in head else set())


_VERBS = ("approve", "submit", "withdraw", "publish", "recall", "cancel", "retry")


@pytest.mark.parametrize(
    ("who", "state", "may"),
    [
        ("ann", "draft", {"submit", "cancel"}),
        ("ann", "pending", {"withdraw", "cancel"}),
        ("ann", "approved", {"cancel", "withdraw"}),
        ("bob", "draft", {"submit", "cancel"}),
        ("bob", "pending", {"approve", "reject", "withdraw", "cancel"}),
        ("bob", "approved", {"publish", "recall", "cancel", "withdraw"}),
        ("bob", "published", set()),
        ("olga", "pending", {"cancel"}),
        ("olga", "failed", {"retry", "cancel"}),
        ("olga", "sending", set()),
    ],
)
def test_the_buttons_are_those_that_this_person_may_press_now(
    who: str,
    state: str,
    may: set[str],
    request: pytest.FixtureRequest,
    sign_in: SignIn,
    make_post: MakePost,
) -> None:
    post = make_post(state)

    assert buttons(sign_in(request.getfixturevalue(who)), post) == may


def test_who_wrote_it_reads_why_somebody_else_approves(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending", by=bob)
    client = sign_in(bob)

    assert "approve" not in buttons(client, post)
    assert "Needs a second person: you wrote this post" in words(client.get(page(post.pk)))


def test_an_approval_carries_the_hash_that_the_page_showed(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending")
    shown = post.content().content_hash
    client = sign_in(bob)
    assert f'name="shown_hash" value="{shown}"' in client.get(page(post.pk)).content.decode()
    workflow.edit(post.pk, Actor(bob), replace(workflow.content_of(post.content()), text="Changed"))

    do(client, post, "approve", shown_hash=shown)

    post.refresh_from_db()
    assert post.status == S.PENDING
    assert "It was changed after your page was drawn" in told(client)


def test_the_second_of_two_is_told_who_was_first_and_what_was_decided(
    sign_in: SignIn, bob: User, root: User, make_post: MakePost
) -> None:
    post = make_post("pending")
    second = sign_in(root)
    do(sign_in(bob), post, "reject", reason="The price is wrong.")

    do(second, post, "approve", shown_hash=post.content().content_hash)

    said = told(second)
    post.refresh_from_db()
    assert post.status == S.REJECTED
    assert "Bob Lindqvist rejected it at" in said
    assert "(“The price is wrong.”)" in said


def test_a_rejection_without_a_reason_is_none(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("pending")
    client = sign_in(bob)

    do(client, post, "reject", reason=" ")

    post.refresh_from_db()
    assert post.status == S.PENDING
    assert "Say why" in told(client)


def test_changes_can_be_asked_for(sign_in: SignIn, ann: User, bob: User, make_post: MakePost) -> None:
    post = make_post("pending")

    do(sign_in(bob), post, "reject", reason="Name the colours.", changes_asked="1")

    said = words(sign_in(ann).get(page(post.pk)))
    assert "Changes asked" in said
    assert "Bob Lindqvist asked for changes" in said
    assert "Name the colours." in said


@pytest.mark.parametrize(
    ("who", "verb", "state"),
    [
        ("ann", "approve", "pending"),
        ("ann", "publish", "approved"),
        ("ann", "recall", "approved"),
        ("olga", "approve", "pending"),
        ("olga", "reject", "pending"),
        ("ann", "settle", "decide"),
        ("ann", "stop", "failed"),
    ],
)
def test_a_forged_verb_changes_nothing(
    who: str,
    verb: str,
    state: str,
    request: pytest.FixtureRequest,
    sign_in: SignIn,
    make_post: MakePost,
    root: User,
) -> None:
    post = make_post(state, by=root) if verb == "stop" else make_post(state)
    before = (post.status, only(post).status if post.deliveries.exists() else "")

    do(
        sign_in(request.getfixturevalue(who)),
        post,
        verb,
        reason="Forged",
        outcome="drop",
        delivery=getattr(post.deliveries.first(), "pk", 0),
    )

    post.refresh_from_db()
    assert (post.status, only(post).status if post.deliveries.exists() else "") == before


@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_who_may_not_see_it_gets_nothing(
    who: str, request: pytest.FixtureRequest, sign_in: SignIn, make_post: MakePost
) -> None:
    post = make_post("published")
    client = Client() if who == "stranger" else sign_in(request.getfixturevalue(who))

    for path in ("change/", "fate/", "receipt/"):
        assert client.get(f"{LIST}{post.pk}/{path}").status_code in (302, 403)
    assert do(client, post, "cancel").status_code in (302, 403)


def test_looking_changes_nothing(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    posts = [
        make_post(state, text=state) for state in ("draft", "pending", "approved", "decide", "published")
    ]
    client = sign_in(bob)
    models = (Post, Revision, Approval, Delivery, Event, Media)
    before = [list(model.objects.order_by("pk").values()) for model in models]

    for post in posts:
        for path in ("change/", "fate/", "receipt/", "history/"):
            client.get(f"{LIST}{post.pk}/{path}")
        assert client.get(f"{LIST}{post.pk}/do/?verb=cancel").status_code == 405
        assert client.get(f"{LIST}{post.pk}/delete/").status_code == 403

    assert [list(model.objects.order_by("pk").values()) for model in models] == before


def test_every_post_needs_the_csrf_token(bob: User, make_post: MakePost) -> None:
    post = make_post("pending")
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)

    assert do(client, post, "approve").status_code == 403
    assert client.post(LIST, {"action": "approve_posts", "_selected_action": [post.pk]}).status_code == 403
    assert client.post(page(post.pk), {"text": "x", "_save": "1"}).status_code == 403


# ------------------------------------------------------------------------------------ what became of it
def test_a_delivery_says_what_failed_and_what_publer_said(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("failed")

    answer = sign_in(bob).get(page(post.pk))

    said = words(answer)
    assert "X did not take it. Nothing was posted." in said
    assert "What Publer said" in said
    assert '{"error": "<b>187</b>"}' in said
    assert "<b>187</b>" not in answer.content.decode()


def test_one_channel_can_be_tried_again_or_given_up(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("failed", on=["twitter", "facebook"])
    twitter, facebook = (post.deliveries.get(channel__network=name) for name in ("twitter", "facebook"))
    client = sign_in(bob)

    do(client, post, "retry", delivery=twitter.pk)
    do(client, post, "stop", delivery=facebook.pk)

    twitter.refresh_from_db()
    facebook.refresh_from_db()
    assert (twitter.status, facebook.status) == ("queued", "cancelled")


def test_a_delivery_of_another_post_is_not_reached(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post, other = make_post("failed", text="One"), make_post("failed", text="Two")
    client = sign_in(bob)

    do(client, post, "stop", delivery=only(other).pk)
    do(client, post, "retry", delivery="1; drop")

    assert (only(post).status, only(other).status) == ("failed", "failed")


def test_what_nobody_knows_is_decided_by_a_person_who_is_named(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("decide")
    client = sign_in(bob)
    said = words(client.get(page(post.pk)))
    for part in ("Did this go out on X?", "It is live", "Send it again", "Drop", "job-1"):
        assert part in said

    do(client, post, "settle", delivery=only(post).pk, outcome="live", permalink="https://x.com/kiln/1")

    row = only(post)
    event = Event.objects.filter(verb="settle").get()
    assert (row.status, row.permalink) == ("published", "https://x.com/kiln/1")
    assert event.actor == bob


def test_a_link_that_is_none_decides_nothing(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("decide")

    do(
        sign_in(bob),
        post,
        "settle",
        delivery=only(post).pk,
        outcome="live",
        permalink="javascript:alert(1)",
    )

    assert only(post).status == "unconfirmed"


def test_it_is_sent_again_only_after_a_fresh_look(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("decide")
    client = sign_in(bob)

    do(client, post, "settle", delivery=only(post).pk, outcome="again")
    assert only(post).status == "unconfirmed"
    assert "fresh look" in told(client)

    now = clock.now()
    Delivery.objects.filter(post=post).update(looked_from=now, quiet_from=now - timedelta(hours=1))
    do(client, post, "settle", delivery=only(post).pk, outcome="again")
    assert only(post).status == "queued"


def test_candidates_are_shown_beside_what_was_sent(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("decide")
    candidate = {"id": "1", "text": "Other words", "state": "published", "at": None, "link": "javascript:x"}
    Delivery.objects.filter(post=post).update(candidates=[candidate], looked_from=clock.now())

    answer = sign_in(bob).get(page(post.pk))

    assert "What Publer lists Other words" in words(answer)
    assert 'href="javascript:' not in answer.content.decode()


def test_a_live_text_that_differs_says_where(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("published", text="The set is €96 now.")
    Delivery.objects.filter(post=post).update(live_text="The set is €89 now.")

    answer = sign_in(bob).get(page(post.pk))

    assert "<del>€96</del> <ins>€89</ins>" in answer.content.decode()


def test_the_page_looks_again_by_itself_only_while_something_is_on_its_way(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    flying, done = make_post("sending", text="Flying"), make_post("published", text="Out")
    client = sign_in(bob)

    page_of_flying = client.get(page(flying.pk))
    assert 'hx-trigger="every 2s"' in page_of_flying.content.decode()
    assert "every 2s" not in client.get(page(done.pk)).content.decode()

    seen = page_of_flying.context["seen"]
    assert client.get(f"{LIST}{flying.pk}/fate/?seen={seen}").status_code == 204
    row = only(flying)
    steps.move(row, "taken over", submission=row.submission)
    changed = client.get(f"{LIST}{flying.pk}/fate/?seen={seen}")
    assert changed.status_code == 200
    assert "Publer is working on it" in words(changed)
    steps.move(row, "published", provider_post_id="p", published_at=clock.now())
    assert "every 2s" not in client.get(f"{LIST}{flying.pk}/fate/?seen={seen}").content.decode()


def test_the_receipt_says_what_went_out_and_on_whose_word(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("published")

    answer = sign_in(bob).get(f"{LIST}{post.pk}/receipt/")

    receipt = json.loads(answer.content)
    assert answer["Content-Disposition"] == f'attachment; filename="receipt-{post.pk}.json"'
    assert receipt["approved_by"] == "Bob Lindqvist"
    assert receipt["content_hash"] == post.content().content_hash
    assert receipt["job_ids"] == ["job-1"]
    assert receipt["deliveries"][0]["permalink"].startswith("https://example.com/")


def test_the_timeline_names_people_programs_and_reasons(
    sign_in: SignIn, bob: User, ann: User, make_post: MakePost
) -> None:
    token, _ = ApiToken.issue(user_id=ann.pk, name="content-agent", scopes=["posts:write"])
    post = make_post("rejected", token=token)

    said = words(sign_in(bob).get(page(post.pk)))

    assert "Bob Lindqvist rejected it Not now." in said
    assert "content-agent asked for approval" in said
    assert "content-agent proposed this post" in said


def test_a_post_that_is_not_there_is_said_in_words(sign_in: SignIn, bob: User) -> None:
    client = sign_in(bob)

    assert client.get(f"{LIST}999/change/").status_code == 302
    assert "There is no such post." in told(client)
    assert client.get(f"{LIST}999/receipt/").status_code == 404


def test_the_queries_of_a_page_do_not_grow_with_its_history(
    sign_in: SignIn, bob: User, make_post: MakePost, django_assert_max_num_queries: Any
) -> None:
    post = make_post("published", on=["twitter", "facebook", "bluesky"])
    for i in range(20):
        workflow.create(Actor(bob), workflow.content_of(post.content()), title=f"Other {i}")
    client = sign_in(bob)
    client.get(page(post.pk))

    with django_assert_max_num_queries(75):
        client.get(page(post.pk))


def test_what_publer_refused_is_not_called_sent(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("sending")
    steps.move(only(post), "refused", submission=only(post).submission)

    said = words(sign_in(bob).get(page(post.pk)))

    assert "Publer has nothing of it now." in said
    assert "same as approved" not in said


def test_an_approval_that_does_not_say_what_was_shown_is_refused(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending")
    client = sign_in(bob)
    do(client, post, "approve")
    assert Post.objects.get(pk=post.pk).status == "pending"
    assert "load it again" in told(client)


# ------------------------------------------------------------------------------- failures, and the desk
@pytest.mark.parametrize(
    ("said", "words_of_it", "leads_to"),
    [
        ("Text is too long: 300 characters, the limit is 280", "X finds the text too long", "#id_text"),
        ("Error validating access token: the session expired", "Connect the account anew", "127.0.0.1:1/"),
        ("Nobody ever said this before", "Nobody ever said this before", ""),
    ],
)
def test_a_failure_says_what_to_do_and_leads_there(
    said: str, words_of_it: str, leads_to: str, sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("sending")
    row = only(post)
    steps.move(row, "taken over", submission=row.submission)
    polling._failed(row, row.submission, Failure(account_id="acc-twitter", message=said), clock.now())  # type: ignore[arg-type]

    answer = sign_in(bob).get(page(post.pk))

    assert words_of_it in words(answer)
    assert said in words(answer)  # as it came, one click away
    why = answer.content.decode().split('class="hd-dlv-why"')[1].split("</details>")[0]
    assert (
        (f'href="http://{leads_to}"' in why or f'href="{leads_to}"' in why) if leads_to else "href" not in why
    )


def test_a_failed_delivery_was_due_and_is_not_due(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    said = words(sign_in(bob).get(page(make_post("failed").pk)))
    assert "was due" in said
    assert "Failed due" not in said


def test_what_carried_a_channel_is_what_publer_refused(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("sending", on=["bluesky", "facebook"])
    for row in post.deliveries.all():
        steps.move(row, "refused", submission=row.submission)

    said = words(sign_in(bob).get(page(post.pk)))

    assert "Publer refused a request that carried Bluesky and Facebook: tried again" in said


def test_the_desk_says_what_is_known_and_where_to_look(
    sign_in: SignIn, bob: User, make_post: MakePost, channels: dict[str, Channel]
) -> None:
    Channel.objects.filter(pk=channels["twitter"].pk).update(social_id="123456", name="Kiln & Linen")
    post = make_post("decide")
    row = only(post)
    Submission.objects.update(polls=14, job_state="working", polled_at=clock.now(), answered_at=clock.now())
    Delivery.objects.filter(pk=row.pk).update(looked_from=clock.now(), goes_at=clock.now())

    answer = sign_in(bob).get(page(post.pk))

    said = words(answer)
    for part in (
        "We sent it once, at",
        "Publer accepted the job job-1",
        "Asked 14 times since, the last answer was “working”",
        "Not in Publer's list, read from end to end",
        "X: 0 of 100 used in 24 hours; the connection is fine",
        "Publer, job job-1",
        "Your name and choice go into the audit trail",
    ):
        assert part in said, part
    body = answer.content.decode()
    assert 'href="https://x.com/intent/user?user_id=123456"' in body
    assert 'href="http://127.0.0.1:1/"' in body


def test_where_publer_cannot_be_listed_it_stays_not_confirmed_and_says_so(
    sign_in: SignIn, bob: User, make_post: MakePost, connection: Connection
) -> None:
    post = make_post("decide")
    words_of_it = "Publer cannot be reached: its name is not known."
    Connection.objects.update(trouble="unreachable", trouble_words=words_of_it, trouble_since=clock.now())

    said = words(sign_in(bob).get(page(post.pk)))

    assert f"{words_of_it} Nothing can be looked for meanwhile" in said
    assert "Publer's list could not be read from end to end yet" in said
    assert only(post).status == "unconfirmed"


def test_both_answers_weigh_the_same_and_drop_stands_beside(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    body = sign_in(bob).get(page(make_post("decide").pk)).content.decode()
    live, again = (body.split(f'value="{value}"')[0].rpartition("<button")[2] for value in ("live", "again"))
    assert live == again
    assert "hd-pri" not in body.split('class="hd-decide"')[1].split("</form>")[0]


def test_who_decided_stands_in_what_happened(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("decide")
    client = sign_in(bob)
    do(client, post, "settle", delivery=only(post).pk, outcome="drop")
    assert "Bob Lindqvist decided: X: Kiln & Linen: Drop" in words(client.get(page(post.pk)))


def test_what_may_be_live_twice_is_shown_and_nothing_is_deleted(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("published")
    candidate = {
        "id": "other",
        "text": "The Moss set is back.",
        "state": "published",
        "at": clock.now().isoformat(),
        "link": "https://x.com/kiln/2",
    }
    Delivery.objects.filter(post=post).update(
        candidates=[candidate], problem="Live twice? Publer lists another."
    )

    answer = sign_in(bob).get(page(post.pk))

    said = words(answer)
    assert "Is this live twice on X?" in said
    assert "Nothing is taken off unasked" in said
    assert 'href="https://x.com/kiln/2"' in answer.content.decode()
    assert "https://example.com/" in answer.content.decode()


def test_a_page_follows_a_look_that_somebody_asked_for(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("decide")
    client = sign_in(bob)
    Delivery.objects.update(next_look_at=clock.now() + timedelta(minutes=10))
    assert "every 2s" not in client.get(page(post.pk)).content.decode()
    do(client, post, "settle", delivery=only(post).pk, outcome="again")
    followed = client.get(page(post.pk))
    assert "every 2s" in followed.content.decode()
    now = clock.now()
    Delivery.objects.update(next_look_at=now + timedelta(minutes=10), looked_from=now)
    seen = followed.context["seen"]
    assert client.get(f"{LIST}{post.pk}/fate/?seen={seen}").status_code == 200


# ------------------------------------------------------------------------------------ what people do
def test_an_approver_is_called_as_they_were_then(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("published")
    User.objects.filter(pk=bob.pk).update(first_name="Roberta", last_name="Other")
    client = sign_in(User.objects.get(pk=bob.pk))

    said = words(client.get(page(post.pk)))

    assert "Approved by Bob Lindqvist" in said
    assert "approved by Bob Lindqvist" in words(client.get(LIST))
    assert json.loads(client.get(f"{LIST}{post.pk}/receipt/").content)["approved_by"] == "Bob Lindqvist"


def test_an_approval_from_before_names_were_kept_has_the_name_of_today(
    bob: User, make_post: MakePost
) -> None:
    row = make_post("approved").approvals.get()
    row.user_name = None
    assert row.by == "Bob Lindqvist"


def hand_over(post: Post) -> None:
    """As `make_post("scheduled")`, for half an hour from now."""
    Delivery.objects.filter(post=post).update(due_at=clock.now() + timedelta(minutes=30))


def test_an_edit_of_what_publer_has_says_beforehand_and_after_what_happens(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post = make_post("scheduled")
    hand_over(post)
    client = sign_in(ann)
    assert "Publer has it for later: an edit takes it off there first" in words(client.get(page(post.pk)))

    client.post(
        page(post.pk),
        {
            "title": "Moss dinner set",
            "text": "Another text",
            "channels": [only(post).channel_id],
            "shown_hash": post.content().content_hash,
            "_submit": "1",
        },
    )

    post.refresh_from_db()
    assert (post.status, post.content().number, only(post).recall) == ("scheduled", 1, "cancel")
    told_then = told(client)
    assert "is changed as soon as Publer has let go of it; then it waits for approval" in told_then
    said = words(client.get(page(post.pk)))
    assert "Being recalled: Publer is asked to take it off; then its new version asks for approval." in said
    assert "A change to it waits until Publer has let go of it" in said
    assert "Ann Weber wrote revision 2, once Publer has let go of it" in said


def test_an_approval_can_be_taken_back(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("approved")
    client = sign_in(bob)
    assert "Take approval back" in words(client.get(page(post.pk)))
    do(client, post, "withdraw")
    said = words(client.get(page(post.pk)))
    assert Post.objects.get(pk=post.pk).status == "draft"
    assert "Bob Lindqvist took the approval back" in said
    assert "Approved by nobody yet" in said


def test_a_change_that_came_too_late_is_said_on_the_page(
    sign_in: SignIn, ann: User, bob: User, make_post: MakePost
) -> None:
    post = make_post("scheduled")
    hand_over(post)
    workflow.edit(post.pk, Actor(ann), replace(workflow.content_of(post.content()), text="Other words"))
    steps.move(only(post), "published", published_at=clock.now(), recall="")

    said = words(sign_in(bob).get(page(post.pk)))

    assert "A change came too late. It was public on X: Kiln & Linen before Publer had taken it off." in said
    assert "The Moss set is back." in said
