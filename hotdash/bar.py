"""What stands above every page: whether this is the sandbox, and what holds publishing now."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from redis.backoff import NoBackoff
from redis.retry import Retry

from integrations.connections import Connection
from integrations.notices import Notice
from social import clock, queue
from social.admin.post_list import CappedCount
from social.explain import Situation, moment, paused_channels, publer_is_set_up, what_stops_all
from social.models import Delivery, Engine, Post
from social.publishing import access, resuming, watch
from social.publishing.heartbeat import Signs, silent_after
from social.publishing.watch import Seen

log = structlog.get_logger("hotdash.bar")

PATIENCE = 0.5
"""Seconds that a page waits for the cache server."""
REMEMBERED = 3.0
"""Seconds for which a process remembers that the cache server was silent, so that not every page waits."""
PROCESSES = {"beat": "Beat, which starts what is due,", "worker": "The worker, which sends it,"}
BADGE_CAP = 99
WATCH = "social.watch_publishing"
"""Who may see the queue, and is told when something falls silent."""
STRIPS = 3
"""More alarms than that are not told above a page, but on the queue page."""

_away_until = 0.0


@dataclass(frozen=True)
class Strip:
    """One line under the header: `tone` "calm", "amber" or "red", the fact in bold, the rest, and where to
    go."""

    tone: str
    fact: str
    words: str
    link: str = ""
    link_words: str = ""


@dataclass(frozen=True)
class Bar:
    """What a page needs to know about the whole; `situation` is None where it could not be read. `seen`: what
    operators are told, None for others."""

    situation: Situation | None = None
    sandbox: Connection | None = None
    strips: tuple[Strip, ...] = ()
    seen: Seen | None = None


def read(request: HttpRequest) -> Bar:
    """The bar of this request, read once (a handful of small queries). Never raises, waits `PATIENCE` at
    most."""
    known = getattr(request, "hotdash_bar", None)
    if isinstance(known, Bar):
        return known
    try:
        bar = _read(request)
    except (DatabaseError, Engine.DoesNotExist) as error:
        log.warning("the bar could not be read", reason=str(error))
        bar = Bar()
    request.hotdash_bar = bar  # type: ignore[attr-defined]
    return bar


def _read(request: HttpRequest) -> Bar:
    situation = _situation()
    seen = watch.see(situation) if request.user.has_perm(WATCH) else None
    strips = _alarms(request, seen.alarms) if seen else []
    connection = situation.connection
    sandbox = (
        connection
        if connection is not None and connection.is_sandbox and publer_is_set_up(connection)
        else None
    )
    if sandbox:
        strips.append(
            Strip("calm", "Sandbox:", "nothing here is public.", sandbox.sandbox_feed, "Look at its feed")
        )
    stop = what_stops_all(situation)
    if stop is not None:
        strips.append(_held(request, situation, stop.words))
    strips.extend(_held_channels(request, situation))
    strips.extend(_late(request, situation.now))
    strips.extend(_ending(request, connection))
    if seen is None:
        strips.extend(_silent(situation.now))
    return Bar(situation, sandbox, tuple(strips), seen)


def _alarms(request: HttpRequest, alarms: list[Notice]) -> list[Strip]:
    """Red, for operators; the queue page tells them itself."""
    page = reverse("admin:social_post_queue")
    if request.path == page:
        return []
    strips = [Strip("red", watch.headline(one), one.words, page, "Queue") for one in alarms[:STRIPS]]
    more = len(alarms) - len(strips)
    if more:
        strips.append(Strip("red", f"{more} more alarm{'' if more == 1 else 's'}.", "", page, "Queue"))
    return strips


def _situation() -> Situation:
    """As `Situation.read`, but a silent cache server is found out quickly, and then not asked."""
    return Situation.read(store_answers=cache_answers())


def cache_answers() -> bool:
    """Whether the cache server answers, asked with little patience; a "no" is remembered for a moment."""
    global _away_until
    if time.monotonic() < _away_until:
        return False
    try:
        _store().ping()
    except redis.RedisError:
        _away_until = time.monotonic() + REMEMBERED
        return False
    return True


_stores: dict[str, "redis.Redis"] = {}


def _store() -> "redis.Redis":
    url = settings.REDIS_URL
    if url not in _stores:
        _stores[url] = redis.Redis.from_url(
            url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
    return _stores[url]


def _held(request: HttpRequest, situation: Situation, words: str) -> Strip:
    """What holds everything, with the fact in bold."""
    paused = "Publishing is paused"
    if words.startswith(paused):
        home = reverse("admin:index")
        link = "" if request.path == home else home
        return Strip("amber", paused, words.removeprefix(paused), link, "Home")
    connection = situation.connection
    held = connection is not None and (connection.trouble or connection.is_paused(situation.now))
    at_publer = held or not publer_is_set_up(connection)
    if at_publer and request.user.has_perm("integrations.view_connection"):
        link = reverse("admin:integrations_connection_changelist")
        return Strip("amber", "Publishing waits.", words, link, "Integrations")
    return Strip("amber", "Publishing waits.", words)


def _held_channels(request: HttpRequest, situation: Situation) -> list[Strip]:
    """The channels that somebody holds, in one line; of a single one, whoever may leads on."""
    held = paused_channels(situation)
    if not held:
        return []
    if len(held) == 1:
        fact, _, rest = held[0].words.partition(" is paused")
        plan = reverse("admin:social_post_resume") + resuming.named(*situation.held.values())
        may = request.user.has_perm("social.pause_publishing") and request.user.has_perm(
            "social.publish_post"
        )
        link = plan if may and request.get_full_path() != plan else ""
        return [Strip("amber", f"{fact} is paused", rest, link, "Resume")]
    link = ""
    if request.user.has_perm("integrations.view_connection"):
        link = reverse("admin:integrations_connection_changelist")
    names = [str(channel) for channel in situation.held.values()]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) < 5 else f"{', '.join(names[:4])}, …"
    return [Strip("amber", f"{len(names)} channels are paused:", f"{listed}.", link, "Integrations")]


def _late(request: HttpRequest, now: datetime) -> list[Strip]:
    """That something waits for a person since its time is long past, for those who can say what becomes of
    it."""
    plan = reverse("admin:social_post_resume")
    if request.path == plan or not request.user.has_perm("social.publish_post"):
        return []
    rows = resuming.late(resuming.waiting(), now).order_by()
    count = len(set(rows.values_list("post_id", flat=True)[: BADGE_CAP * 10]))
    if not count:
        return []
    number = f"{BADGE_CAP}+" if count > BADGE_CAP else str(count)
    fact = f"{number} post{' is' if count == 1 else 's are'} late:"
    words = "nothing late goes out before somebody says what becomes of it."
    return [Strip("amber", fact, words, plan, "Decide")]


def _ending(request: HttpRequest, connection: Connection | None) -> list[Strip]:
    """That a person will have to connect again soon, for those who can."""
    credential = getattr(connection, "credential", None)
    if credential is None or settings.PUBLER_API_KEY or credential.ended_at or credential.ends_at is None:
        return []
    if not credential.ends_within(access.ENDS_SOON, clock.now()):
        return []
    if not request.user.has_perm("integrations.view_connection"):
        return []
    link = reverse("admin:integrations_connection_changelist")
    words = f"ends at {moment(credential.ends_at)}: connect it again before, so that nothing waits."
    return [Strip("amber", "The connection to Publer", words, link, "Integrations")]


def _silent(now: datetime) -> list[Strip]:
    """A strip for each kind of process without a sign of life; where it never started, while work waits."""
    signs = Signs.read(now)
    seen = {name: at for name in PROCESSES if (at := signs.last(name)) is not None}
    absent = [words for name, words in PROCESSES.items() if name not in seen]
    oldest = _oldest_waiting(now) if absent else None
    strips = [
        Strip(
            "amber",
            f"Publishing waits since {moment(seen[name])}.",
            f"{words} shows no sign of life. Nothing is lost: it goes on when it is started again.",
        )
        for name, words in PROCESSES.items()
        if name in seen and signs.is_gone(name)
    ]
    if oldest is not None:
        strips += [
            Strip(
                "amber",
                f"Publishing waits since {moment(oldest)}.",
                f"{words} has not been started yet. Nothing is lost: it goes on when it is.",
            )
            for words in absent
        ]
    return strips


def _oldest_waiting(now: datetime) -> datetime | None:
    """Since when the oldest due delivery waits to be sent."""
    oldest = queue.oldest_due_at()
    return oldest if oldest and oldest <= now - silent_after() else None


def review_badge(request: HttpRequest) -> str:
    """How many posts wait for approval, as the sidebar shows it; "" for none."""
    return _badges(request)[0]


def posts_badge(request: HttpRequest) -> str:
    """How many posts failed or are not confirmed, as the sidebar shows it; "" for none."""
    return _badges(request)[1]


def know(request: HttpRequest, *, waiting: int, failed: int, unsure: int) -> None:
    """A page has counted already what the badges show."""
    request.hotdash_badges = _badge(waiting), _badge(failed + unsure)  # type: ignore[attr-defined]


def _badge(count: int) -> str:
    return "" if not count else f"{BADGE_CAP}+" if count > BADGE_CAP else str(count)


def _badges(request: HttpRequest) -> tuple[str, str]:
    """Read once a request."""
    known = getattr(request, "hotdash_badges", None)
    if known is None:
        know(request, **_counted())
        known = request.hotdash_badges  # type: ignore[attr-defined]
    badges: tuple[str, str] = known
    return badges


def _counted() -> dict[str, int]:
    """Three capped counts in one query, each from its index; a post with an outcome still open never counts
    as failed."""
    posts = {"waiting": Post.Status.PENDING, "failed": Post.Status.FAILED}
    queries: dict[str, QuerySet[Any, Any]] = {
        name: Post.objects.filter(status=status).order_by().values("pk") for name, status in posts.items()
    }
    unsure = Delivery.objects.filter(status=Delivery.Status.UNCONFIRMED).order_by()
    queries["unsure"] = unsure.values("post_id").distinct()
    capped = {f"n_{name}": CappedCount(query[: BADGE_CAP + 1]) for name, query in queries.items()}
    row = Engine.objects.filter(pk=1).annotate(**capped).values(*capped).first() or {}
    return {name: row.get(f"n_{name}", 0) for name in queries}
