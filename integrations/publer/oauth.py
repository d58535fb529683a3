"""The authorization-code grant with PKCE (RFC 6749, RFC 7636), renewal and revocation (RFC 7009).

Publer has no authorization server of its own today; every endpoint is a setting.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from django.conf import settings

from integrations.errors import BadAnswer, NotSent, Refused, RefusedKind
from integrations.redaction import redact, remember

log = structlog.get_logger(__name__)

LONGEST_WORDS: Final = 200
NOT_SENT: Final = (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError)


@dataclass(frozen=True)
class Request:
    """What a person is sent away with, and what is kept here meanwhile."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Grant:
    """Tokens with the seconds of their lives; None where the server does not say."""

    access: str = field(repr=False)
    renewal: str = field(default="", repr=False)
    expires_in: float | None = None
    renewal_expires_in: float | None = None


def is_offered() -> bool:
    """Whether the settings name an authorization server."""
    return bool(
        settings.PUBLER_OAUTH_AUTHORIZE_URL
        and settings.PUBLER_OAUTH_TOKEN_URL
        and settings.PUBLER_OAUTH_CLIENT_ID
    )


def begin(redirect_uri: str) -> Request:
    """A new request with its own state and verifier."""
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(32)
    remember(verifier)
    remember(state)
    with _session(redirect_uri) as session:
        url, _ = session.create_authorization_url(
            settings.PUBLER_OAUTH_AUTHORIZE_URL, state=state, code_verifier=verifier
        )
    return Request(url, state, verifier)


def fingerprint(state: str) -> str:
    """What is kept of a state: enough to know it again, not to make it."""
    return base64.urlsafe_b64encode(hashlib.sha256(state.encode()).digest()).decode()


def is_same(state: str, kept: str) -> bool:
    return hmac.compare_digest(fingerprint(state), kept)


def exchange(code: str, verifier: str, redirect_uri: str) -> Grant:
    """The tokens for a code; tried once. Raises Refused, NotSent or BadAnswer."""
    remember(code)
    remember(verifier)
    with _session(redirect_uri) as session:
        return _grant(
            lambda: session.fetch_token(
                settings.PUBLER_OAUTH_TOKEN_URL,
                grant_type="authorization_code",
                code=code,
                redirect_uri=redirect_uri,
                code_verifier=verifier,
                allow_redirects=False,
            )
        )


def renew(renewal: str) -> Grant:
    """New tokens for a refresh token. Raises Refused where it is not taken any more, NotSent or BadAnswer."""
    remember(renewal)
    with _session() as session:
        return _grant(
            lambda: session.refresh_token(
                settings.PUBLER_OAUTH_TOKEN_URL, refresh_token=renewal, allow_redirects=False
            )
        )


def revoke(token: str, hint: str) -> bool:
    """Tell the server that a token is no longer wanted; whether it said yes. Never raises."""
    if not settings.PUBLER_OAUTH_REVOKE_URL or not token:
        return False
    try:
        with _session() as session:
            answer = session.revoke_token(
                settings.PUBLER_OAUTH_REVOKE_URL, token=token, token_type_hint=hint, allow_redirects=False
            )
        return bool(answer.status_code == 200)
    except (requests.RequestException, AuthlibBaseError, ValueError) as error:
        log.warning("token not revoked", provider="publer", error=type(error).__name__)
        return False


def _session(redirect_uri: str | None = None) -> Any:
    remember(settings.PUBLER_OAUTH_CLIENT_SECRET)
    return OAuth2Session(
        settings.PUBLER_OAUTH_CLIENT_ID,
        settings.PUBLER_OAUTH_CLIENT_SECRET or None,
        scope=settings.PUBLER_OAUTH_SCOPE or None,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        default_timeout=(settings.PROVIDER_CONNECT_TIMEOUT, settings.PROVIDER_READ_TIMEOUT),
    )


def _grant(ask: Callable[[], Any]) -> Grant:
    """What came back, or an error of the family. The libraries' own end here: they carry code and secret."""
    try:
        told = ask()
    except AuthlibBaseError as error:
        raise _refused(str(error.error or ""), str(error.description or "")) from None
    except NOT_SENT as error:
        raise NotSent(
            f"The authorization server could not be reached ({type(error).__name__}).", provider="publer"
        ) from None
    except (requests.RequestException, ValueError) as error:
        raise BadAnswer(
            f"The authorization server gave no answer that makes sense ({type(error).__name__}).",
            provider="publer",
        ) from None
    access, renewal = told.get("access_token"), told.get("refresh_token")
    for token in (access, renewal):
        if isinstance(token, str):
            remember(token)
    if not isinstance(access, str) or not access:
        raise BadAnswer("The authorization server's answer has no token.", provider="publer")
    return Grant(
        access,
        renewal if isinstance(renewal, str) else "",
        _seconds(told.get("expires_in")),
        _seconds(told.get("refresh_token_expires_in") or told.get("refresh_expires_in")),
    )


def _refused(error: str, description: str) -> Refused:
    words = redact(description or error)[:LONGEST_WORDS]
    ours = error in ("invalid_grant", "invalid_client", "unauthorized_client")
    kind: RefusedKind = "auth" if ours else "setup"
    return Refused(
        f"The authorization server refused: {words}", provider="publer", kind=kind, errors=(error, words)
    )


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value) if isinstance(value, str | int | float) else 0.0
    except ValueError:
        return None
    return seconds if seconds > 0 else None
