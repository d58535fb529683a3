"""The queue page, for operators: what is silent, what waits and for what, who works, what is in the air."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hotdash import bar, health
from integrations.notices import Notice
from social import queue
from social.admin.limits import limits
from social.admin.situation import situation_of
from social.explain import AT_ONCE, Situation, moment, span
from social.models import Delivery, Heartbeat, Minute
from social.publishing import outbox, providers, watch
from social.publishing.heartbeat import Signs
from social.publishing.watch import Seen, minute_of
from social.queue import Depth, Reason

D = Delivery.Status

EVERY = 5
"""Seconds between two readings of an open page."""
MINUTES = 60
SHOWN_IN_AIR = 8
SHOWN_REASONS = 12
MARKS = 3
_AIR_WORDS = {D.SENDING: "being sent", D.ACCEPTED: "with Publer", D.UNCONFIRMED: "not confirmed"}


# --------------------------------------------------------------------------------------------- views
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The whole page."""
    _may_watch(request)
    frame = admin.site.each_context(request)  # reads the situation, too
    context = {**frame, "title": "Queue", "is_fullwidth": "1", "seconds": EVERY, **_context(request)}
    return render(request, "hotdash/queue.html", context)


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """What of it changes, for a page that is open."""
    _may_watch(request)
    return render(request, "hotdash/queue_live.html", {**_context(request), "polled": True, "seconds": EVERY})


@require_POST
def look_now(request: HttpRequest) -> HttpResponse:
    """Ask a worker to look now, whether Beat does so or not."""
    _may_watch(request)
    seen = _seen(request, situation_of(request))
    if not outbox.look_now():
        messages.error(
            request,
            "The broker does not answer, so no worker could be asked. Nothing is lost; start it again, then "
            "look now.",
        )
    elif seen.signs.is_gone("worker"):
        messages.warning(request, "Asked, but no worker shows a sign of life: one looks when it is started.")
    else:
        messages.success(request, "A worker looks within seconds at what is due and at what is in the air.")
    return HttpResponseRedirect(reverse("admin:social_post_queue"))


def _may_watch(request: HttpRequest) -> None:
    if not request.user.has_perm(bar.WATCH):
        raise PermissionDenied("The queue is for an operator.")


def _seen(request: HttpRequest, situation: Situation) -> Seen:
    """As the bar has read it, or anew."""
    return bar.read(request).seen or watch.see(situation)


# ------------------------------------------------------------------------------------------ the page
@dataclass(frozen=True)
class AlarmBox:
    """An alarm as the page tells it; `link`: where to look, if there is a better place than this page."""

    headline: str
    words: str
    told: str
    link: str = ""
    link_words: str = ""


@dataclass(frozen=True)
class Tile:
    """One figure and the line under it; `bad` where it is what is silent."""

    name: str
    figure: str
    words: str
    bad: bool = False


@dataclass(frozen=True)
class Row:
    """One reason, and how many wait for it. `bad`: it should not be so."""

    reason: Reason
    networks: Sequence[str]
    count: str
    oldest: str
    until: str
    bad: bool = False
    link: str = ""
    link_words: str = ""


@dataclass(frozen=True)
class Works:
    """A process or a server: how it is, and when that was last seen."""

    name: str
    words: str
    seen: str
    well: bool


@dataclass(frozen=True)
class Flying:
    """A delivery in the air, and since when."""

    row: Delivery
    since: str


def _context(request: HttpRequest) -> dict[str, Any]:
    """All that the page shows. At most twelve queries (besides those of the frame and of the sign-in),
    however much waits."""
    bar.read(request)
    situation = situation_of(request)
    seen, now = _seen(request, situation), situation.now
    depth, in_air, stamped = queue.depth(), queue.in_air(), watch.last_stamped()
    reasons = queue.reasons(situation, in_air)
    minutes = _minutes(now)
    silent = [one for one in seen.alarms if one.about in watch.SILENT]
    works = [*_processes(seen.signs, silent), *_servers()]
    return {
        "alarms": [_box(one) for one in seen.alarms],
        "alarm_words": " ".join(watch.headline(one) for one in seen.alarms),
        "read_at": timezone.localtime(now),
        "tiles": _tiles(situation, depth, reasons, stamped, bool(silent)),
        "depth": depth,
        "rows": _rows(reasons, silent, now)[:SHOWN_REASONS],
        "beyond": max(depth.depth - queue.HEAD, 0),
        "flying": [Flying(row, span(_age(queue.in_air_since(row), now))) for row in in_air[:SHOWN_IN_AIR]],
        "in_air": _in_air_words(in_air),
        "next_due": queue.next_due(now),
        "works": works,
        "well": sum(one.well for one in works),
        "cells": _cells(minutes, now, bool(silent)),
        "line": _line(minutes, now, depth.depth),
        "limits": limits(situation, providers.connected()),
        "paused": situation.engine.paused,
        "may_pause": request.user.has_perm("social.pause_publishing"),
        "plan": _plan(),
    }


def _plan() -> str:
    """Where what elapsed is looked through before publishing goes on, if there is such a page."""
    try:
        return reverse("admin:social_post_resume")
    except NoReverseMatch:
        return ""


def _age(since: datetime, now: datetime) -> float:
    return max((now - since).total_seconds(), 0)


# -------------------------------------------------------------------------------------------- alarms
def _box(notice: Notice) -> AlarmBox:
    link, words = _where(notice.about)
    told = f"Operators are told since {moment(notice.told_at)}." if notice.told_at else ""
    return AlarmBox(watch.headline(notice), notice.words, told, link, words)


def _where(about: str) -> tuple[str, str]:
    if about in ("decide", "unsure", "half"):
        return f"{reverse('admin:social_post_changelist')}?label=unconfirmed", "What is not confirmed"
    if about in ("off", "entries"):
        return reverse("admin:django_celery_beat_periodictask_changelist"), "Schedule"
    if about == "accounts":
        return reverse("admin:integrations_connection_changelist"), "Integrations"
    return "", ""


# --------------------------------------------------------------------------------------------- tiles
def _tiles(
    situation: Situation, depth: Depth, reasons: Sequence[Reason], stamped: datetime | None, silent: bool
) -> list[Tile]:
    now = situation.now
    age = depth.age(now)
    for_a_person = sum(reason.count for reason in reasons if reason.decision)
    today = Delivery.objects.filter(
        status=D.PUBLISHED, published_at__gte=timezone.localtime(now).replace(hour=0, minute=0, second=0)
    ).aggregate(count=Count("pk"), last=Max("published_at"))
    late = "nothing waits" if not depth.depth else "none is due yet"
    return [
        Tile("Waiting", f"{depth.depth:,}", f"oldest due {span(age)} ago" if age is not None else late),
        Tile(
            "For a person",
            f"{for_a_person:,}",
            "nothing else moves them" if for_a_person else "the rest moves by itself",
        ),
        Tile(
            "Last handed out",
            span(_age(stamped, now)) if stamped else "–",
            f"ago, at {moment(stamped)}" if stamped else "nothing yet",
            silent,
        ),
        Tile(
            "Last published",
            moment(today["last"]) if today["last"] else "–",
            f"{today['count']:,} today" if today["count"] else "none today",
        ),
    ]


# ------------------------------------------------------------------------------------------- reasons
def _rows(reasons: Sequence[Reason], silent: Sequence[Notice], now: datetime) -> list[Row]:
    """What should not be so first."""
    rows = []
    for reason in reasons:
        bad = reason.kind == AT_ONCE.kind and bool(silent)
        link, words = _way_out(reason)
        rows.append(
            Row(
                reason,
                sorted(reason.networks)[:MARKS],
                f"{reason.count:,}",
                span(_age(reason.oldest, now))
                if reason.oldest <= now
                else f"in {span(_age(now, reason.oldest))}",
                _until(reason, bad),
                bad,
                link,
                words,
            )
        )
    return sorted(rows, key=lambda row: not row.bad)


def _until(reason: Reason, bad: bool) -> str:
    if bad:
        return "the silence ends"
    if reason.decision:
        return "it is connected" if reason.decision == "connect" else "somebody decides"
    if reason.until is not None:
        return moment(reason.until)
    return {AT_ONCE.kind: "within seconds", "accepted": "usually under a minute"}.get(reason.kind, "–")


def _way_out(reason: Reason) -> tuple[str, str]:
    """Where a person does something about it."""
    posts = reverse("admin:social_post_changelist")
    ways = {
        "late": (_plan() or f"{posts}?label=late", "Decide"),
        "unsure": (f"{posts}?label=unconfirmed", "Decide"),
        "connect": (reverse("admin:integrations_connection_changelist"), "Integrations"),
    }
    return ways.get(reason.decision, ("", ""))


def _in_air_words(in_air: Sequence[Delivery]) -> str:
    if len(in_air) == queue.IN_AIR:
        return f"more than {queue.IN_AIR - 1:,}"
    counts = {status: sum(row.status == status for row in in_air) for status in _AIR_WORDS}
    return ", ".join(f"{count:,} {_AIR_WORDS[status]}" for status, count in counts.items() if count)


# ----------------------------------------------------------------------------------------- who works
def _processes(signs: Signs, silent: Sequence[Notice]) -> list[Works]:
    """Each living process; one that is gone while it is still missed; a kind that was never there."""
    works = []
    bad = {notice.about for notice in silent}
    for name, what in (("worker", "sends, and looks for what became of it"), ("beat", "starts what is due")):
        rows = [row for row in signs.processes if row.name == name and not row.ended]
        alive = signs.alive(name)
        if name == "beat" and alive:  # the former one is not missed
            rows = alive
        for row in rows:
            works.append(_process(signs, row, what))
        if not rows:
            last = signs.last(name)
            works.append(
                Works(
                    name.capitalize() if name == "beat" else "No worker",
                    f"stopped at {moment(last)}" if last else "has not been started yet",
                    "",
                    name not in bad and last is not None and not signs.is_gone(name),
                )
            )
    return works


def _process(signs: Signs, row: Heartbeat, what: str) -> Works:
    name = "Beat" if row.name == "beat" else f"Worker {row.pid}"
    place = f" on {row.host}" if row.host else ""
    if not signs.is_alive(row):
        return Works(f"{name}{place}", "no sign of life", f"{span(_age(row.at, signs.now))} ago", False)
    since = f"since {moment(row.since)}, {what}"
    return Works(f"{name}{place}", since, f"{span(_age(row.at, signs.now))} ago", True)


def _servers() -> list[Works]:
    """Broker and cache, asked now."""
    urls = {"Broker": settings.CELERY_BROKER_URL, "Cache": settings.REDIS_URL}
    if len(set(urls.values())) == 1:
        return [_server("Broker and cache", settings.REDIS_URL)]
    return [_server(name, url) for name, url in urls.items()]


def _server(name: str, url: str) -> Works:
    begun = time.monotonic()
    check = health.store(url)
    took = round((time.monotonic() - begun) * 1000)
    return Works(name, check.words, f"{max(took, 1)} ms" if check.ok else "", check.ok)


# ----------------------------------------------------------------------------------- minute by minute
@dataclass(frozen=True)
class Cells:
    """The last hour, a cell a minute, each "sent", "idle", "silent" or "unknown"; `label` says it in words,
    `middle` and `first` are the moments under it."""

    cells: Sequence[str]
    label: str
    first: datetime
    middle: datetime


@dataclass(frozen=True)
class Line:
    """How much waited, minute by minute, in a drawing of 296 × 66 that ends at `x`, `y`."""

    points: str
    x: str
    y: str
    words: str
    label: str


def _minutes(now: datetime) -> list[Minute]:
    """The last hour, and the minute that was seen before it."""
    return list(Minute.objects.filter(at__lte=now).order_by("-at")[: MINUTES + 1])[::-1]


def _cells(minutes: Sequence[Minute], now: datetime, silent: bool) -> Cells:
    """A minute in which nobody watched, between others, was silent, too; before the first it is not known."""
    seen = {minute.at: minute for minute in minutes}
    first, last = minute_of(now) - timedelta(minutes=MINUTES - 1), minute_of(now)
    cells = []
    for number in range(MINUTES):
        at = first + timedelta(minutes=number)
        minute = seen.get(at)
        if minute is None:
            began = bool(minutes) and minutes[0].at < at
            cells.append("idle" if at == last and not silent else "silent" if began else "unknown")
        else:
            cells.append("sent" if minute.sent else "silent" if minute.silent else "idle")
    counts = {
        words: cells.count(cell)
        for cell, words in (
            ("sent", "something was handed out"),
            ("idle", "none was due"),
            ("silent", "it was silent"),
            ("unknown", "nothing is known"),
        )
    }
    told = ", ".join(f"in {count} {words}" for words, count in counts.items() if count)
    return Cells(
        cells, f"Of the last {MINUTES} minutes: {told}", first, first + timedelta(minutes=MINUTES // 2)
    )


def _line(minutes: Sequence[Minute], now: datetime, depth: int) -> Line | None:
    first = minute_of(now) - timedelta(minutes=MINUTES - 1)
    known = [(minute.at, minute.depth) for minute in minutes if minute.at >= first]
    if len(known) < 2:
        return None
    most = max(max(count for _, count in known), depth, 1)
    spots = [
        (f"{4 + 288 * (at - first).total_seconds() / (60 * MINUTES):.1f}", f"{60 - 54 * count / most:.1f}")
        for at, count in [*known, (now, depth)]
    ]
    then = known[0][1]
    ago = span((now - known[0][0]).total_seconds())
    return Line(
        " ".join(f"{x},{y}" for x, y in spots),
        *spots[-1],
        f"{then:,} {ago} ago, {depth:,} now",
        f"Deliveries that waited over the last hour: from {then} to {depth}, at most {most}",
    )
