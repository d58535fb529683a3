"""What holds on every page: the policy, the strips, and the pace with a server away."""

import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.connections import Connection
from social import workflow
from social.models import Delivery, Heartbeat
from tests.admin.conftest import MakePost, SignIn

pytestmark = pytest.mark.django_db

PAGES = {
    # page                                        who may see it
    "admin:index": {"ann", "bob", "olga", "rita", "nina"},
    "admin:password_change": {"ann", "bob", "olga", "rita", "nina"},
    "admin:social_post_changelist": {"ann", "bob", "olga", "rita"},
    "admin:social_post_queue": {"olga", "rita"},
    "admin:integrations_connection_changelist": {"olga", "rita"},
    "admin:auth_user_changelist": {"olga", "rita"},
    "admin:auth_user_add": {"olga", "rita"},
    "admin:auth_group_changelist": {"olga", "rita"},
    "admin:social_apitoken_changelist": {"olga", "rita"},
    "admin:social_apitoken_add": {"olga", "rita"},
    "admin:django_celery_beat_periodictask_changelist": {"olga", "rita"},
    "admin:pause_publishing": {"bob", "olga", "rita"},
}


@pytest.fixture
def everybody(ann: User, bob: User, olga: User, rita: User, nina: User) -> dict[str, User]:
    return {user.username: user for user in (ann, bob, olga, rita, nina)}


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_for_those_who_may_see_it_and_for_nobody_else(
    page: str, everybody: dict[str, User], signed_in: SignIn, connection: Connection
) -> None:
    for name, user in everybody.items():
        assert signed_in(user).get(reverse(page)).status_code == (200 if name in PAGES[page] else 403), name


@pytest.mark.parametrize("page", PAGES)
def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(page: str, client: Client) -> None:
    answer = client.get(reverse(page))
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{reverse('admin:login')}?next={reverse(page)}"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_carries_the_policy_and_no_style_or_script_of_its_own(
    page: str, rita: User, signed_in: SignIn
) -> None:
    answer = signed_in(rita).get(reverse(page))
    assert "script-src 'self' 'unsafe-eval'; style-src 'self'" in answer.headers["Content-Security-Policy"]
    text = answer.content.decode()
    assert "<style" not in text
    assert "<script>" not in text
    assert "onclick=" not in text


def test_the_sidebar_leads_only_where_one_may_go(ann: User, olga: User, signed_in: SignIn) -> None:
    author, operator = (signed_in(user).get(reverse("admin:index")).content.decode() for user in (ann, olga))
    for name in (
        "auth_user",
        "social_apitoken",
        "integrations_connection",
        "django_celery_beat_periodictask",
    ):
        link = f'href="{reverse(f"admin:{name}_changelist")}"'
        assert link in operator
        assert link not in author


def test_a_sandbox_is_called_one_on_every_page_and_at_the_sign_in(
    connection: Connection, ann: User, signed_in: SignIn, client: Client
) -> None:
    Connection.objects.update(sandbox_feed="http://127.0.0.1:9/feed")
    page = signed_in(ann).get(reverse("admin:index")).content.decode()
    assert "nothing here is public" in page
    assert 'href="http://127.0.0.1:9/feed"' in page
    assert "This is the sandbox" in client.get(reverse("admin:login")).content.decode()


def test_a_real_workspace_is_not_called_a_sandbox(
    connection: Connection, ann: User, signed_in: SignIn
) -> None:
    assert "nothing here is public" not in signed_in(ann).get(reverse("admin:index")).content.decode()


def test_a_pause_is_told_on_every_page_with_its_reason(bob: User, ann: User, signed_in: SignIn) -> None:
    workflow.pause(bob, "stock is being counted")
    page = signed_in(ann).get(reverse("admin:social_post_changelist")).content.decode()
    assert "Publishing is paused" in page
    assert "stock is being counted" in page


def test_the_sign_in_tells_strangers_nothing_of_what_goes_on(bob: User, client: Client) -> None:
    workflow.pause(bob, "stock is being counted")
    assert "stock is being counted" not in client.get(reverse("admin:login")).content.decode()


def test_trouble_with_publer_is_told_in_its_own_words(
    connection: Connection, ann: User, signed_in: SignIn
) -> None:
    Connection.objects.update(trouble="refused", trouble_words="Publer refuses the key.")
    assert "Publer refuses the key." in signed_in(ann).get(reverse("admin:index")).content.decode()


def test_a_missing_key_is_told(ann: User, signed_in: SignIn) -> None:
    assert "Publer is not connected" in signed_in(ann).get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(
    ("name", "words"), [("beat", "Beat, which starts"), ("worker", "The worker, which sends")]
)
def test_a_process_that_falls_silent_is_told(
    name: str, words: str, connection: Connection, ann: User, signed_in: SignIn
) -> None:
    for known in ("beat", "worker"):
        Heartbeat.objects.create(name=known, at=timezone.now())
    home = reverse("admin:index")
    assert "no sign of life" not in signed_in(ann).get(home).content.decode()
    Heartbeat.objects.filter(name=name).update(at=timezone.now() - timedelta(seconds=31))
    page = signed_in(ann).get(home).content.decode()
    assert f"{words}" in page
    assert "Nothing is lost" in page


def test_processes_that_never_started_are_told_once_work_waits(
    ann: User, signed_in: SignIn, make_post: MakePost
) -> None:
    home = reverse("admin:index")
    post = make_post("approved")
    assert "not been started" not in signed_in(ann).get(home).content.decode()
    Delivery.objects.filter(post=post).update(due_at=timezone.now() - timedelta(minutes=2))
    assert signed_in(ann).get(home).content.decode().count("not been started yet") == 2


def test_with_the_cache_server_away_pages_come_up_quickly_and_say_so(
    connection: Connection, ann: User, signed_in: SignIn, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    client = signed_in(ann)
    begun = time.monotonic()
    page = client.get(reverse("admin:index")).content.decode()
    assert time.monotonic() - begun < 2
    assert "The cache server is away, so nothing is sent" in page


def test_a_cache_server_that_hangs_costs_one_page_half_a_second_and_the_next_nothing(
    connection: Connection, ann: User, signed_in: SignIn, settings: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        client = signed_in(ann)
        times = []
        for _ in range(2):
            begun = time.monotonic()
            assert "The cache server is away" in client.get(reverse("admin:index")).content.decode()
            times.append(time.monotonic() - begun)
    assert times[0] < 1.5
    assert times[1] < 0.5


def test_without_any_cache_server_set_pages_come_up(
    connection: Connection, ann: User, signed_in: SignIn, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # what the settings say where none is named
    assert signed_in(ann).get(reverse("admin:index")).status_code == 200


def test_the_badge_counts_posts_that_failed_or_are_not_confirmed(
    ann: User, signed_in: SignIn, make_post: MakePost
) -> None:
    home = reverse("admin:index")
    assert "hd-badge" not in signed_in(ann).get(home).content.decode()
    make_post("failed")
    make_post("unconfirmed", title="Vase")
    page = signed_in(ann).get(home).content.decode()
    assert '<span class="hd-badge hd-num hd-red">2<' in page


def test_the_frame_asks_the_database_little(connection: Connection, ann: User, signed_in: SignIn) -> None:
    client = signed_in(ann)
    with CaptureQueriesContext(
        database,
    ) as asked:
        client.get(reverse("admin:password_change"))
    # session, person, permissions twice, clock, engine, connection, heartbeats, oldest waiting, badge
    assert len(asked) <= 12, [query["sql"][:120] for query in asked]


def test_a_search_page_that_is_not_a_number_is_no_fault(ann: User, signed_in: SignIn) -> None:
    assert signed_in(ann).get(reverse("admin:search"), {"s": "moss", "page": "abc"}).status_code == 404


def test_the_search_finds_posts_for_those_who_may_see_them(
    ann: User, nina: User, signed_in: SignIn, make_post: MakePost
) -> None:
    make_post(title="Teal dip")
    asked = {"s": "teal", "extended": "1"}
    assert "Teal dip" in signed_in(ann).get(reverse("admin:search"), asked).content.decode()
    assert "Teal dip" not in signed_in(nina).get(reverse("admin:search"), asked).content.decode()


@pytest.mark.parametrize("model", ["auth.User", "auth.Group", "social.Post", "social.ApiToken"])
def test_nothing_is_deleted_by_the_hundred_or_one_by_one(model: str, rita: User, signed_in: SignIn) -> None:
    from django.apps import apps
    from django.contrib import admin
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.user = rita
    model_admin = admin.site._registry[apps.get_model(model)]
    assert "delete_selected" not in [name for name, _ in admin.site.actions]
    assert "delete_selected" not in model_admin.get_actions(request)
    assert not model_admin.has_delete_permission(request)
