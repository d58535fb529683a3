"""The providers that only the environment connects: the shop and the support desk. Publer has `connect`."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User

from integrations import notices
from integrations.chatwoot import connect as chatwoot
from integrations.connections import Connection
from integrations.errors import Held, NotSent, ProviderError, Refused
from integrations.notices import Notice
from integrations.ratelimit import Limiter, LimiterState, LimiterUnavailable, Priority
from integrations.retry import Retry
from integrations.shopify import connect as shopify
from social import clock, workflow
from social.models import Figures

PAUSE_SECONDS = 30 * 24 * 3600.0
"""How long the limiter holds a pause that nobody ends; each look at the page tells it again."""
LONGEST_BACKOFF = 300.0
"""Seconds between two tries of a provider in trouble, at most."""
MOST_COUNTED = 30
"""Troubles in a row; the wait has long reached its longest."""


@dataclass(frozen=True)
class Other:
    """`ask` raises the errors of the client and answers how the provider calls us, and what else it says;
    `account` is what names us there, `names` are the settings that connect it. `routes`: of the calls that
    HotDash makes by itself, those whose limits differ."""

    provider: Connection.Provider
    is_set_up: Callable[[], bool]
    limiter: Callable[[], Limiter]
    ask: Callable[[], tuple[str, str]]
    account: Callable[[], str]
    address: Callable[[], str]
    names: str
    routes: tuple[str, ...]


def _shop() -> tuple[str, str]:
    return shopify.client().shop(Priority.PERSON).name, ""


def _desk() -> tuple[str, str]:
    counts = chatwoot.client().counts(priority=Priority.PERSON)
    return _desk_account(), f", {counts.all} open"


def _desk_account() -> str:
    return f"{urlsplit(settings.CHATWOOT_BASE_URL).netloc}, account {settings.CHATWOOT_ACCOUNT_ID}"


OTHERS = (
    Other(
        Connection.Provider.SHOPIFY,
        shopify.is_set_up,
        shopify.limiter,
        _shop,
        lambda: urlsplit(settings.SHOPIFY_BASE_URL).netloc or settings.SHOPIFY_STORE_DOMAIN,
        lambda: settings.SHOPIFY_BASE_URL,
        "SHOPIFY_STORE_DOMAIN and SHOPIFY_CLIENT_ID with SHOPIFY_CLIENT_SECRET",
        ("graphql.json",),
    ),
    Other(
        Connection.Provider.CHATWOOT,
        chatwoot.is_set_up,
        chatwoot.limiter,
        _desk,
        _desk_account,
        lambda: settings.CHATWOOT_BASE_URL,
        "CHATWOOT_BASE_URL, CHATWOOT_ACCOUNT_ID and CHATWOOT_API_TOKEN",
        ("conversations/meta", "conversations"),
    ),
)


def other(provider: str) -> Other | None:
    return next((each for each in OTHERS if each.provider == provider), None)


def row_of(one: Other) -> Connection:
    """The connection that the environment makes now."""
    rows = Connection.objects.filter(provider=one.provider)
    rows.exclude(workspace=one.account()).filter(connected=True).update(connected=False)
    row, _ = Connection.objects.get_or_create(
        provider=one.provider,
        workspace=one.account(),
        defaults={"base_url": one.address(), "connected": True, "connected_at": clock.now()},
    )
    if not row.connected:
        row.connected, row.connected_at = True, clock.now()
        row.save(update_fields=["connected", "connected_at"])
    _hold_while_paused(one, row)
    return row


def connected() -> dict[str, Connection]:
    """The rows of those that are set up, by provider, with figures and who paused: one query. One that was
    never asked has none."""
    wanted = {str(one.provider): one.account() for one in OTHERS if one.is_set_up()}
    rows = Connection.objects.filter(provider__in=wanted, connected=True)
    found = rows.select_related("figures", "paused_by")
    return {row.provider: row for row in found if row.workspace == wanted[row.provider]}


def limiter_state(one: Other) -> LimiterState | None:
    """What the limiter knows of the limit that is nearest; None where its store cannot be asked."""
    try:
        states = [one.limiter().state(route) for route in one.routes]
    except LimiterUnavailable:
        return None
    return min(
        states,
        key=lambda state: (not state.reason, state.limit if state.remaining is None else state.remaining),
    )


def test(one: Other) -> tuple[int, str]:
    """Ask now: milliseconds, and what it said. Raises the client's errors, which are told on the row, too."""
    row, started = row_of(one), time.monotonic()
    try:
        name, more = one.ask()
    except ProviderError as error:
        in_trouble(row, error)
        raise
    took = heard(row, started, name)
    became_well(row)
    return took, name + more


def heard(row: Connection, since: float, name: str) -> int:
    """The provider answered what was asked at `since` (of the monotonic clock): in so many milliseconds."""
    took = round((time.monotonic() - since) * 1000)
    Connection.objects.filter(pk=row.pk).update(
        name=name[:200], last_ok_at=clock.now(), last_ok_milliseconds=took
    )
    return took


def became_well(row: Connection) -> None:
    """Nothing is wrong, or no more: nothing waits for a better moment."""
    Connection.objects.filter(pk=row.pk).update(
        trouble="", trouble_words="", trouble_since=None, trouble_count=0, not_before=None
    )
    Figures.objects.filter(connection=row).update(waits_until=None)
    notices.over(row)


def pause(one: Other, by: User, reason: str, until: datetime | None = None) -> None:
    """Hold every call until then, or until somebody resumes it."""
    workflow.pause(by, reason, what=row_of(one), until=until)
    row_of(one)


def resume(one: Other, by: User) -> None:
    row = row_of(one)
    workflow.resume(by, what=row)
    Figures.objects.filter(connection=row).update(waits_until=None)
    with contextlib.suppress(LimiterUnavailable):
        one.limiter().resume()


def _hold_while_paused(one: Other, row: Connection) -> None:
    """The row is the truth: the limiter is told again, as long as it lasts."""
    now = clock.now()
    if not row.is_paused(now):
        return
    left = (row.paused_until - now).total_seconds() if row.paused_until else PAUSE_SECONDS
    with contextlib.suppress(LimiterUnavailable):  # then no call is let through at all
        one.limiter().pause(min(left, PAUSE_SECONDS), row.pause_reason)


def in_trouble(row: Connection, error: ProviderError) -> None:
    """Write down, in words, what is wrong, and let it wait, longer each time in a row."""
    if isinstance(error, Held) or (isinstance(error, Refused) and error.kind == "rate_limited"):
        return  # the limiter holds everybody: nothing is wrong with the connection
    now = clock.now()
    row.trouble, row.trouble_words = _words(row, error)
    row.trouble_since, row.last_error_at = row.trouble_since or now, now
    row.last_error = row.trouble_words
    row.trouble_count = min(row.trouble_count + 1, MOST_COUNTED)
    again = Retry(MOST_COUNTED + 1, settings.RETRY_BASE_SECONDS, LONGEST_BACKOFF).wait_after(
        row.trouble_count
    )
    row.not_before = now + timedelta(seconds=again or 0)
    row.save(
        update_fields=[
            *("trouble", "trouble_words", "trouble_since", "trouble_count", "not_before"),
            *("last_error", "last_error_at"),
        ]
    )
    if row.trouble == Connection.Trouble.REFUSED:
        notices.tell(row, Notice.Kind.REFUSED, row.trouble_since.isoformat(), row.trouble_words)


def _words(row: Connection, error: ProviderError) -> tuple[Connection.Trouble, str]:
    T, name, why = Connection.Trouble, row.get_provider_display(), error.message.rpartition(": ")[2]
    if isinstance(error, Refused):
        one = other(row.provider)
        todo = f" An operator checks {one.names}." if one else ""
        said = f" It said: “{'; '.join(error.errors)}”."
        if error.kind == "auth":
            return T.REFUSED, f"{name} refuses what the environment connects it with.{said}{todo}"
        return T.SETUP, f"{name} refuses the call.{said}{todo if error.kind == 'setup' else ''}"
    if isinstance(error, NotSent):
        return T.UNREACHABLE, f"{name} cannot be reached: {why}"
    if error.status is None:
        return T.UNREACHABLE, f"{name} does not answer: {why}"
    return T.NONSENSE, f"{name} gives no answer that makes sense: {error.message}"
