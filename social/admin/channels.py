"""The integrations page's table: how each account of the connected workspace stands, one row each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q

from integrations.connections import Connection
from integrations.credentials import Credential
from social import networks
from social.explain import pause_words
from social.models import Channel, Delivery
from social.moments import dated, day, span
from social.publishing import access
from social.publishing.reconciliation import PENDING_THERE

D = Delivery.Status
DAY = timedelta(hours=24)
COUNTED = (*Delivery.IN_AIR, D.SCHEDULED, D.PUBLISHED)
"""What takes a place of the day's, as the stamp counts."""
GOES_BY_ITSELF = (D.QUEUED, D.SENDING, D.ACCEPTED, D.SCHEDULED)


@dataclass(frozen=True)
class Row:
    """`pill` and `state`: the state in words. `ends`: when its connection ends, with its `tone` ("", "amber",
    "red"). `used` of `limit` (None: the plan sets none) in the last 24 hours. `next`: its next post.
    `reconnect`: somebody has to connect it anew at the provider."""

    channel: Channel
    pill: str
    state: str
    ends: str
    tone: str
    used: int
    limit: int | None
    next: str
    reconnect: bool = False

    @property
    def low(self) -> int:
        return (self.limit or 0) * 4 // 5

    @property
    def high(self) -> int:
        return (self.limit or 0) * 19 // 20


@dataclass(frozen=True)
class _Work:
    """What is planned on one account: the next that goes by itself, whether something waits for a person, and
    whether the provider asks for the account to be connected anew."""

    next: datetime | None = None
    held: int = 0
    asked: int = 0


def rows(connection: Connection, own: Credential | None, now: datetime) -> list[Row]:
    """Three queries, however many accounts there are. `own`: the credential in use, where it is not the
    environment's."""
    channels = list(
        connection.channels.select_related("paused_by").order_by("-active", "network", "name", "id")
    )
    used, work = _used(connection, now), _work(connection, now)
    return [
        _row(channel, own, used.get(channel.pk, 0), work.get(channel.pk, _Work()), now)
        for channel in channels
    ]


def _used(connection: Connection, now: datetime) -> dict[int, int]:
    counted = Delivery.objects.filter(
        channel__connection=connection, status__in=COUNTED, goes_at__gt=now - DAY, goes_at__lte=now
    )
    return dict(_by_channel(counted).values_list("channel", Count("pk")))


def _work(connection: Connection, now: datetime) -> dict[int, _Work]:
    late = now - timedelta(seconds=settings.LATE_AFTER_SECONDS)
    planned = Delivery.objects.filter(channel__connection=connection, status__in=GOES_BY_ITSELF)
    found = _by_channel(planned).annotate(
        next=Min("due_at", filter=Q(due_at__gt=late)),
        held=Count("pk", filter=Q(due_at__lte=late, status=D.QUEUED)),
        asked=Count("pk", filter=Q(status=D.SCHEDULED, problem=PENDING_THERE["scheduled_reauth"])),
    )
    return {each.pop("channel"): _Work(**each) for each in found.values("channel", "next", "held", "asked")}


def _by_channel(deliveries: Any) -> Any:
    return deliveries.order_by().values("channel")


def _row(channel: Channel, own: Credential | None, used: int, work: _Work, now: datetime) -> Row:
    pill, state, ends, tone = _state(channel, own, work, now)
    limit = networks.daily_limit(channel.network, channel.kind, settings.PUBLER_PLAN)
    broken = not channel.active or bool(work.asked)
    following = _next(work, now, stopped=pill == "failed")
    if channel.is_paused(now):
        following = pause_words("", channel).strip()
        pill, state = ("paused", "Paused") if pill == "connected" else (pill, state)
    return Row(channel, pill, state, ends, tone, used, limit, following, broken)


def _state(channel: Channel, own: Credential | None, work: _Work, now: datetime) -> tuple[str, str, str, str]:
    """Pill, state, end and its tone: what is wrong with the account itself comes first."""
    if not channel.active:
        since = f"missing since {day(channel.gone_at)}" if channel.gone_at else "not known since when"
        if work.next or work.held:
            return "failed", "No longer listed", since, "red"
        return "off", "No longer listed", since, ""
    if work.asked:
        return "failed", "Reconnect it", "ended at Publer", "red"
    if own is not None and own.ended_at:
        return "failed", "Ended", f"ended {day(own.ended_at)}", "red"
    if own is not None and own.ends_at:
        soon = own.ends_within(access.ENDS_SOON, now)
        left = max(0.0, (own.ends_at - now).total_seconds())
        if soon:
            return "pending", f"Ends in {span(left)}", dated(own.ends_at), "amber"
        return "connected", "Connected", day(own.ends_at), ""
    return "connected", "Connected", "not known to end", ""


def _next(work: _Work, now: datetime, *, stopped: bool) -> str:
    if work.held or (stopped and work.next):
        return "held: needs you"
    if work.next is None:
        return "none planned"
    return dated(work.next) if work.next > now else "now"
