"""The shop that the environment names."""

import hashlib
from functools import lru_cache

import redis
from django.conf import settings

from integrations.ratelimit import Limiter, limiter_for
from integrations.shopify.client import ShopifyClient
from integrations.shopify.token import ClientCredentials, GrantedToken, PermanentToken, Token


def is_set_up() -> bool:
    """Whether the environment says where the shop is and what lets us in."""
    granted = settings.SHOPIFY_CLIENT_ID and settings.SHOPIFY_CLIENT_SECRET
    return bool(settings.SHOPIFY_BASE_URL and (settings.SHOPIFY_ACCESS_TOKEN or granted))


def limiter() -> Limiter:
    """The limiter of this app at this shop: Shopify's bucket is one an app and shop."""
    return limiter_for("shopify", _scope())


def client() -> ShopifyClient:
    """A client with pooled connections, the same for every caller; where `is_set_up`."""
    return _client(
        _scope(),
        settings.SHOPIFY_API_VERSION,
        settings.PROVIDER_CONNECT_TIMEOUT,
        settings.PROVIDER_READ_TIMEOUT,
    )


@lru_cache(maxsize=8)
def _client(scope: str, version: str, connect: float, read: float) -> ShopifyClient:
    return ShopifyClient(settings.SHOPIFY_BASE_URL, version, _token(scope), limiter(), connect, read)


def _token(scope: str) -> Token:
    if settings.SHOPIFY_ACCESS_TOKEN:
        return PermanentToken(settings.SHOPIFY_ACCESS_TOKEN)
    ask = ClientCredentials(
        settings.SHOPIFY_BASE_URL,
        settings.SHOPIFY_CLIENT_ID,
        settings.SHOPIFY_CLIENT_SECRET,
        limiter(),
        settings.PROVIDER_CONNECT_TIMEOUT,
        settings.PROVIDER_READ_TIMEOUT,
    )
    store = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2)
    return GrantedToken(ask, store, scope)


def _scope() -> str:
    """Another app, secret or shop is another scope, with a token of its own."""
    parts = (
        settings.SHOPIFY_BASE_URL,
        settings.SHOPIFY_ACCESS_TOKEN or settings.SHOPIFY_CLIENT_ID,
        settings.SHOPIFY_ACCESS_TOKEN or settings.SHOPIFY_CLIENT_SECRET,
    )
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
