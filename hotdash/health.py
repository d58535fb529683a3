"""Whether this process lives, and whether HotDash can do its work. For machines: no sign-in, no secrets."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from social import clock
from social.explain import Situation
from social.models import Engine
from social.publishing import watch
from social.publishing.heartbeat import Signs
from social.publishing.watch import PROCESSES

PATIENCE = 0.5
"""Seconds for a connection, and for an answer: what asks here does not wait long either."""


@dataclass(frozen=True)
class Check:
    """One thing that must work; `words` say how it is."""

    ok: bool
    words: str


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers; nothing else is asked."""
    return JsonResponse({"ok": True})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Everything that publishing needs: 200 when all of it works, else 503."""
    now, database = _database()
    broker = store(settings.CELERY_BROKER_URL)
    cache = broker if settings.REDIS_URL == settings.CELERY_BROKER_URL else store(settings.REDIS_URL)
    checks = {
        "database": database,
        "broker": broker,
        "cache": cache,
        **_heartbeats(now),
        "alarms": _alarms(now, cache),
    }
    ok = all(check.ok for check in checks.values())
    answer = {"ok": ok, **{name: asdict(check) for name, check in checks.items()}}
    return JsonResponse(answer, status=200 if ok else 503)


def _database() -> tuple[datetime | None, Check]:
    try:
        return clock.now(), Check(True, "answers")
    except DatabaseError as error:
        return None, Check(False, f"does not answer ({type(error).__name__})")


def _heartbeats(now: datetime | None) -> dict[str, Check]:
    """Beat and worker, by what they last wrote; on the database's clock, as they do."""
    names = ("beat", "worker")
    if now is None:
        return dict.fromkeys(names, Check(False, "not known: the database does not answer"))
    try:
        signs = Signs.read(now)
    except DatabaseError as error:
        return dict.fromkeys(names, Check(False, f"not known ({type(error).__name__})"))
    return {name: _heartbeat(signs, name) for name in names}


def _heartbeat(signs: Signs, name: str) -> Check:
    at = signs.last(name)
    if at is None:
        return Check(False, "has not been started yet")
    age = max(0, round((signs.now - at).total_seconds()))
    if signs.is_gone(name):
        return Check(False, f"no sign of life for {age} s")
    return Check(True, f"alive {age} s ago")


def _alarms(now: datetime | None, cache: Check) -> Check:
    """What has fallen silent, besides the processes that are told above."""
    if now is None:
        return Check(False, "not known: the database does not answer")
    try:
        with timezone.override(UTC):
            seen = watch.see(Situation.read(store_answers=cache.ok))
            told = [f"{watch.headline(one)} {one.words}" for one in seen.alarms if one.about not in PROCESSES]
    except (DatabaseError, Engine.DoesNotExist) as error:
        return Check(False, f"not known ({type(error).__name__})")
    return Check(not told, " ".join(told) + " Times are UTC." if told else "none")


def store(url: str) -> Check:
    """A Redis or Valkey; the words carry no address, which may hold a password."""
    if not urlsplit(url).scheme.startswith(("redis", "valkey", "unix")):
        return Check(False, "not set up (REDIS_URL)")
    server = redis.Redis.from_url(
        url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
    )
    try:
        with server:
            server.ping()
    except (redis.RedisError, OSError) as error:
        return Check(False, f"does not answer ({type(error).__name__})")
    return Check(True, "answers")


PROBES = {"/healthz": healthz, "/readyz": readyz}
"""Answered before anything else looks at the request."""
