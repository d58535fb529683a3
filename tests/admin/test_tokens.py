"""API tokens: a secret shown once, revoked for good, never deleted."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from social.models import ApiToken
from social.models.token import hashed
from tests.admin.conftest import SignIn

pytestmark = pytest.mark.django_db
ADD = "/admin/social/apitoken/add/"


def _new(owner: User, **more: object) -> dict[str, object]:
    return {"name": "content-agent", "user": owner.pk, "scopes": ["posts:read", "posts:write"], **more}


@pytest.fixture
def token(ann: User) -> ApiToken:
    return ApiToken.issue(user_id=ann.pk, name="content-agent", scopes=["posts:read"])[0]


def _revoke(token: ApiToken) -> str:
    return reverse("admin:social_apitoken_revoke", args=[token.pk])


def test_the_secret_is_shown_once_and_never_again(ann: User, olga: User, signed_in: SignIn) -> None:
    client = signed_in(olga)
    answer = client.post(ADD, _new(ann))
    found = re.search(r'value="(hd_[^"]+)"', answer.content.decode())
    assert found is not None
    token = ApiToken.objects.get()
    assert (token.digest, token.user, token.scopes) == (hashed(found[1]), ann, ["posts:read", "posts:write"])
    assert "no-store" in answer.headers["Cache-Control"]
    for address in (
        reverse("admin:social_apitoken_changelist"),
        reverse("admin:social_apitoken_change", args=[token.pk]),
        "/admin/",
    ):
        assert found[1] not in client.get(address).content.decode()


def test_a_token_needs_a_scope_it_knows(ann: User, olga: User, signed_in: SignIn) -> None:
    client = signed_in(olga)
    client.post(ADD, _new(ann, scopes=[]))
    client.post(ADD, _new(ann, scopes=["posts:approve"]))
    assert not ApiToken.objects.exists()


def test_two_tokens_in_use_do_not_share_a_name(
    token: ApiToken, ann: User, olga: User, signed_in: SignIn
) -> None:
    answer = signed_in(olga).post(ADD, _new(ann, name="Content-Agent"))
    assert "There is a token of this name" in answer.content.decode()
    assert ApiToken.objects.count() == 1


def test_an_operator_lets_no_program_act_for_a_superuser(rita: User, olga: User, signed_in: SignIn) -> None:
    signed_in(olga).post(ADD, _new(rita))
    assert not ApiToken.objects.exists()
    signed_in(rita).post(ADD, _new(rita))
    assert ApiToken.objects.get().user == rita


@pytest.mark.parametrize("name", ["ann", "bob", "nina"])
def test_only_an_operator_issues_and_revokes(
    name: str, token: ApiToken, request: pytest.FixtureRequest, signed_in: SignIn
) -> None:
    user = request.getfixturevalue(name)
    client = signed_in(user)
    assert client.post(ADD, _new(user, name="mine")).status_code == 403
    assert client.post(_revoke(token)).status_code == 403
    token.refresh_from_db()
    assert token.revoked_at is None
    assert ApiToken.objects.count() == 1


def test_a_revoked_token_stays_in_the_list_and_opens_nothing(
    token: ApiToken, olga: User, signed_in: SignIn
) -> None:
    client = signed_in(olga)
    client.post(_revoke(token))
    token.refresh_from_db()
    revoked = token.revoked_at
    assert revoked is not None
    assert not token.usable
    assert "Revoked" in client.get(reverse("admin:social_apitoken_changelist")).content.decode()
    client.post(_revoke(token))
    token.refresh_from_db()
    assert token.revoked_at == revoked


def test_a_get_asks_and_revokes_nothing(token: ApiToken, olga: User, signed_in: SignIn) -> None:
    assert "Revoke content-agent?" in signed_in(olga).get(_revoke(token)).content.decode()
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize("name", ["olga", "rita"])
def test_a_token_is_neither_changed_nor_deleted(
    name: str, token: ApiToken, request: pytest.FixtureRequest, signed_in: SignIn
) -> None:
    client = signed_in(request.getfixturevalue(name))
    change = reverse("admin:social_apitoken_change", args=[token.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"name": "other", "scopes": ["posts:publish"]}).status_code == 403
    delete = reverse("admin:social_apitoken_delete", args=[token.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    token.refresh_from_db()
    assert (token.name, token.scopes) == ("content-agent", ["posts:read"])
