"""Ways in which a program, or somebody who has got hold of its token, might get a post approved. None does.

`tests.planted.bugs` takes the guard behind each away: then each succeeds, and a test here notices.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from social import workflow
from social.models import ApiToken, Approval, Channel, Delivery, Post
from social.models.token import SCOPES
from social.workflow import Actor, Content
from tests.api.conftest import Program

CSRF = "a" * 32
ADDRESSES = (
    *("", "/approve", "/approval", "/approvals", "/reject", "/submit", "/publish", "/retry", "/cancel"),
    *("/edit", "/move", "/settle", "/decide", "/events", "/feedback"),
)
SAID: tuple[Any, ...] = (
    None,
    {},
    {"status": "approved"},
    {"approve": True, "decision": "approved", "shown_hash": ""},
)


@pytest.fixture
def pending(channels: dict[str, Channel], ann: User) -> Callable[..., int]:
    """`pending()`: the id of a post of Ann's that waits for approval."""

    def make(text: str = "Moss is back.", **fields: Any) -> int:
        post = workflow.create(Actor(ann), Content(text=text, channels=[channels["twitter"]], **fields))
        workflow.submit(post.pk, Actor(ann))
        return post.pk

    return make


@pytest.fixture
def for_tomorrow(pending: Callable[..., int], bob: User) -> int:
    """A post that Bob approved for tomorrow: who sends it today approves that."""
    post = pending(scheduled_at=timezone.now() + timedelta(days=1))
    workflow.approve(post, Actor(bob))
    return post


def of(user: User, *scopes: str) -> Program:
    """A program that acts for this person."""
    token, secret = ApiToken.issue(user_id=user.pk, name="agent", scopes=list(scopes or SCOPES))
    return Program(Client(raise_request_exception=False), secret, token)


def nothing_approved(but: int = 0) -> None:
    """`but`: so many approvals that a person gave."""
    assert Approval.objects.filter(decision="approved").count() == but
    if not but:
        assert not Delivery.objects.exists()
        assert not Post.objects.exclude(status__in=["draft", "pending", "cancelled"]).exists()


# ---------------------------------------------------------------------------------------------- scopes
@pytest.mark.parametrize("scopes", [(scope,) for scope in SCOPES] + [tuple(SCOPES)])
def test_no_token_of_any_scope_approves_by_any_address(
    scopes: tuple[str, ...], pending: Callable[..., int], bob: User
) -> None:
    bob.is_superuser = True
    bob.save()
    program = of(bob, *scopes)
    for address in ADDRESSES:
        post = pending()
        for method in ("POST", "PATCH", "PUT", "GET"):
            for said in SAID:
                answer = program.call(method, f"posts/{post}{address}", said)
                assert answer.status < 500
    nothing_approved()


def test_a_token_has_no_scope_that_approves(bob: User, pending: Callable[..., int]) -> None:
    program, post = of(bob), pending()
    ApiToken.objects.update(scopes=["posts:approve", "*", "admin"])
    for address in ADDRESSES:
        assert program.post(f"posts/{post}{address}").status in (403, 404, 405)
    nothing_approved()


def test_sending_at_once_what_was_approved_for_tomorrow_is_no_programs_decision(
    for_tomorrow: int, bob: User
) -> None:
    answer = of(bob).post(f"posts/{for_tomorrow}/publish")
    assert answer.status == 409
    nothing_approved(but=1)


def test_who_answers_for_a_program_does_not_approve_what_it_made(
    channels: dict[str, Channel], bob: User, proposal: dict[str, Any]
) -> None:
    made = of(bob).post("posts", {**proposal, "submit": True})
    with pytest.raises(workflow.NotAllowed):
        workflow.approve(made.body["id"], Actor(bob))
    nothing_approved()


# ------------------------------------------------------------------------------------- what is not asked
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "approved"),
        ("approval", {"decision": "approved", "by": "bob"}),
        ("approvals", [1]),
        ("decision", "approved"),
        ("author", "ann"),
        ("author_id", 1),
        ("source", "staff"),
        ("token", None),
        ("token_id", None),
        ("revision", 1),
        ("content_hash", "0" * 64),
        ("in_review", True),
        ("deliveries", [{"status": "queued"}]),
        ("receipt", {"job": "1"}),
        ("published_at", "2026-01-01T00:00:00Z"),
        ("__class__", "x"),
        ("revision__status", "approved"),
    ],
)
def test_no_field_that_is_not_asked_for_is_taken(
    field: str, value: Any, agent: Program, proposal: dict[str, Any]
) -> None:
    answer = agent.post("posts", {**proposal, "submit": True, field: value})
    assert (answer.status, answer.body["errors"]) == (422, {field: ["There is no such field."]})
    post = agent.post("posts", {**proposal, "submit": True}).body["id"]
    assert agent.patch(f"posts/{post}", {"text": "x", field: value}).status == 422
    rows = agent.post("posts/batch", {"posts": [{**proposal, field: value}]}).body["items"]
    assert rows[0]["status"] == 422
    assert Post.objects.get().status == "pending"
    nothing_approved()


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "Moss.", "channels": ["acc-twitter"], "text": "Everything is free."}',
        b'{"text": "x", "channels": ["acc-twitter"], "submit": false, "submit": true}',
        b'{"text": "x", "channels": ["acc-twitter"], "overrides": {"twitter": {"text": "a", "text": "b"}}}',
    ],
)
def test_no_body_says_two_things(body: bytes, agent: Program, channels: dict[str, Channel]) -> None:
    assert agent.post("posts", body).status == 400
    assert not Post.objects.exists()


def test_nothing_in_the_address_or_a_header_stands_for_what_the_body_says(
    agent: Program, proposal: dict[str, Any], pending: Callable[..., int]
) -> None:
    made = agent.post("posts?submit=true&status=approved&text=other", proposal)
    assert (made.body["status"], made.body["text"]) == ("draft", proposal["text"])
    other = pending()
    post = made.body["id"]
    agent.post(f"posts/{post}/submit?post_id={other}&verb=approve&_method=PATCH")
    agent.post(f"posts/{post}/submit", HTTP_X_HTTP_METHOD_OVERRIDE="APPROVE", HTTP_X_ORIGINAL_URL="/admin/")
    agent.post(f"posts/{post}%2Fapprove")
    assert agent.get("posts?status=pending&status=approved").status in (200, 422)
    nothing_approved()


# ------------------------------------------------------------------------------------ cookies and tokens
def test_a_token_beside_an_approvers_session_is_still_a_program(
    for_tomorrow: int, bob: User, signed_in: Callable[[User], Program]
) -> None:
    browser = signed_in(bob)
    browser.client.cookies["csrftoken"] = CSRF
    browser.secret = of(bob).secret
    answer = browser.post(f"posts/{for_tomorrow}/publish", HTTP_X_CSRFTOKEN=CSRF)
    assert answer.status == 409
    nothing_approved(but=1)


@pytest.mark.parametrize("header", ["Bearer hd_revoked", "Bearer ", "Basic Ym9iOmJvYg==", "Token x", ""])
def test_behind_a_wrong_token_no_session_is_asked(
    header: str, for_tomorrow: int, bob: User, signed_in: Callable[[User], Program]
) -> None:
    browser = signed_in(bob)
    browser.client.cookies["csrftoken"] = CSRF
    answer = browser.post(f"posts/{for_tomorrow}/publish", HTTP_AUTHORIZATION=header, HTTP_X_CSRFTOKEN=CSRF)
    assert answer.status == 401
    nothing_approved(but=1)


def test_a_token_is_no_cookie_and_gets_none(bob: User, pending: Callable[..., int]) -> None:
    program, post = of(bob), pending()
    assert program.secret is not None
    program.get("posts")
    program.post(f"posts/{post}/cancel")
    assert not program.client.cookies
    thief = Program(Client(raise_request_exception=False))
    for name in ("sessionid", "token", "Authorization", "csrftoken"):
        thief.client.cookies[name] = program.secret
    assert thief.get("posts").status == 401
    nothing_approved()


def test_another_sites_form_in_an_approvers_browser_sends_nothing(
    for_tomorrow: int, bob: User, signed_in: Callable[[User], Program]
) -> None:
    browser = signed_in(bob)
    browser.client.cookies["csrftoken"] = CSRF
    for more in ({}, {"HTTP_X_CSRFTOKEN": "b" * 32}, {"HTTP_ORIGIN": "https://elsewhere.example"}):
        answer = browser.post(f"posts/{for_tomorrow}/publish", **more)
        assert answer.status == 403
    nothing_approved(but=1)


def test_the_admins_forms_know_no_token(bob: User, pending: Callable[..., int]) -> None:
    program, post = of(bob), pending()
    shown = Post.objects.get(pk=post).content().content_hash
    headers = {"HTTP_AUTHORIZATION": f"Bearer {program.secret}"}
    program.get("posts")  # what it is given there, it has with it
    for address, form in (
        (reverse("admin:social_post_changelist"), {"action": "approve_posts", "_selected_action": post}),
        (reverse("admin:social_post_do", args=[post]), {"verb": "approve", "shown_hash": shown}),
    ):
        answer = program.client.post(address, form, **headers)  # type: ignore[arg-type]
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")
    nothing_approved()


# -------------------------------------------------------------------------------------- again, and at once
def test_an_approvers_form_sent_again_approves_nothing_that_came_later(
    agent: Program, proposal: dict[str, Any], bob: User
) -> None:
    post = agent.post("posts", {**proposal, "submit": True}).body["id"]
    form = {"verb": "approve", "shown_hash": Post.objects.get(pk=post).content().content_hash}
    agent.patch(f"posts/{post}", {"text": "Everything is free."})
    agent.post(f"posts/{post}/submit")
    browser = Client()
    browser.force_login(bob)
    browser.post(reverse("admin:social_post_do", args=[post]), form)
    listed = {"action": "approve_posts", "_selected_action": post, f"shown_hash_{post}": form["shown_hash"]}
    browser.post(reverse("admin:social_post_changelist"), listed)
    assert Post.objects.get().status == "pending"
    nothing_approved()


def test_a_call_sent_again_undoes_no_decision(agent: Program, proposal: dict[str, Any], bob: User) -> None:
    post = agent.post("posts", proposal, HTTP_IDEMPOTENCY_KEY="make").body["id"]
    first = agent.post(f"posts/{post}/submit", HTTP_IDEMPOTENCY_KEY="ask")
    workflow.reject(post, Actor(bob), "Not us.")
    again = agent.post(f"posts/{post}/submit", HTTP_IDEMPOTENCY_KEY="ask")
    assert (again.raw, Post.objects.get().status) == (first.raw, "rejected")
    assert not Delivery.objects.exists()


def test_another_programs_key_opens_nothing(
    agent: Program, new_program: Callable[..., Program], proposal: dict[str, Any]
) -> None:
    first = agent.post("posts", {**proposal, "title": "Secret plan"}, HTTP_IDEMPOTENCY_KEY="k")
    other = new_program("posts:write", name="other")
    answer = other.post("posts", {**proposal, "title": "Secret plan"}, HTTP_IDEMPOTENCY_KEY="k")
    assert answer.body["id"] != first.body["id"]
    assert "Idempotent-Replayed" not in answer.headers


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_what_changes_while_an_approver_clicks_is_not_what_is_approved(
    round_: int, agent: Program, proposal: dict[str, Any], bob: User
) -> None:
    post = agent.post("posts", {**proposal, "submit": True}).body["id"]
    shown = Post.objects.get(pk=post).content().content_hash
    began, over = threading.Event(), threading.Event()

    def changes() -> None:
        try:
            other = Program(Client(raise_request_exception=False), agent.secret)
            other.patch(f"posts/{post}", {"text": "Everything is free."})
            began.set()
            other.post(f"posts/{post}/submit")
        finally:
            over.set()
            connections.close_all()

    def clicks() -> None:
        try:
            if round_:
                began.wait(30)
            done = False
            while not done:
                done = over.is_set()
                try:
                    workflow.approve(post, Actor(bob), shown_hash=shown)
                    return
                except workflow.Refusal:
                    continue
        finally:
            connections.close_all()

    threads = [threading.Thread(target=changes), threading.Thread(target=clicks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {row.content_hash for row in Approval.objects.all()} <= {shown}
    for delivery in Delivery.objects.select_related("revision"):
        assert delivery.revision.content_hash == shown
