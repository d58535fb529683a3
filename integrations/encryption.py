"""Credentials at rest, outside the environment: encrypted under `FIELD_ENCRYPTION_KEYS`."""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Undecipherable(Exception):
    """Nothing that any of today's keys made: a key was taken away too early, or somebody touched the text."""


def encrypt(text: str) -> str:
    """The text under the newest key."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """What was encrypted, under whichever of the keys. Raises Undecipherable."""
    try:
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(text.encode()).decode()
    except InvalidToken:
        raise Undecipherable("None of FIELD_ENCRYPTION_KEYS opens what was stored.") from None


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    """Any long secret may be a key: Fernet's own form is made from it."""
    stripped = [key.strip() for key in keys]
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in stripped if key]
    )
