"""What the integrations page says about shop and inbox, from their real traffic."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.connections import Connection
from social.models import Delivery
from social.publishing import figures, providers
from tests.admin.conftest import MakePost, SignIn
from tests.chaos.people import words
from tests.shop_and_inbox import Both, shop_and_inbox

pytestmark = pytest.mark.django_db
PAGE = "/admin/integrations/connection/"


@pytest.fixture
def there(settings: Any, db: None) -> Iterator[Both]:
    with shop_and_inbox(settings) as both:
        yield both


def card(user: User, signed_in: SignIn, provider: str) -> str:
    """The words of one card."""
    page = signed_in(user).get(PAGE).content.decode()
    begin = page.index(f'id="hd-{provider}"')
    return words(page[begin : page.index("</section>", begin)])


def test_the_last_good_call_is_that_of_the_background(olga: User, signed_in: SignIn, there: Both) -> None:
    assert "Last answer none yet" in card(olga, signed_in, "shopify")
    figures.refresh("shopify")
    said = card(olga, signed_in, "shopify")
    assert "Connected as Kiln & Linen" in said
    assert re.search(r"Last answer \d\d:\d\d", said)
    assert "Last error none" in said
    assert re.search(r"Limit [12],\d{3} of 2,000 points left", said)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (
            "refuse",
            "Chatwoot refuses what the environment connects it with. It said: “Invalid Access Token”.",
        ),
        ("html", "Chatwoot gives no answer that makes sense: The provider answered 502 (Bad Gateway)."),
        ("hang", "Chatwoot does not answer: the connection was cut."),
    ],
)
def test_a_card_says_what_is_wrong_since_when_and_when_it_is_tried_again(
    olga: User, signed_in: SignIn, there: Both, mode: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.retry.random.uniform", lambda low, high: high)
    there.inbox.set_faults({"any": {"mode": mode, "seconds": 0.1}})
    figures.refresh("chatwoot")
    figures.refresh("shopify")
    of_inbox, of_shop = (card(olga, signed_in, provider) for provider in ("chatwoot", "shopify"))
    assert f"Trouble {said}" in of_inbox
    assert re.search(r"Since \d\d:\d\d\. It is tried again at \d\d:\d\d\.", of_inbox)
    assert "Last error none" in of_shop
    there.inbox.set_faults({})
    one = providers.other("chatwoot")
    assert one is not None
    providers.test(one)
    assert re.search(r"Last error \d\d:\d\d: Chatwoot ", card(olga, signed_in, "chatwoot"))


def test_a_card_says_how_many_wait_for_what_and_until_when(
    olga: User, signed_in: SignIn, there: Both, make_post: MakePost, connection: Connection
) -> None:
    Delivery.objects.filter(post=make_post("approved")).update(due_at=timezone.now() - timedelta(seconds=5))
    one = providers.other("shopify")
    assert one is not None
    figures.refresh("shopify")
    one.limiter().pause(50, "tried")
    figures.refresh("shopify")
    said = card(olga, signed_in, "shopify")
    assert re.search(r"Waiting 1 call for the shop's figures, until \d\d:\d\d", said)
    assert "Waiting 1 delivery to hand over" in card(olga, signed_in, "publer")
    assert "Waiting" not in card(olga, signed_in, "chatwoot")


def test_the_page_costs_as_many_queries_with_figures_as_without(
    olga: User, signed_in: SignIn, there: Both
) -> None:
    client = signed_in(olga)

    def queries() -> int:
        with CaptureQueriesContext(database) as asked:
            client.get(PAGE)
        return len(asked)

    queries()
    before = queries()
    figures.refresh("shopify")
    figures.refresh("chatwoot")
    assert queries() == before
