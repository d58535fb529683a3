"""The integrations page."""

import zoneinfo
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.connections import Connection
from integrations.credentials import Credential
from social import clock
from social.admin.channels import Row
from social.models import Channel, Delivery, Post
from social.publishing.reconciliation import PENDING_THERE
from tests.admin.conftest import MakePost, SignIn

pytestmark = pytest.mark.django_db
PAGE = "/admin/integrations/connection/"
READ_AGAIN, TRY_NOW = f"{PAGE}read-again/", f"{PAGE}try-now/"


def test_the_page_names_the_workspace_and_its_accounts(
    connection: Connection, channel: Channel, olga: User, signed_in: SignIn
) -> None:
    Channel.objects.create(
        connection=connection, account_id="ig", network="instagram", name="@gone", active=False
    )
    page = signed_in(olga).get(PAGE).content.decode()
    for words in (
        "Kiln &amp; Linen",
        "@kilnandlinen",
        "@gone",
        "No longer listed",
        "1 account through Publer",
    ):
        assert words in page
    assert "a-key" not in page


def test_trouble_is_told_since_when_and_when_it_is_tried_again(
    connection: Connection, olga: User, signed_in: SignIn
) -> None:
    now = timezone.now()
    Connection.objects.update(
        trouble="refused",
        trouble_words="Publer refuses the key.",
        trouble_since=now - timedelta(minutes=3),
        not_before=now + timedelta(minutes=4),
    )
    page = signed_in(olga).get(PAGE).content.decode()
    assert "Publer refuses the key." in page
    assert "tried again at" in page
    assert TRY_NOW in page


def test_without_a_key_the_page_says_how_to_connect(olga: User, signed_in: SignIn) -> None:
    assert "PUBLER_API_KEY" in signed_in(olga).get(PAGE).content.decode()


def test_try_now_ends_the_wait(connection: Connection, olga: User, signed_in: SignIn) -> None:
    Connection.objects.update(trouble="unreachable", not_before=timezone.now() + timedelta(minutes=4))
    client = signed_in(olga)
    assert client.get(TRY_NOW).status_code == 405
    connection.refresh_from_db()
    assert connection.not_before is not None
    assert client.post(TRY_NOW).status_code == 302
    assert Connection.objects.filter(not_before=None, trouble="unreachable").exists()


@responses.activate
def test_reading_again_tells_a_failure_on_the_page_and_raises_none(
    connection: Connection, olga: User, signed_in: SignIn, settings: Any
) -> None:
    responses.get(
        f"{settings.PUBLER_BASE_URL}/workspaces", status=401, json={"errors": ["API key is not valid"]}
    )
    client = signed_in(olga)
    assert client.get(READ_AGAIN).status_code == 405
    assert not responses.calls
    page = client.post(READ_AGAIN, follow=True).content.decode()
    assert "The accounts were not read." in page
    assert "Publer refuses the key." in page


@pytest.mark.parametrize("address", [READ_AGAIN, TRY_NOW])
def test_an_author_can_neither_read_again_nor_end_a_wait(
    address: str, connection: Connection, ann: User, signed_in: SignIn
) -> None:
    until = timezone.now() + timedelta(minutes=4)
    Connection.objects.update(not_before=until)
    assert signed_in(ann).post(address).status_code == 403
    connection.refresh_from_db()
    assert connection.not_before == until


def test_a_connection_is_neither_added_changed_nor_deleted_by_hand(
    connection: Connection, rita: User, signed_in: SignIn
) -> None:
    client = signed_in(rita)
    for tail in ("add/", f"{connection.pk}/change/", f"{connection.pk}/delete/"):
        assert client.post(f"{PAGE}{tail}").status_code == 404
    assert reverse("admin:integrations_connection_changelist") == PAGE


# --------------------------------------------------------------------------------------- the channel table
@pytest.fixture
def olgas(olga: User, signed_in: SignIn) -> Client:
    client = signed_in(olga)
    client.cookies["timezone"] = "UTC"
    return client


def row(client: Client, name: str = "@kilnandlinen") -> Row:
    found: list[Row] = client.get(PAGE).context["channels"]
    return next(each for each in found if each.channel.name == name)


def sent(post: Post, hours_ago: float, status: str = "published") -> None:
    Delivery.objects.filter(post=post).update(status=status, goes_at=clock.now() - timedelta(hours=hours_ago))


def test_the_places_of_the_day_are_counted_as_the_stamp_counts_them(
    channel: Channel, make_post: MakePost, olgas: Client
) -> None:
    for hours_ago, status in ((1, "published"), (23, "unconfirmed"), (25, "published"), (2, "failed")):
        sent(make_post("approved"), hours_ago, status)
    make_post("approved")
    assert (row(olgas).used, row(olgas).limit) == (2, 100)
    assert "2 of 100" in olgas.get(PAGE).content.decode()


def test_without_a_plan_there_is_no_limit(channel: Channel, olgas: Client, settings: Any) -> None:
    settings.PUBLER_PLAN = "none"
    page = olgas.get(PAGE).content.decode()
    assert "0, no limit" in page
    assert "posts in the last 24 hours" not in page


def test_the_next_post_is_the_one_that_goes_next_by_itself(
    channel: Channel, make_post: MakePost, olgas: Client
) -> None:
    assert row(olgas).next == "none planned"
    make_post("unconfirmed", minutes=5)
    make_post("pending", minutes=10)
    assert row(olgas).next == "none planned"
    make_post("approved", minutes=60 * 24 * 3)
    make_post("approved", minutes=60 * 24 * 2)
    at = timezone.localtime(timezone.now() + timedelta(days=2), zoneinfo.ZoneInfo("UTC"))
    assert row(olgas).next.startswith(f"{at.day} {at:%b}")


def test_what_came_too_late_is_held_for_a_person(
    channel: Channel, make_post: MakePost, olgas: Client
) -> None:
    late = make_post("approved", minutes=1)
    make_post("approved", minutes=60)
    Delivery.objects.filter(post=late).update(due_at=timezone.now() - timedelta(hours=3))
    assert row(olgas).next == "held: needs you"


def test_an_account_that_vanished_says_since_when_and_whether_something_waits_for_it(
    channel: Channel, make_post: MakePost, olgas: Client
) -> None:
    post = make_post("approved", minutes=60)
    Channel.objects.update(active=False, gone_at=timezone.now() - timedelta(days=3))
    gone = row(olgas)
    assert (gone.pill, gone.state, gone.next) == ("failed", "No longer listed", "held: needs you")
    assert gone.ends.startswith("missing since ")
    post.deliveries.update(status="cancelled")
    gone = row(olgas)
    assert (gone.pill, gone.tone, gone.next) == ("off", "", "none planned")
    page = olgas.get(PAGE).content.decode()
    assert 'target="_blank"' in page
    assert "Reconnect" in page


def test_an_account_that_publer_asks_to_connect_anew_says_so(
    channel: Channel, make_post: MakePost, olgas: Client
) -> None:
    post = make_post("approved", minutes=60)
    Delivery.objects.filter(post=post).update(
        status="scheduled", provider_post_id="p1", problem=PENDING_THERE["scheduled_reauth"]
    )
    asked = row(olgas)
    assert (asked.pill, asked.state, asked.next) == ("failed", "Reconnect it", "held: needs you")


@pytest.mark.parametrize(
    ("fields", "state", "tone"),
    [
        ({}, "Connected", ""),
        ({"ends_at": timedelta(days=40)}, "Connected", ""),
        ({"ends_at": timedelta(days=5)}, "Ends in 5 days", "amber"),
        ({"ended_at": timedelta(days=-3)}, "Ended", "red"),
    ],
)
def test_the_end_of_the_permission_is_the_end_of_every_account(
    fields: dict[str, timedelta],
    state: str,
    tone: str,
    connection: Connection,
    channel: Channel,
    olgas: Client,
    settings: Any,
) -> None:
    settings.PUBLER_API_KEY = ""
    now = timezone.now()
    moments = {name: now + away for name, away in fields.items()}
    Credential.objects.create(connection=connection, kind="oauth", secret="x", made_at=now, **moments)
    shown = row(olgas)
    assert (shown.state, shown.tone) == (state, tone)
    if not fields:
        assert shown.ends == "not known to end"


def test_the_page_asks_as_often_for_forty_accounts_as_for_one(
    connection: Connection, channel: Channel, make_post: MakePost, olgas: Client
) -> None:
    olgas.get(PAGE)
    with CaptureQueriesContext(database) as for_one:
        olgas.get(PAGE)
    for number in range(40):
        Channel.objects.create(
            connection=connection,
            account_id=str(number),
            network="bluesky",
            name=f"@{number}",
            active=number % 3 > 0,
        )
    for minutes in range(60, 70):
        make_post("approved", minutes=minutes)
    with CaptureQueriesContext(database) as for_many:
        olgas.get(PAGE)
    assert len(for_many) == len(for_one)
    assert len(for_many) < 30
