"""The bulk actions of the list: each post is decided alone, by who may, before the page answers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from social import clock, workflow
from social.admin import post_actions
from social.models import ApiToken, Approval, Delivery, Event, Post
from social.publishing import outbox
from social.workflow import Actor
from tests.admin_posts.made import MakePost, SignIn, only
from tests.admin_posts.said import LIST, told, words

pytestmark = pytest.mark.django_db
S = Post.Status


def do(client: Any, action: str, *posts: Post, **more: Any) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": [post.pk for post in posts], **more})


def statuses(*posts: Post) -> list[str]:
    return [Post.objects.get(pk=post.pk).status for post in posts]


def test_an_approver_approves_many_at_once(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    posts = [make_post("pending", text=f"Post {i}") for i in range(3)]
    client = sign_in(bob)

    answer = do(client, "approve_posts", *posts)

    assert answer.status_code == 302
    assert statuses(*posts) == [S.APPROVED] * 3
    assert Delivery.objects.filter(status="queued").count() == 3
    assert "3 posts approved." in told(client)


def test_what_is_left_alone_is_told_with_its_reason(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    waiting = make_post("pending", text="One")
    done = make_post("approved", text="Two", title="Linen care")
    client = sign_in(bob)

    do(client, "approve_posts", waiting, done)

    said = told(client)
    assert statuses(waiting, done) == [S.APPROVED, S.APPROVED]
    assert "1 post approved." in said
    assert "Left alone: “Linen care”: Bob Lindqvist approved it at" in said
    assert Approval.objects.filter(post=done).count() == 1


def test_many_left_alone_are_grouped_and_the_list_is_bounded(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    drafts = [make_post("draft", text=f"Draft {i}", title=f"Draft {i}") for i in range(8)]
    client = sign_in(bob)

    do(client, "approve_posts", *drafts)

    said = told(client)
    # Made by one person within a minute or two: one reason, or two.
    assert said.count("Left alone:") <= 2
    assert " more: It is now: draft (by Ann Weber" in said


def test_an_approval_is_of_what_the_page_showed(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post, same = make_post("pending", text="Before"), make_post("pending", text="Same")
    shown = {f"shown_hash_{p.pk}": p.content().content_hash for p in (post, same)}
    workflow.edit(post.pk, Actor(bob), _content(post, "After"))
    client = sign_in(bob)

    do(client, "approve_posts", post, same, **shown)

    assert statuses(post, same) == [S.PENDING, S.APPROVED]
    assert "It was changed after your page was drawn" in told(client)


def test_every_row_carries_the_hash_of_its_content(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("pending")

    page = sign_in(bob).get(LIST).content.decode()

    assert f'name="shown_hash_{post.pk}" value="{post.content().content_hash}"' in page


def test_nobody_approves_their_own_not_even_a_superuser(
    sign_in: SignIn, bob: User, root: User, make_post: MakePost
) -> None:
    own, super_own = make_post("pending", by=bob), make_post("pending", by=root, text="Root's")

    bobs, roots = sign_in(bob), sign_in(root)
    do(bobs, "approve_posts", own)
    do(roots, "approve_posts", super_own)

    assert statuses(own, super_own) == [S.PENDING, S.PENDING]
    assert "Needs a second person: you wrote this post" in told(bobs)
    assert "Needs a second person: you wrote this post" in told(roots)


def test_who_answers_for_a_program_does_not_approve_what_it_proposed(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    token, _ = ApiToken.issue(user_id=bob.pk, name="content-agent", scopes=["posts:write"])
    post = make_post("pending", by=bob, token=token)

    do(sign_in(bob), "approve_posts", post)

    assert statuses(post) == [S.PENDING]


def test_rejecting_asks_for_a_reason_on_a_page_of_its_own(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending", title="Advent candle")

    answer = do(sign_in(bob), "reject_posts", post)

    assert answer.status_code == 200
    assert statuses(post) == [S.PENDING]
    body = answer.content.decode()
    for field in ('name="action" value="reject_posts"', 'name="apply" value="1"', 'name="reason"'):
        assert field in body
    assert f'name="_selected_action" value="{post.pk}"' in body
    assert "Advent candle" in words(answer)


def test_the_reason_of_a_rejection_is_kept(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    posts = [make_post("pending", text=f"Post {i}") for i in range(2)]

    do(sign_in(bob), "reject_posts", *posts, apply="1", reason="  The price is wrong.  ")

    assert statuses(*posts) == [S.REJECTED, S.REJECTED]
    assert {a.reason for a in Approval.objects.filter(decision="rejected")} == {"The price is wrong."}
    assert {a.user_id for a in Approval.objects.all()} == {bob.pk}


def test_no_reason_no_rejection(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("pending")

    answer = do(sign_in(bob), "reject_posts", post, apply="1", reason="   ")

    assert statuses(post) == [S.PENDING]
    assert "Say why" in words(answer)


def test_a_rejection_is_of_what_the_page_showed(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("pending", text="Before")
    shown = post.content().content_hash
    client = sign_in(bob)
    asked = do(client, "reject_posts", post, **{f"shown_hash_{post.pk}": shown})
    assert f'name="shown_hash_{post.pk}" value="{shown}"' in asked.content.decode()
    workflow.edit(post.pk, Actor(bob), _content(post, "After"))

    do(client, "reject_posts", post, apply="1", reason="No.", **{f"shown_hash_{post.pk}": shown})

    assert statuses(post) == [S.PENDING]


def test_an_author_submits_drafts_and_reads_why_one_cannot_be(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    good, long = make_post("draft"), make_post("draft", text="x" * 281, title="Too long")
    client = sign_in(ann)

    do(client, "submit_posts", good, long)

    assert statuses(good, long) == [S.PENDING, S.DRAFT]
    assert "“Too long”: X allows 280 characters; this text has 281." in told(client)


def test_retrying_queues_what_failed(sign_in: SignIn, olga: User, make_post: MakePost) -> None:
    failed, published = make_post("failed"), make_post("published", text="Out")
    client = sign_in(olga)

    do(client, "retry_posts", failed, published)

    assert only(failed).status == "queued"
    assert only(published).status == "published"
    assert "1 post queued again." in told(client)


def test_recalling_takes_back_what_is_queued_and_asks_publer_for_what_it_has(
    sign_in: SignIn, olga: User, make_post: MakePost
) -> None:
    in_an_hour = clock.now() + timedelta(hours=1)
    queued = make_post("approved")
    scheduled = make_post("scheduled", text="Later", scheduled_at=in_an_hour)
    client = sign_in(olga)

    do(client, "recall_posts", queued, scheduled)

    assert only(queued).status == "cancelled"
    assert (only(scheduled).status, only(scheduled).recall) == ("scheduled", "cancel")


def test_cancelling_leaves_alone_what_is_on_its_way(sign_in: SignIn, olga: User, make_post: MakePost) -> None:
    draft, flying = make_post("draft"), make_post("sending", text="Going", title="Flying")
    client = sign_in(olga)

    do(client, "cancel_posts", draft, flying)

    assert statuses(draft, flying) == [S.CANCELLED, S.APPROVED]
    assert "“Flying”: It is on its way to X" in told(client)


def test_an_author_cancels_only_their_own(sign_in: SignIn, ann: User, bob: User, make_post: MakePost) -> None:
    own, other = make_post("draft"), make_post("draft", by=bob, text="Bob's")

    do(sign_in(ann), "cancel_posts", own, other)

    assert statuses(own, other) == [S.CANCELLED, S.DRAFT]


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ("ann", {"submit_posts", "retry_posts", "cancel_posts"}),
        (
            "bob",
            {"submit_posts", "approve_posts", "reject_posts", "retry_posts", "recall_posts", "cancel_posts"},
        ),
        ("olga", {"retry_posts", "recall_posts", "cancel_posts"}),
    ],
)
def test_each_group_sees_its_own_actions(
    who: str, sees: set[str], request: pytest.FixtureRequest, sign_in: SignIn, make_post: MakePost
) -> None:
    make_post("pending")

    body = sign_in(request.getfixturevalue(who)).get(LIST).content.decode()

    shown = {name for name in _ALL if f'name="action" value="{name}"' in body}
    assert shown == sees


_ALL = ("submit_posts", "approve_posts", "reject_posts", "retry_posts", "recall_posts", "cancel_posts")


@pytest.mark.parametrize(
    ("who", "action", "state"),
    [
        ("ann", "approve_posts", "pending"),
        ("ann", "reject_posts", "pending"),
        ("ann", "recall_posts", "scheduled"),
        ("olga", "approve_posts", "pending"),
        ("olga", "submit_posts", "draft"),
        ("nobody", "cancel_posts", "draft"),
        ("nobody", "approve_posts", "pending"),
    ],
)
def test_a_forged_post_changes_nothing(
    who: str, action: str, state: str, request: pytest.FixtureRequest, sign_in: SignIn, make_post: MakePost
) -> None:
    post = make_post(state)
    before, events = statuses(post), Event.objects.count()

    answer = do(sign_in(request.getfixturevalue(who)), action, post, apply="1", reason="Forged")

    assert answer.status_code in (200, 302, 403)
    assert statuses(post) == before
    assert Event.objects.count() == events


def test_nothing_is_deleted_in_bulk_or_alone(sign_in: SignIn, root: User, make_post: MakePost) -> None:
    post = make_post("draft")
    client = sign_in(root)

    assert "delete_selected" not in client.get(LIST).content.decode()
    do(client, "delete_selected", post, post="yes")
    assert client.post(f"{LIST}{post.pk}/delete/", {"post": "yes"}).status_code == 403

    assert statuses(post) == [S.DRAFT]


def test_a_choice_across_all_pages_is_bounded_in_words(
    sign_in: SignIn, bob: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_actions, "MOST", 2)
    posts = [make_post("pending", text=f"Post {i}") for i in range(3)]
    client = sign_in(bob)

    do(client, "approve_posts", posts[0], select_across="1")

    assert statuses(*posts) == [S.PENDING] * 3
    assert "These are more than 2 posts, so nothing was done" in told(client)


def test_a_choice_across_all_pages_acts_on_the_filtered_list(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    waiting = [make_post("pending", text=f"Post {i}") for i in range(2)]
    draft = make_post("draft", text="A draft")

    sign_in(bob).post(
        f"{LIST}?status__exact=pending",
        {"action": "approve_posts", "select_across": "1", "_selected_action": [waiting[0].pk]},
    )

    assert statuses(*waiting, draft) == [S.APPROVED, S.APPROVED, S.DRAFT]


def test_the_database_s_refusal_becomes_words_and_the_others_go_on(
    sign_in: SignIn, bob: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = make_post("pending", text="Bad", title="Bad one"), make_post("pending", text="Good")
    approve = workflow.approve

    def refuse(pk: int, *args: Any, **kwargs: Any) -> Post:
        if pk == bad.pk:
            raise OperationalError("database is locked")
        return approve(pk, *args, **kwargs)

    def refuse_all(shown: dict[int, str], *args: Any) -> dict[int, workflow.Refusal]:
        if bad.pk in shown:
            raise OperationalError("database is locked")
        return {}

    monkeypatch.setattr(workflow, "approve", refuse)
    monkeypatch.setattr(workflow, "approve_all", refuse_all)
    client = sign_in(bob)

    do(client, "approve_posts", bad, good)

    assert statuses(bad, good) == [S.PENDING, S.APPROVED]
    assert "“Bad one”: The database refused it" in told(client)


def test_many_approvals_wake_the_worker_once(
    sign_in: SignIn,
    bob: User,
    make_post: MakePost,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    nudges: list[str] = []
    monkeypatch.setattr(outbox, "nudge", lambda: nudges.append("look now"))
    posts = [make_post("pending", text=f"Post {i}") for i in range(5)]

    with django_capture_on_commit_callbacks(execute=True):
        do(sign_in(bob), "approve_posts", *posts)

    assert nudges == ["look now"]


def test_no_action_works_by_get(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    post = make_post("pending")
    client = sign_in(bob)

    client.get(f"{LIST}?action=approve_posts&_selected_action={post.pk}&index=0")

    assert statuses(post) == [S.PENDING]


def test_the_queries_of_an_approval_are_bounded(
    sign_in: SignIn, bob: User, make_post: MakePost, django_assert_max_num_queries: Any
) -> None:
    posts = [make_post("pending", text=f"Post {i}") for i in range(10)]
    client = sign_in(bob)
    do(client, "approve_posts", make_post("pending", text="Warm"))

    with django_assert_max_num_queries(60):
        do(client, "approve_posts", *posts)


def _content(post: Post, text: str) -> workflow.Content:
    return replace(workflow.content_of(post.content()), text=text)


@pytest.mark.parametrize("action", ["approve_posts", "reject_posts"])
@pytest.mark.parametrize("forged", ["abc", "\x00", "-1", "", "1.0", "²", "9" * 40])
def test_what_is_no_id_is_left_out(
    sign_in: SignIn, bob: User, make_post: MakePost, action: str, forged: str
) -> None:
    post = make_post("pending")

    answer = sign_in(bob).post(
        LIST, {"action": action, "_selected_action": [post.pk, forged], "apply": "1", "reason": "No"}
    )

    assert answer.status_code == 302
    assert statuses(post) == [S.APPROVED if action == "approve_posts" else S.REJECTED]


# ------------------------------------------------------------------------------------- told beforehand
def foresee(client: Any, action: str, *posts: Post, **more: Any) -> str:
    return words(do(client, action, *posts, foresee="1", **more))


def test_what_an_action_would_do_is_told_and_nothing_is_done(
    sign_in: SignIn,
    bob: User,
    make_post: MakePost,
    django_capture_on_commit_callbacks: Any,
) -> None:
    waiting, done = make_post("pending", text="One"), make_post("approved", text="Two", title="Linen care")
    before = Event.objects.count(), Approval.objects.count(), Delivery.objects.count()
    client = sign_in(bob)

    with django_capture_on_commit_callbacks() as kept:
        said = foresee(client, "approve_posts", waiting, done)

    assert "Left alone: “Linen care”: Bob Lindqvist approved it at" in said
    assert statuses(waiting, done) == [S.PENDING, S.APPROVED]
    assert (Event.objects.count(), Approval.objects.count(), Delivery.objects.count()) == before
    assert not kept
    assert "1 post approved." not in told(client)


def test_the_dialog_tells_how_many_it_would_be(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    posts = [make_post("pending", text=f"Post {number}") for number in range(3)]

    answer = do(sign_in(bob), "approve_posts", *posts, make_post("draft", text="Not yet"), foresee="1")

    assert 'data-number="3"' in answer.content.decode()


def test_an_approval_of_many_is_told_what_it_would_run_into(
    sign_in: SignIn, bob: User, make_post: MakePost, settings: Any
) -> None:
    settings.PUBLISH_GAP_SECONDS = 60
    at = clock.now() + timedelta(days=3)
    posts = [make_post("pending", text=f"Post {number}", scheduled_at=at) for number in range(3)]

    said = foresee(sign_in(bob), "approve_posts", *posts)

    assert "All of them" in said
    assert "One every 60 s: 2 go later" in said
    assert "3 posts in 1 call" in said


def test_more_than_a_network_takes_in_a_day_is_told(
    sign_in: SignIn, bob: User, make_post: MakePost, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLISH_GAP_SECONDS = 0
    monkeypatch.setattr("social.networks.daily_limit", lambda *_: 2)
    at = clock.now() + timedelta(days=3)
    posts = [make_post("pending", text=f"Post {number}", scheduled_at=at) for number in range(5)]

    assert "2 in 24 hours: 3 go later" in foresee(sign_in(bob), "approve_posts", *posts)


def test_too_many_are_told_in_the_dialog(
    sign_in: SignIn, bob: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_actions, "MOST", 1)
    client = sign_in(bob)

    assert "choose fewer" in foresee(client, "approve_posts", make_post("pending"), make_post("pending"))
    assert "choose fewer" not in told(client)


def test_what_is_told_beforehand_costs_no_query_a_post(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    client, asked = sign_in(bob), []
    for number in (3, 12):
        posts = [make_post("pending", text=f"Post {number} {index}") for index in range(number)]
        with CaptureQueriesContext(connection) as queries:
            foresee(client, "approve_posts", *posts)
        asked.append(len(queries))

    assert asked[0] == asked[1]
