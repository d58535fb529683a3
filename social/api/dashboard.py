"""The state of everything, from the database and the limiter's store: no provider is ever waited for."""

import json
import threading
import time
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from integrations.connections import Connection
from social import agents, queue, tiles
from social.api import schemas
from social.api.auth import caller, may
from social.api.conditional import fresh
from social.api.posts import answered
from social.explain import Situation, paused_channels, what_stops_all
from social.limits import limits
from social.models import Channel, Delivery, Post
from social.publishing import providers

D = Delivery.Status
router = Router(tags=["dashboard"])
_ERRORS = {401: schemas.ProblemOut, 403: schemas.ProblemOut, 422: schemas.InvalidOut, 503: schemas.ProblemOut}
_DAY = timedelta(hours=24)
HOLDS = 1.0
"""Seconds for which a process tells the dashboard as it has read it: many may poll it at once."""
_one_reads = threading.Lock()
_read: dict[str, tuple[float, bytes, bytes]] = {}
"""By the zone in which its words tell times: when it was read, the answer, and what of it counts as new."""


@router.get(
    "channels",
    auth=may("posts:read", "social.view_post"),
    response={200: schemas.ChannelList, 304: None, **_ERRORS},
)
def list_channels(request: HttpRequest) -> HttpResponse:
    """The accounts of the connected workspace."""
    rows = Channel.objects.filter(
        connection__provider="publer", connection__connected=True, active=True
    ).order_by("network", "name", "id")
    found = [
        schemas.ChannelOut(
            id=row.account_id,
            network=row.network,
            name=row.name,
            kind=row.kind,
            picture=row.picture or None,
        )
        for row in rows
    ]
    return fresh(request, answered(200, schemas.ChannelList(items=found)))


@router.get(
    "agent",
    auth=may("posts:read", "social.view_post"),
    response={200: schemas.AgentOut, 304: None, **_ERRORS},
)
def show_agent(request: HttpRequest) -> HttpResponse:
    """Who calls, what is left of its quota, and the instructions that stand for it."""
    who = caller(request)
    token, quota = who.token, agents.quota_of(who.token) if who.token else None
    answer = schemas.AgentOut(
        name=who.name,
        owner=who.person.get_full_name() or who.person.get_username(),
        purpose=token.purpose if token else "",
        scopes=token.scopes if token else [],
        quota=schemas.QuotaOut(
            limit=quota.limit, used=quota.used, remaining=quota.remaining, resets_at=quota.resets_at
        )
        if quota
        else None,
        instructions=[line.strip() for line in token.instructions.splitlines() if line.strip()]
        if token
        else [],
    )
    return fresh(request, answered(200, answer))


@router.get(
    "dashboard",
    auth=may("dashboard:read", "social.view_post"),
    response={200: schemas.DashboardOut, 304: None, **_ERRORS},
)
def dashboard(request: HttpRequest) -> HttpResponse:
    """Posts, queue, limits, shop and support at the moment `at`, which is a second ago at most. The `ETag`
    stays as long as nothing but the clock has moved."""
    body, told = _at_hand()
    return fresh(request, HttpResponse(body, content_type="application/json"), told=told)


def _at_hand() -> tuple[bytes, bytes]:
    """The answer, and what of it counts as new: as this process has read it within `HOLDS`, or anew. Of many
    callers at once one reads, for all."""
    zone = timezone.get_current_timezone_name()
    with _one_reads:
        known = _read.get(zone)
        if known is None or time.monotonic() - known[0] >= HOLDS:
            model = _dashboard()
            still = model.model_dump(mode="json", exclude={"at": True, "queue": {"age_seconds"}})
            body = answered(200, model).content
            known = _read[zone] = time.monotonic(), body, json.dumps(still).encode()
    return known[1:]


def _dashboard() -> schemas.DashboardOut:
    situation, rows = Situation.read(), providers.connected()
    stop = what_stops_all(situation)
    unsure = Delivery.objects.filter(status=D.UNCONFIRMED).aggregate(
        all=Count("pk"), to_decide=Count("pk", filter=Q(decide=True))
    )
    return schemas.DashboardOut(
        at=situation.now,
        counts=_counts(),
        queue=_queue(situation.now),
        unconfirmed=unsure["all"],
        to_decide=unsure["to_decide"],
        failed_24h=_failed(situation.now - _DAY),
        next_due=_next_due(situation.now),
        paused=situation.engine.is_paused(situation.now),
        stopped_by=stop.words if stop else _held_channels(situation),
        limits=_limits(situation, rows),
        shop=_shop(tiles.shop(rows, situation.now)),
        support=_support(tiles.support(rows, situation.now)),
    )


@router.get(
    "rate-limits",
    auth=may("dashboard:read", "social.view_post"),
    response={200: dict[str, schemas.LimitOut], **_ERRORS},
)
def rate_limits(request: HttpRequest) -> dict[str, schemas.LimitOut]:
    """What is left of each provider's limit, by provider: Publer, and the others that are set up."""
    return _limits(Situation.read(), providers.connected())


def _limits(situation: Situation, rows: dict[str, Connection]) -> dict[str, schemas.LimitOut]:
    return {
        str(one.provider): schemas.LimitOut(
            limit=one.limit,
            remaining=one.remaining,
            resets_at=one.resets_at,
            paused_until=one.paused_until,
            waiting=one.waiting,
            reason=one.reason or None,
        )
        for one in limits(situation, rows)
    }


def _shop(shop: tiles.Shop) -> schemas.ShopOut:
    return schemas.ShopOut(
        **_state(shop.state),
        complete=shop.complete,
        name=shop.name,
        day=shop.day,
        orders_today=shop.orders if shop.is_today else None,
        total_today=shop.total if shop.is_today else None,
        currency=shop.currency,
        unfulfilled=shop.unfulfilled,
        low_stock=shop.low_stock,
    )


def _support(support: tiles.Support) -> schemas.SupportOut:
    return schemas.SupportOut(
        **_state(support.state),
        complete=support.complete,
        open=support.open,
        unassigned=support.unassigned,
        oldest_waiting_since=support.longest_wait_since,
    )


def _state(state: tiles.State) -> dict[str, Any]:
    return {
        "connected": state.connected,
        "as_of": state.as_of,
        "stale": state.stale_since is not None,
        "stale_since": state.stale_since,
        "reason": state.reason or None,
    }


def _held_channels(situation: Situation) -> str | None:
    """Where something still goes out, the channels for which nothing does."""
    return " ".join(waiting.words for waiting in paused_channels(situation)) or None


def _counts() -> dict[str, int]:
    found = dict(Post.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status.value: found.get(status.value, 0) for status in Post.Status}


def _queue(now: datetime) -> schemas.QueueOut:
    found = queue.depth()
    age = found.age(now)
    return schemas.QueueOut(
        depth=found.depth,
        oldest_due_at=found.oldest_due_at,
        age_seconds=round(age, 1) if age is not None else None,
    )


def _failed(since: datetime) -> int:
    return (
        Delivery.objects.filter(status=D.FAILED, events__to_status=D.FAILED, events__created_at__gte=since)
        .distinct()
        .count()
    )


def _next_due(now: datetime) -> schemas.NextDue | None:
    row = (
        Delivery.objects.filter(status__in=[D.QUEUED, D.SCHEDULED], due_at__gt=now)
        .select_related("post__revision", "channel")
        .order_by("due_at", "id")
        .first()
    )
    if row is None:
        return None
    return schemas.NextDue(
        post=row.post_id,
        title=row.post.name,
        channel=row.channel.account_id,
        network=row.channel.network,
        due_at=row.due_at,
    )
