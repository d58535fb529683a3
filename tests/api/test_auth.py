"""Who comes through the door, and with which rights."""

import hashlib
import logging
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.utils import timezone

from social.models import ApiToken, Channel, Post
from tests.api.conftest import Program

CSRF = "a" * 32

CALLS = [
    ("GET", "posts", "posts:read"),
    ("GET", "posts/1", "posts:read"),
    ("GET", "posts/1/events", "posts:read"),
    ("GET", "posts/1/feedback", "posts:read"),
    ("GET", "feedback", "posts:read"),
    ("GET", "agent", "posts:read"),
    ("GET", "channels", "posts:read"),
    ("POST", "posts", "posts:write"),
    ("POST", "posts/batch", "posts:write"),
    ("PATCH", "posts/1", "posts:write"),
    ("POST", "posts/1/submit", "posts:write"),
    ("POST", "posts/1/cancel", "posts:write"),
    ("POST", "posts/1/retry", "posts:write"),
    ("POST", "posts/1/publish", "posts:publish"),
    ("GET", "dashboard", "dashboard:read"),
    ("GET", "rate-limits", "dashboard:read"),
]
ALL = {"posts:read", "posts:write", "posts:publish", "dashboard:read"}


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_a_token_without_the_scope_is_told_which_one_is_missing(
    new_program: Callable[..., Program], method: str, path: str, scope: str
) -> None:
    answer = new_program(*(ALL - {scope})).call(method, path)
    assert (answer.status, answer.body["type"]) == (403, "/api/v1/docs/problems/scope-missing")
    assert answer.body["scope"] == scope
    assert scope in answer.body["detail"]


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_the_scope_alone_opens_the_door(
    new_program: Callable[..., Program], method: str, path: str, scope: str
) -> None:
    assert new_program(scope).call(method, path).status not in (401, 403)


@pytest.mark.parametrize(("method", "path"), [call[:2] for call in CALLS])
def test_nobody_is_asked_to_sign_in(db: None, nobody: Program, method: str, path: str) -> None:
    answer = nobody.call(method, path)
    assert (answer.status, answer.body["type"]) == (401, "/api/v1/docs/problems/not-signed-in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer hd_wrong", "Basic YTpi", "hd_x", "Bearer ü"]
)
def test_a_header_without_a_good_token_is_refused(db: None, nobody: Program, header: str) -> None:
    answer = nobody.get("posts", HTTP_AUTHORIZATION=header)
    assert (answer.status, "WWW-Authenticate" in answer.headers) == (401, True)


def test_a_revoked_token_opens_nothing(agent: Program) -> None:
    ApiToken.objects.update(revoked_at=timezone.now())
    assert agent.get("posts").status == 401


def test_a_token_of_somebody_who_left_opens_nothing(agent: Program) -> None:
    User.objects.update(is_active=False)
    assert agent.get("posts").status == 401


def test_a_token_is_kept_as_a_hash_alone(agent: Program) -> None:
    row = ApiToken.objects.get()
    assert agent.secret is not None
    assert row.digest == hashlib.sha256(agent.secret.encode()).hexdigest()
    assert agent.secret not in str(row.__dict__)


def test_the_use_of_a_token_is_noted_once_a_minute(
    agent: Program, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    agent.get("channels")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    agent.get("channels")
    assert ApiToken.objects.get().last_used_at == first
    long_ago = first - timedelta(seconds=61)
    ApiToken.objects.update(last_used_at=long_ago)
    agent.get("channels")
    assert ApiToken.objects.get().last_used_at > long_ago  # type: ignore[operator]


def test_a_token_stands_in_no_log(agent: Program, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    agent.get("posts")
    agent.get("nowhere")
    agent.get("posts", HTTP_AUTHORIZATION=f"Basic {agent.secret}")
    assert agent.secret is not None
    assert agent.secret not in caplog.text


# ------------------------------------------------------------------------------------------ session
def test_staff_read_with_their_session(
    channels: dict[str, Channel], signed_in: Callable[[User], Program], ann: User
) -> None:
    assert signed_in(ann).get("posts").status == 200


def test_a_write_by_session_needs_the_csrf_token(
    signed_in: Callable[[User], Program], ann: User, proposal: dict[str, Any]
) -> None:
    browser = signed_in(ann)
    without = browser.post("posts", proposal)
    assert (without.status, without.body["type"]) == (403, "/api/v1/docs/problems/csrf")
    browser.client.cookies["csrftoken"] = CSRF
    wrong = browser.post("posts", proposal, HTTP_X_CSRFTOKEN="b" * 32)
    assert wrong.status == 403
    assert not Post.objects.exists()
    right = browser.post("posts", proposal, HTTP_X_CSRFTOKEN=CSRF)
    assert (right.status, right.body["author"], right.body["source"]) == (201, "Ann", "staff")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_a_form_of_another_site_writes_nothing(
    signed_in: Callable[[User], Program], ann: User, proposal: dict[str, Any], kind: str
) -> None:
    answer = signed_in(ann).post("posts", b'{"text":"x","channels":["acc-twitter"]}', content_type=kind)
    assert answer.status in (403, 415)
    assert not Post.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "posts", "view_post"),
        ("POST", "posts", "add_post"),
        ("PATCH", "posts/1", "change_post"),
        ("POST", "posts/1/submit", "change_post"),
        ("POST", "posts/1/publish", "publish_post"),
        ("GET", "dashboard", "view_post"),
    ],
)
def test_staff_without_the_permission_are_refused(
    signed_in: Callable[[User], Program], method: str, path: str, permission: str, proposal: dict[str, Any]
) -> None:
    user = User.objects.create_user("carla", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="social").exclude(codename=permission)
    )
    browser = signed_in(user)
    browser.client.cookies["csrftoken"] = CSRF
    answer = browser.call(method, path, HTTP_X_CSRFTOKEN=CSRF)
    assert (answer.status, answer.body["permission"]) == (403, f"social.{permission}")


def test_an_author_does_not_cancel_what_others_wrote(
    signed_in: Callable[[User], Program], ann: User, agent: Program, proposal: dict[str, Any]
) -> None:
    made = agent.post("posts", proposal)
    browser = signed_in(ann)
    browser.client.cookies["csrftoken"] = CSRF
    answer = browser.post(f"posts/{made.body['id']}/cancel", HTTP_X_CSRFTOKEN=CSRF)
    assert (answer.status, answer.body["type"]) == (403, "/api/v1/docs/problems/not-allowed")
    assert "its author, an approver or an operator" in answer.body["detail"]


def test_who_is_no_staff_has_no_session_here(signed_in: Callable[[User], Program], db: None) -> None:
    assert signed_in(User.objects.create_user("customer", is_staff=False)).get("posts").status == 401


# --------------------------------------------------------------------------------------------- both
def test_a_token_counts_alone_and_lends_nothing_from_the_session(
    signed_in: Callable[[User], Program],
    new_program: Callable[..., Program],
    bob: User,
    proposal: dict[str, Any],
) -> None:
    browser = signed_in(bob)
    browser.client.cookies["csrftoken"] = CSRF
    browser.secret = new_program("posts:read").secret
    answer = browser.post("posts", proposal, HTTP_X_CSRFTOKEN=CSRF)
    assert (answer.status, answer.body["scope"]) == (403, "posts:write")


def test_a_bad_token_is_not_made_good_by_a_session(signed_in: Callable[[User], Program], bob: User) -> None:
    for header in ("Bearer hd_wrong", "Bearer", "", "Basic YTpi"):
        assert signed_in(bob).get("posts", HTTP_AUTHORIZATION=header).status == 401


def test_a_token_beside_a_session_acts_as_the_token(
    signed_in: Callable[[User], Program], agent: Program, bob: User, proposal: dict[str, Any]
) -> None:
    browser = signed_in(bob)
    browser.secret = agent.secret
    answer = browser.post("posts", proposal)  # a token needs no CSRF token
    assert (answer.status, answer.body["author"]) == (201, "content-agent")


# ------------------------------------------------------------------------------------------ command
def make_token(*arguments: str) -> str:
    out = StringIO()
    call_command("create_api_token", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_token_alone(ann: User, nobody: Program) -> None:
    printed = make_token(
        "--user", "ann", "--name", "reader", "--scope", "posts:read", "--scope", "posts:write"
    )
    secret = printed.removesuffix("\n")
    assert secret.startswith("hd_")
    assert not set(secret) & set(" \n")
    row = ApiToken.objects.get()
    assert (row.name, row.user, row.scopes) == ("reader", ann, ["posts:read", "posts:write"])
    nobody.secret = secret
    assert nobody.get("posts").status == 200
    assert nobody.get("dashboard").status == 403


@pytest.mark.parametrize(
    "arguments",
    [
        ["--user", "nobody", "--name", "x", "--scope", "posts:read"],
        ["--user", "ann", "--name", " ", "--scope", "posts:read"],
        ["--user", "ann", "--name", "x", "--scope", "posts:approve"],
        ["--user", "ann", "--name", "x"],
    ],
)
def test_the_command_refuses_in_words(ann: User, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        make_token(*arguments)
    assert not ApiToken.objects.exists()
