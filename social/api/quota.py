"""What a program may still do: its quota and its stop switch, asked again where a proposal is written."""

from collections.abc import Callable

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase

from social import agents
from social.api.problems import AGENT_STOPPED, QUOTA_USED_UP, Problem, not_signed_in
from social.models import ApiToken
from social.moments import moment

log = structlog.get_logger("hotdash.api")
_DAY = 86_400
"""Seconds: what `RateLimit-Policy` calls the window. The day is the shop's own."""


def not_stopped(token: ApiToken) -> None:
    """Raises `Problem` (403) for a program that a person has stopped."""
    if token.stopped_at is None:
        return
    who = token.stopped_by
    by = f" by {who.get_full_name() or who.get_username()}" if who else ""
    why = f": {token.stop_reason}" if token.stop_reason else "."
    raise Problem(
        AGENT_STOPPED, f"“{token.name}” was stopped{by}, {moment(token.stopped_at)}{why}", agent=token.name
    )


def take(token: ApiToken | None) -> None:
    """Before a proposal is written, in its transaction: raises `Problem` where the program is stopped or
    revoked, or has used up its quota. Of two at once the second waits here for the first, and counts it."""
    if token is None:
        return
    now = ApiToken.objects.select_for_update(no_key=True).get(pk=token.pk)
    if now.revoked_at is not None:
        raise not_signed_in("The token is unknown or revoked.", error="invalid_token")
    not_stopped(now)
    some_left(now)


def some_left(token: ApiToken | None) -> None:
    """Raises `Problem` (429) for a program that has used up its quota."""
    quota = agents.quota_of(token) if token is not None else None
    if token is not None and quota is not None and not quota.remaining:
        raise Problem(
            QUOTA_USED_UP,
            f"“{token.name}” has made its {quota.limit} proposals of today; the next day begins "
            f"{quota.resets_at:%Y-%m-%d %H:%M} in the shop's zone.",
            headers={"Retry-After": str(quota.seconds)},
            resets_at=quota.resets_at.isoformat(),
        )


class RateLimitHeaders:
    """Middleware: tells a program that has a quota how much of it is left, on every answer it gets."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        token: ApiToken | None = getattr(request, "token_of_program", None)
        if token is None or token.daily_quota is None or response.status_code >= 500:
            return response
        try:
            quota = agents.quota_of(token)
        except DatabaseError as error:  # the work is done: its answer is not lost for this
            log.warning("quota not read", reason=str(error))
            return response
        if quota is not None:
            response.headers["RateLimit-Policy"] = f'"proposals";q={quota.limit};w={_DAY}'
            response.headers["RateLimit"] = f'"proposals";r={quota.remaining};t={quota.seconds}'
        return response
