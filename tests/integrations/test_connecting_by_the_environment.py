"""The shop and the inbox that the environment names."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from integrations.chatwoot import connect as chatwoot
from integrations.chatwoot.sandbox.server import Sandbox as Inbox
from integrations.chatwoot.sandbox.server import Settings as InboxSettings
from integrations.shopify import connect as shopify
from integrations.shopify.sandbox.server import Sandbox as Shop
from integrations.shopify.sandbox.server import Settings as ShopSettings

NOTHING = {
    "SHOPIFY_BASE_URL": "",
    "SHOPIFY_ACCESS_TOKEN": "",
    "SHOPIFY_CLIENT_ID": "",
    "SHOPIFY_CLIENT_SECRET": "",
    "CHATWOOT_BASE_URL": "",
    "CHATWOOT_ACCOUNT_ID": "",
    "CHATWOOT_API_TOKEN": "",
}


@pytest.fixture
def shop() -> Iterator[Shop]:
    sandbox = Shop(ShopSettings(token="permanent", client_id="app", client_secret="app-secret"))
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    sandbox = Inbox(InboxSettings(token="users-token"))
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.mark.parametrize(
    ("token", "granted"),
    [
        ({"SHOPIFY_ACCESS_TOKEN": "permanent"}, 0),
        ({"SHOPIFY_CLIENT_ID": "app", "SHOPIFY_CLIENT_SECRET": "app-secret"}, 1),
        ({"SHOPIFY_ACCESS_TOKEN": "permanent", "SHOPIFY_CLIENT_ID": "x", "SHOPIFY_CLIENT_SECRET": "y"}, 0),
    ],
)
def test_a_shop_is_reached_with_either_kind_of_token(shop: Shop, token: dict[str, str], granted: int) -> None:
    with override_settings(**{**NOTHING, "SHOPIFY_BASE_URL": shop.url, **token}):
        assert shopify.is_set_up()
        assert shopify.client().shop().name == "Kiln & Linen"
        assert shopify.client() is shopify.client()
        assert shopify.limiter().state().remaining is not None
    assert shop.calls["access_token"] == granted


def test_an_inbox_is_reached(inbox: Inbox) -> None:
    named = {"CHATWOOT_BASE_URL": inbox.url, "CHATWOOT_ACCOUNT_ID": "1", "CHATWOOT_API_TOKEN": "users-token"}
    with override_settings(**{**NOTHING, **named}):
        assert chatwoot.is_set_up()
        assert chatwoot.client().counts().all > 0
        assert chatwoot.client() is chatwoot.client()


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"SHOPIFY_BASE_URL": "http://x", "CHATWOOT_BASE_URL": "http://x", "CHATWOOT_ACCOUNT_ID": "1"},
        {"SHOPIFY_BASE_URL": "http://x", "SHOPIFY_CLIENT_ID": "app", "CHATWOOT_API_TOKEN": "token"},
        {"SHOPIFY_ACCESS_TOKEN": "token"},
    ],
)
def test_half_of_it_is_not_set_up(named: dict[str, Any]) -> None:
    with override_settings(**{**NOTHING, **named}):
        assert not shopify.is_set_up()
        assert not chatwoot.is_set_up()
