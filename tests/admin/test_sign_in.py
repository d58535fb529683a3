"""Signing in."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db
GOOD = {"username": "ann", "password": "a-long-password"}


def test_a_good_password_leads_home(ann: User, client: Client) -> None:
    answer = client.post(reverse("admin:login"), GOOD)
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("admin:index"))


def test_a_good_password_leads_back_to_the_page_that_was_wanted(ann: User, client: Client) -> None:
    wanted = reverse("admin:social_post_changelist")
    page = client.get(f"{reverse('admin:login')}?next={wanted}").content.decode()
    assert f'name="next" value="{wanted}"' in page
    assert client.post(reverse("admin:login"), {**GOOD, "next": wanted}).headers["Location"] == wanted


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_nobody_is_led_away_from_here(next_page: str, ann: User, client: Client) -> None:
    answer = client.post(reverse("admin:login"), {**GOOD, "next": next_page})
    assert answer.headers["Location"] == reverse("admin:index")
    assert (
        "evil"
        not in client.get(reverse("admin:login"), {"next": next_page}).content.decode().split("<form")[0]
    )


def test_a_wrong_password_is_told_in_words_and_keeps_the_name(ann: User, client: Client) -> None:
    page = client.post(reverse("admin:login"), {**GOOD, "password": "wrong"}).content.decode()
    assert "do not belong together" in page
    assert 'value="ann"' in page
    assert "wrong" not in page


def test_a_deactivated_person_does_not_get_in(ann: User, client: Client) -> None:
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert client.post(reverse("admin:login"), GOOD).status_code == 200
    assert client.get(reverse("admin:index")).status_code == 302
