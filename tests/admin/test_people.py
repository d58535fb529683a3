"""People: invited, deactivated, reactivated; and nobody makes themselves more than they are."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse

from social.models import ApiToken
from tests.admin.conftest import SignIn

pytestmark = pytest.mark.django_db
ADD = "/admin/auth/user/add/"


def _page(user: User, name: str = "change") -> str:
    return reverse(f"admin:auth_user_{name}", args=[user.pk])


def _form(user: User, **more: object) -> dict[str, object]:
    """What the page of a person sends."""
    return {
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "groups": [group.pk for group in user.groups.all()],
        **more,
    }


INVITATION = {"username": "eva", "first_name": "Eva", "last_name": "Lund", "email": "eva@shop.example"}


# ------------------------------------------------------------------------------------------ invite
def test_a_new_person_gets_a_made_password_shown_once_and_can_sign_in(olga: User, signed_in: SignIn) -> None:
    author = Group.objects.get(name="Author")
    answer = signed_in(olga).post(ADD, {**INVITATION, "password": "", "groups": [author.pk]})
    found = re.search(r'id="hd-secret" readonly value="([^"]+)"', answer.content.decode())
    assert found is not None
    eva = User.objects.get(username="eva")
    assert eva.check_password(found[1])
    assert (eva.is_staff, eva.is_superuser, list(eva.groups.all())) == (True, False, [author])
    assert "no-store" in answer.headers["Cache-Control"]
    assert found[1] not in signed_in(olga).get(_page(eva)).content.decode()
    assert found[1] not in LogEntry.objects.latest("pk").change_message


def test_a_password_can_be_set_by_the_operator_and_is_not_shown(olga: User, signed_in: SignIn) -> None:
    answer = signed_in(olga).post(ADD, {**INVITATION, "password": "linen-and-clay-9"})
    assert answer.status_code == 302
    assert User.objects.get(username="eva").check_password("linen-and-clay-9")


def test_a_weak_password_is_refused(olga: User, signed_in: SignIn) -> None:
    assert signed_in(olga).post(ADD, {**INVITATION, "password": "12345678"}).status_code == 200
    assert not User.objects.filter(username="eva").exists()


def test_a_username_is_taken_whatever_its_capitals(ann: User, olga: User, signed_in: SignIn) -> None:
    answer = signed_in(olga).post(ADD, {**INVITATION, "username": "ANN"})
    assert "Somebody has this username already" in answer.content.decode()


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_only_an_operator_invites(name: str, request: pytest.FixtureRequest, signed_in: SignIn) -> None:
    assert signed_in(request.getfixturevalue(name)).post(ADD, INVITATION).status_code == 403
    assert not User.objects.filter(username="eva").exists()


# -------------------------------------------------------------------------------------- escalation
RIGHTS = {"is_superuser": "on", "is_staff": "on", "is_active": "on"}


def test_an_operator_cannot_invite_a_superuser(olga: User, signed_in: SignIn) -> None:
    every = [permission.pk for permission in Permission.objects.all()]
    signed_in(olga).post(ADD, {**INVITATION, "password": "", **RIGHTS, "user_permissions": every})
    eva = User.objects.get(username="eva")
    assert not eva.is_superuser
    assert not eva.user_permissions.exists()


def test_an_operator_cannot_make_anybody_a_superuser_or_hand_out_single_permissions(
    ann: User, olga: User, signed_in: SignIn
) -> None:
    every = [permission.pk for permission in Permission.objects.all()]
    answer = signed_in(olga).post(_page(ann), _form(ann, first_name="Anna", **RIGHTS, user_permissions=every))
    assert answer.status_code == 302
    ann.refresh_from_db()
    assert (ann.first_name, ann.is_superuser) == ("Anna", False)
    assert not ann.user_permissions.exists()


def test_an_operator_does_not_even_see_what_makes_a_superuser(
    ann: User, olga: User, signed_in: SignIn
) -> None:
    page = signed_in(olga).get(_page(ann)).content.decode()
    for field in ("is_superuser", "is_staff", "user_permissions"):
        assert f'name="{field}"' not in page


def test_a_superuser_sees_and_gives_what_goes_beyond_the_groups(
    ann: User, rita: User, signed_in: SignIn
) -> None:
    single = Permission.objects.get(codename="view_session")
    more = {"is_staff": "on", "is_superuser": "on", "user_permissions": [single.pk]}
    assert signed_in(rita).post(_page(ann), _form(ann, **more)).status_code == 302
    ann.refresh_from_db()
    assert ann.is_superuser
    assert list(ann.user_permissions.all()) == [single]


def test_an_operator_does_not_change_their_own_groups(olga: User, signed_in: SignIn) -> None:
    every = [group.pk for group in Group.objects.all()]
    signed_in(olga).post(_page(olga), _form(olga, groups=every))
    assert [group.name for group in olga.groups.all()] == ["Operator"]


@pytest.mark.parametrize("name", ["change", "deactivate", "reactivate"])
def test_an_operator_cannot_change_a_superuser(name: str, rita: User, olga: User, signed_in: SignIn) -> None:
    answer = signed_in(olga).post(_page(rita, name), _form(rita, email="mine@evil.example"))
    assert answer.status_code == 403
    rita.refresh_from_db()
    assert (rita.email, rita.is_active) == ("rita@shop.example", True)


def test_an_operator_cannot_set_the_password_of_a_superuser(
    rita: User, olga: User, signed_in: SignIn
) -> None:
    address = reverse("admin:auth_user_password_change", args=[rita.pk])
    new = {"password1": "taken-over-77", "password2": "taken-over-77"}
    assert signed_in(olga).post(address, new).status_code == 403
    rita.refresh_from_db()
    assert rita.check_password("a-long-password")


def test_an_operator_sets_the_password_of_an_author(ann: User, olga: User, signed_in: SignIn) -> None:
    address = reverse("admin:auth_user_password_change", args=[ann.pk])
    signed_in(olga).post(address, {"password1": "linen-and-clay-9", "password2": "linen-and-clay-9"})
    ann.refresh_from_db()
    assert ann.check_password("linen-and-clay-9")


def test_an_operator_cannot_change_what_a_group_may_do(olga: User, signed_in: SignIn) -> None:
    group = Group.objects.get(name="Operator")
    before = group.permissions.count()
    every = [permission.pk for permission in Permission.objects.all()]
    address = reverse("admin:auth_group_change", args=[group.pk])
    assert signed_in(olga).post(address, {"name": "Operator", "permissions": every}).status_code == 403
    assert group.permissions.count() == before


@pytest.mark.parametrize("name", ["olga", "rita"])
def test_nobody_deletes_a_person(
    name: str, ann: User, request: pytest.FixtureRequest, signed_in: SignIn
) -> None:
    client = signed_in(request.getfixturevalue(name))
    assert client.post(_page(ann, "delete"), {"post": "yes"}).status_code == 403
    bulk = {"action": "delete_selected", "_selected_action": ann.pk, "post": "yes"}
    client.post(reverse("admin:auth_user_changelist"), bulk)
    assert User.objects.filter(pk=ann.pk).exists()


# ------------------------------------------------------------------------ deactivate and reactivate
def test_a_deactivated_person_is_out_at_once_with_sessions_and_tokens(
    ann: User, olga: User, signed_in: SignIn
) -> None:
    token, _ = ApiToken.issue(user_id=ann.pk, name="content-agent", scopes=["posts:read"])
    author, operator = signed_in(ann), signed_in(olga)
    assert "content-agent" in operator.get(_page(ann, "deactivate")).content.decode()
    operator.post(_page(ann, "deactivate"))
    assert author.get("/admin/").status_code == 302
    assert not ApiToken.objects.select_related("user").get(pk=token.pk).usable
    assert operator.get("/admin/").status_code == 200


def test_a_session_from_before_does_not_live_again(ann: User, olga: User, signed_in: SignIn) -> None:
    author, operator = signed_in(ann), signed_in(olga)
    operator.post(_page(ann, "deactivate"))
    operator.post(_page(ann, "reactivate"))
    ann.refresh_from_db()
    assert ann.is_active
    assert author.get("/admin/").status_code == 302


@pytest.mark.parametrize(("verb", "active"), [("deactivate", True), ("reactivate", False)])
def test_a_get_asks_and_changes_nothing(
    verb: str, active: bool, ann: User, olga: User, signed_in: SignIn
) -> None:
    User.objects.filter(pk=ann.pk).update(is_active=active)
    assert signed_in(olga).get(_page(ann, verb)).status_code == 200
    ann.refresh_from_db()
    assert ann.is_active is active


def test_nobody_deactivates_themselves(olga: User, signed_in: SignIn) -> None:
    assert signed_in(olga).post(_page(olga, "deactivate")).status_code == 403
    olga.refresh_from_db()
    assert olga.is_active


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_only_an_operator_deactivates(
    name: str, nina: User, request: pytest.FixtureRequest, signed_in: SignIn
) -> None:
    assert signed_in(request.getfixturevalue(name)).post(_page(nina, "deactivate")).status_code == 403
    nina.refresh_from_db()
    assert nina.is_active
