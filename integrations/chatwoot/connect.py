"""The Chatwoot account that the environment names."""

import hashlib
from functools import lru_cache

from django.conf import settings

from integrations.chatwoot.client import ChatwootClient
from integrations.ratelimit import Limiter, limiter_for


def is_set_up() -> bool:
    """Whether the environment says where Chatwoot is and what lets us in."""
    return bool(settings.CHATWOOT_BASE_URL and settings.CHATWOOT_ACCOUNT_ID and settings.CHATWOOT_API_TOKEN)


def limiter() -> Limiter:
    """The limiter of this token: Chatwoot counts by address, token and account."""
    parts = (settings.CHATWOOT_BASE_URL, settings.CHATWOOT_ACCOUNT_ID, settings.CHATWOOT_API_TOKEN)
    return limiter_for("chatwoot", hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12])


def client() -> ChatwootClient:
    """A client with pooled connections, the same for every caller; where `is_set_up`."""
    return _client(
        settings.CHATWOOT_BASE_URL,
        settings.CHATWOOT_ACCOUNT_ID,
        settings.CHATWOOT_API_TOKEN,
        settings.CHATWOOT_AUTH_HEADER,
        settings.PROVIDER_CONNECT_TIMEOUT,
        settings.PROVIDER_READ_TIMEOUT,
    )


@lru_cache(maxsize=8)
def _client(
    base_url: str, account: str, token: str, header: str, connect: float, read: float
) -> ChatwootClient:
    return ChatwootClient(base_url, account, token, limiter(), connect, read, header)
