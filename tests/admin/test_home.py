"""Home: what needs a person, the counts, and the switch of publishing."""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from hotdash import figures as cards
from integrations.connections import Connection
from social.models import Delivery, Engine, Figures, Post
from social.publishing import figures, providers
from tests.admin.conftest import MakePost, SignIn
from tests.chaos.people import words
from tests.shop_and_inbox import Both, shop_and_inbox

pytestmark = pytest.mark.django_db
HOME = "/admin/"


def _home(user: User, signed_in: SignIn) -> str:
    return signed_in(user).get(HOME).content.decode()


def test_an_empty_home_says_what_is_true_and_what_to_do(ann: User, signed_in: SignIn) -> None:
    page = _home(ann, signed_in)
    assert "Nothing waits for you." in page
    assert f'href="{reverse("admin:social_post_add")}"' in page
    assert "No post has a time ahead." in page


def test_who_is_in_no_group_is_told_whom_to_ask(nina: User, signed_in: SignIn) -> None:
    assert "An operator gives you one" in _home(nina, signed_in)


def test_what_needs_a_person_comes_in_order_unsure_failed_late_waiting(
    bob: User, signed_in: SignIn, make_post: MakePost
) -> None:
    make_post("pending", title="Wants approval", minutes=100)
    late = make_post("approved", title="Came late", minutes=1)
    Delivery.objects.filter(post=late).update(due_at=timezone.now() - timedelta(hours=3))
    make_post("failed", title="Went wrong")
    make_post("unconfirmed", title="Who knows")
    answer = signed_in(bob).get(HOME)
    assert [need.post.title for need in answer.context["needs"]] == [
        "Who knows",
        "Went wrong",
        "Came late",
        "Wants approval",
    ]


def test_home_never_offers_to_send_again(bob: User, signed_in: SignIn, make_post: MakePost) -> None:
    make_post("unconfirmed")
    assert "Send it again" not in _home(bob, signed_in)


def test_the_counts_are_links_to_what_they_count(bob: User, signed_in: SignIn, make_post: MakePost) -> None:
    make_post("pending", title="One")
    make_post("pending", title="Two")
    make_post("unconfirmed", title="Three")
    make_post("failed", title="Four")
    client = signed_in(bob)
    tiles = client.get(HOME).context["tiles"]
    assert [tile.count for tile in tiles] == ["2", "1", "1"]
    for tile in tiles:
        listed = client.get(tile.link).context["cl"].result_count
        assert str(listed) == tile.count


def test_the_chart_tells_its_numbers_to_those_who_do_not_see_it(
    ann: User, signed_in: SignIn, make_post: MakePost
) -> None:
    make_post("published")
    page = _home(ann, signed_in)
    assert 'role="img" aria-label="Posts published a day' in page
    assert ": 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1" in page


def test_the_number_of_queries_does_not_grow_with_the_posts(
    bob: User, signed_in: SignIn, make_post: MakePost
) -> None:
    client = signed_in(bob)
    states = ("pending", "approved", "failed", "unconfirmed", "published")
    counts = []
    for round_ in range(2):
        for number in range(1 + 3 * round_):
            for state in states:
                make_post(
                    state, title=f"{state} {round_}.{number}", minutes=None if state == "failed" else 50
                )
        client.get(HOME)
        with CaptureQueriesContext(database) as asked:
            client.get(HOME)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert counts[0] <= 28


# ------------------------------------------------------------------------------------ shop and support
@pytest.fixture
def there(settings: Any, db: None) -> Iterator[Both]:
    with shop_and_inbox(settings) as both:
        yield both


@pytest.fixture
def read(there: Both) -> Both:
    """Both were read a moment ago."""
    for provider in ("shopify", "chatwoot"):
        figures.refresh(provider)
    return there


def test_shop_and_support_are_shown_with_their_age(bob: User, signed_in: SignIn, read: Both) -> None:
    page = words(_home(bob, signed_in))
    shop = Figures.objects.get(connection__provider="shopify").data
    inbox = Figures.objects.get(connection__provider="chatwoot").data
    assert re.search(r"Shop as of \d\d:\d\d ", page)
    assert f"{shop['orders']['orders']} orders today" in page
    assert "revenue 5 low stock" in page
    assert f"{shop['orders']['unfulfilled']} to pack." in page
    assert "Chalk alone: 2 oversold." in page
    assert re.search(r"Support as of \d\d:\d\d ", page)
    assert f"{inbox['counts']['open']} open {inbox['counts']['unassigned']} unassigned" in page
    assert "longest wait" in page


def test_what_is_not_connected_says_so_and_that_it_is_fine(
    ann: User, olga: User, signed_in: SignIn, connection: Connection
) -> None:
    page = words(_home(ann, signed_in))
    for name in ("Shopify", "Chatwoot"):
        assert f"{name} is not connected. Posts go out without it." in page
    assert "hd-figures" in _home(ann, signed_in)
    integrations = reverse("admin:integrations_connection_changelist")
    assert f'without it. <a class="hd-link" href="{integrations}">' in _home(olga, signed_in)
    assert f'without it. <a class="hd-link" href="{integrations}">' not in _home(ann, signed_in)


def test_what_was_never_read_says_why_there_are_no_figures(bob: User, signed_in: SignIn, there: Both) -> None:
    assert words(_home(bob, signed_in)).count("No figures yet. Not read yet: it is under way.") == 2
    there.misbehave("html")
    figures.refresh("shopify")
    assert "No figures yet. Shopify gives no answer that makes sense" in words(_home(bob, signed_in))


def test_figures_that_do_not_hold_any_more_say_since_when_and_why(
    bob: User, signed_in: SignIn, read: Both
) -> None:
    read.inbox.set_faults({"any": "refuse"})
    figures.refresh("chatwoot")
    html = _home(bob, signed_in)
    page = words(html)
    assert re.search(r"Not current since \d\d:\d\d\. Chatwoot refuses what the environment", page)
    assert html.count("hd-trouble") == 1
    assert "open" in page


def test_yesterdays_orders_are_told_as_such(bob: User, signed_in: SignIn, read: Both) -> None:
    row = Figures.objects.get(connection__provider="shopify")
    row.data["orders"]["day"] = "2026-02-28"
    row.save()
    assert "orders on 28 Feb" in words(_home(bob, signed_in))


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("2184.40", "EUR", "€2,184"),
        ("48.50", "EUR", "€48.50"),
        ("0", "USD", "$0"),
        ("99.995", "SEK", "SEK 100.00"),
        ("-12.5", "GBP", "−£12.50"),
        ("1234567.89", "CHF", "CHF 1,234,568"),
    ],
)
def test_money_is_shown_as_people_write_it(amount: str, currency: str, shown: str) -> None:
    assert cards.money(Decimal(amount), currency) == shown


def test_the_limits_of_all_providers_are_shown_with_what_waits(
    bob: User, signed_in: SignIn, make_post: MakePost, read: Both
) -> None:
    Delivery.objects.filter(post=make_post("approved")).update(due_at=timezone.now() - timedelta(seconds=5))
    one = providers.other("chatwoot")
    assert one is not None
    one.limiter().pause(50, "tried")
    figures.refresh("chatwoot")
    page = words(_home(bob, signed_in))
    assert "Publer 100 of 100 left Waiting: 1 delivery to hand over" in page
    assert "of 2,000 points left" in page
    assert re.search(r"waits (50|49) s: tried Waiting: 1 call for the inbox's figures, until \d\d:\d\d", page)


def test_shop_and_support_cost_one_query(bob: User, signed_in: SignIn, there: Both) -> None:
    client = signed_in(bob)

    def queries() -> list[str]:
        with CaptureQueriesContext(database) as asked:
            client.get(HOME)
        return [each["sql"] for each in asked]

    queries()
    unread = queries()
    figures.refresh("shopify")
    figures.refresh("chatwoot")
    read = queries()
    assert len(read) == len(unread)
    assert sum("social_figures" in each for each in read) == 1


# ------------------------------------------------------------------------------------- the switch
def test_publishing_is_paused_with_a_reason_and_resumed(bob: User, signed_in: SignIn) -> None:
    client = signed_in(bob)
    client.post(reverse("admin:pause_publishing"), {"reason": "counting stock"})
    engine = Engine.objects.get(pk=1)
    assert (engine.paused, engine.pause_reason, engine.paused_by) == (True, "counting stock", bob)
    client.post(reverse("admin:resume_publishing"))
    assert not Engine.objects.get(pk=1).paused


def test_a_pause_without_a_reason_pauses_nothing(bob: User, signed_in: SignIn) -> None:
    answer = signed_in(bob).post(reverse("admin:pause_publishing"), {"reason": "  "})
    assert answer.status_code == 422
    assert "others will wonder" in answer.content.decode()
    assert not Engine.objects.get(pk=1).paused


def test_a_get_neither_pauses_nor_resumes(bob: User, signed_in: SignIn) -> None:
    client = signed_in(bob)
    client.get(reverse("admin:pause_publishing"), {"reason": "prefetched"})
    assert not Engine.objects.get(pk=1).paused
    Engine.objects.update(paused_at=timezone.now())
    assert client.get(reverse("admin:resume_publishing")).status_code == 405
    assert Engine.objects.get(pk=1).paused


def test_an_author_can_neither_pause_nor_resume(ann: User, signed_in: SignIn) -> None:
    client = signed_in(ann)
    assert client.post(reverse("admin:pause_publishing"), {"reason": "why not"}).status_code == 403
    assert not Engine.objects.get(pk=1).paused
    Engine.objects.update(paused_at=timezone.now())
    assert client.post(reverse("admin:resume_publishing")).status_code == 403
    assert Engine.objects.get(pk=1).paused


def test_the_switch_wants_a_token_against_forgery(bob: User) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    answer = client.post(reverse("admin:pause_publishing"), {"reason": "forged"})
    assert answer.status_code == 403
    assert "the form was too old" in answer.content.decode()
    assert not Engine.objects.get(pk=1).paused


def test_a_name_with_markup_is_shown_as_it_was_written(
    ann: User, signed_in: SignIn, make_post: MakePost
) -> None:
    make_post("pending", title="<img src=x onerror=alert(1)>")
    page = _home(ann, signed_in)
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert Post.objects.count() == 1
