"""The stand-ins of shop and inbox in this process, and the settings that lead there."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from integrations.chatwoot.sandbox.server import Sandbox as Inbox
from integrations.chatwoot.sandbox.server import Settings as InboxSettings
from integrations.shopify.sandbox.server import Sandbox as Shop
from integrations.shopify.sandbox.server import Settings as ShopSettings
from integrations.standin import StandIn


@dataclass(frozen=True)
class Both:
    """By provider's name, too."""

    shop: Shop
    inbox: Inbox

    def __getitem__(self, provider: str) -> StandIn:
        return {"shopify": self.shop, "chatwoot": self.inbox}[provider]

    def misbehave(self, mode: str, **more: Any) -> None:
        """From now on both do, whatever they are asked; "" ends it."""
        for standin in (self.shop, self.inbox):
            standin.set_faults({"any": {"mode": mode, **more}} if mode else {})


@contextmanager
def shop_and_inbox(settings: Any, **clock: Any) -> Iterator[Both]:
    """Running and connected by the settings; keys of their own, so limits of their own. `clock=…` as the
    stand-ins take it."""
    token, secret = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
    shop = Shop(ShopSettings(client_id="app", client_secret=secret), **clock)
    inbox = Inbox(InboxSettings(token=token), **clock)
    shop.start()
    inbox.start()
    settings.SHOPIFY_BASE_URL, settings.SHOPIFY_ACCESS_TOKEN = shop.url, ""
    settings.SHOPIFY_CLIENT_ID, settings.SHOPIFY_CLIENT_SECRET = "app", secret
    settings.CHATWOOT_BASE_URL, settings.CHATWOOT_ACCOUNT_ID = inbox.url, "1"
    settings.CHATWOOT_API_TOKEN = token
    try:
        yield Both(shop, inbox)
    finally:
        shop.stop()
        inbox.stop()
