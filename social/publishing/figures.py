"""The figures of the shop and of the support inbox: read in the background, one reading at a time a provider,
and kept in a row, from which alone they are shown."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from kombu.exceptions import OperationalError

from integrations.chatwoot import connect as chatwoot
from integrations.connections import Connection
from integrations.errors import BadAnswer, Held, ProviderError, Refused
from integrations.shopify import connect as shopify
from social import clock
from social.models import Figures
from social.publishing import providers

P = Connection.Provider

LOW_STOCK_BELOW: Final = 5
SCARCEST: Final = 3
"""Variants that are named, of those that run out."""
SHOP_HOLDS: Final = timedelta(hours=1)
"""A shop seldom changes its currency and time zone."""
LONGEST_COUNTDOWN: Final = 60.0
"""Seconds. Brokers redeliver what waits longer: that stands on the row, and Beat looks."""

log = structlog.get_logger("hotdash.figures")

Read = Callable[[dict[str, Any], datetime], dict[str, Any]]


@dataclass(frozen=True)
class Part:
    """What one or a few calls bring. `read` gets what is known so far and the moment of asking; `needs` has
    to be known before. `holds`: not read again before so long."""

    name: str
    read: Read
    needs: str = ""
    holds: timedelta = timedelta()


def _shop(known: dict[str, Any], now: datetime) -> dict[str, Any]:
    shop = shopify.client().shop()
    _zone(shop.time_zone)
    return {
        "name": shop.name,
        "currency": shop.currency,
        "time_zone": shop.time_zone,
        "left_out": shop.errors,
    }


def _orders(known: dict[str, Any], now: datetime) -> dict[str, Any]:
    zone = _zone(known["shop"]["time_zone"])
    today = now.astimezone(zone).date()
    orders = shopify.client().orders_on(today, zone)
    return {
        "day": today.isoformat(),
        "orders": orders.count,
        "total": str(orders.total),
        "unfulfilled": orders.waiting,
        "complete": orders.complete,
        "left_out": orders.errors,
    }


def _low_stock(known: dict[str, Any], now: datetime) -> dict[str, Any]:
    low = shopify.client().low_stock(LOW_STOCK_BELOW)
    return {
        "variants": len(low.variants),
        "scarcest": [{"name": each.name, "quantity": each.quantity} for each in low.variants[:SCARCEST]],
        "complete": low.complete,
        "left_out": low.errors,
    }


def _counts(known: dict[str, Any], now: datetime) -> dict[str, Any]:
    counts = chatwoot.client().counts()
    return {"open": counts.all, "unassigned": counts.unassigned}


def _longest_wait(known: dict[str, Any], now: datetime) -> dict[str, Any]:
    wait = chatwoot.client().longest_wait()
    return {"since": wait.since.isoformat() if wait.since else None, "complete": wait.complete}


PARTS: Final[dict[str, tuple[Part, ...]]] = {
    P.SHOPIFY: (
        Part("shop", _shop, holds=SHOP_HOLDS),
        Part("orders", _orders, needs="shop"),
        Part("low_stock", _low_stock),
    ),
    P.CHATWOOT: (Part("counts", _counts), Part("longest_wait", _longest_wait)),
}
TASKS: Final = {P.SHOPIFY: "social.tasks.read_shop", P.CHATWOOT: "social.tasks.read_inbox"}


def refresh(provider: str) -> None:
    """Read what the provider's tile shows, unless somebody else is at it or it is to wait. Never sleeps."""
    one = providers.other(provider)
    if one is None or not one.is_set_up():
        return
    connection = providers.row_of(one)
    now = clock.now()
    if connection.is_paused(now) or (connection.not_before and connection.not_before > now):
        return
    figures, _ = Figures.objects.get_or_create(connection=connection)
    claim = _Claim.of(figures, now)
    if claim is None:
        return
    try:
        _read(one, connection, figures.data, claim)
    except Exception:
        claim.release(problem="HotDash failed at reading this: its log says how.")
        raise


def _read(one: providers.Other, connection: Connection, known: dict[str, Any], claim: "_Claim") -> None:
    """Part after part, the oldest first: what a reading that was held did not reach comes first in the next.
    What was brought is kept, whatever comes after it."""
    error: ProviderError | None = None
    answered = False
    for part in sorted(PARTS[one.provider], key=lambda part: known.get(part.name, {}).get("as_of", "")):
        now, started = clock.now(), time.monotonic()
        if (part.needs and part.needs not in known) or not _is_due(known.get(part.name), part.holds, now):
            continue
        try:
            brought = part.read(known, now)
        except Held as held:
            if error is not None:
                break  # what went wrong is to be told, and waited for, first
            if answered:
                providers.became_well(connection)
            claim.hold(held)
            _come_back(one, held.seconds)
            return
        except ProviderError as failed:
            error = error or failed
            if isinstance(failed, Refused) and failed.kind != "rate_limited":
                continue  # it was about this question: another may be answered
            break
        known = claim.keep(part.name, {"as_of": now.isoformat(), **brought})
        providers.heard(connection, started, known.get("shop", {}).get("name") or one.account())
        answered = True
    if error is None:
        providers.became_well(connection)
        claim.release(problem=_left_out(known))
        return
    providers.in_trouble(connection, error)
    limited = isinstance(error, Refused) and error.kind == "rate_limited"
    name = one.provider.label
    claim.release(problem=f"{name} says that its limit is used up." if limited else connection.trouble_words)


def _is_due(part: dict[str, Any] | None, holds: timedelta, now: datetime) -> bool:
    return part is None or datetime.fromisoformat(part["as_of"]) + holds <= now


def _left_out(known: dict[str, Any]) -> str:
    """That an answer was not whole, in the provider's words."""
    words = [word for part in known.values() for word in part.get("left_out", ())]
    gone = shopify.client().version_gone if "shop" in known else ""
    if gone:
        words.append(f"it answered in version {gone}, since the one that SHOPIFY_API_VERSION names is gone")
    return f"Shopify left something out: {'; '.join(dict.fromkeys(words))}." if words else ""


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        words = f"It names a time zone that is not known here, {name!r}."
        raise BadAnswer(words, provider=P.SHOPIFY, status=200) from None


class _Claim:
    """One reading at a time a provider: a moment on the row, until which whoever wrote it reads. It is moved
    on with each part, and ends by itself where its process died."""

    def __init__(self, figures: Figures, until: datetime) -> None:
        self._pk, self._until = figures.pk, until

    @classmethod
    def of(cls, figures: Figures, now: datetime) -> "_Claim | None":
        """None where somebody else reads, or nobody is to."""
        until = now + _patience()
        free = Figures.objects.filter(
            Q(reading_until=None) | Q(reading_until__lte=now),
            Q(waits_until=None) | Q(waits_until__lte=now),
            pk=figures.pk,
        )
        return cls(figures, until) if free.update(reading_until=until) else None

    def keep(self, name: str, part: dict[str, Any]) -> dict[str, Any]:
        """Write a part down, unless a later one stands there already; all parts as they then are."""
        with transaction.atomic():
            row = Figures.objects.select_for_update().get(pk=self._pk)
            if row.data.get(name, {}).get("as_of", "") < part["as_of"]:
                row.data = {**row.data, name: part}
                shown = [each["as_of"] for key, each in row.data.items() if key != "shop"]
                row.as_of = datetime.fromisoformat(min(shown)) if shown else None
            if row.reading_until == self._until:
                row.reading_until = self._until = clock.now() + _patience()
            row.save(update_fields=["data", "as_of", "reading_until"])
            data: dict[str, Any] = row.data
        return data

    def hold(self, held: Held) -> None:
        """The limiter says when."""
        until = clock.now() + timedelta(seconds=held.seconds)
        self._end(problem=held.message, waits_until=until)
        log.info("held", reason=held.reason, seconds=round(held.seconds, 1))

    def release(self, problem: str) -> None:
        self._end(problem=problem, waits_until=None)

    def _end(self, **said: Any) -> None:
        """Only where it is still ours: somebody may have given us up."""
        Figures.objects.filter(pk=self._pk, reading_until=self._until).update(reading_until=None, **said)


def _patience() -> timedelta:
    """Longer than a part takes: a token to be fetched, then its call."""
    a_call = settings.PROVIDER_CONNECT_TIMEOUT + 2 * settings.PROVIDER_READ_TIMEOUT
    return timedelta(seconds=2 * a_call + 10)


def _come_back(one: providers.Other, seconds: float) -> None:
    """A task for that moment, where it is near. Where it gets lost, Beat looks a little later."""
    if seconds > LONGEST_COUNTDOWN:
        return
    try:
        current_app.send_task(
            TASKS[one.provider], countdown=seconds + 0.1, expires=300, retry=False, ignore_result=True
        )
    except (OperationalError, OSError) as error:
        log.warning("broker away: Beat will look", error=type(error).__name__)
