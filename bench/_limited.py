"""One process that calls a provider as fast as its limiter lets it, whichever limiter that is."""

import http.client
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyrate_limiter.buckets.redis_bucket as pyrate_bucket
import redis
from django.conf import settings
from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from pyrate_limiter import Rate, RateItem, RedisBucket

from integrations.ratelimit import Leave, LimiterUnavailable, Priority, limiter_for
from integrations.ratelimit.policies import POLICIES, Policy

STORE_IS_AWAY = (LimiterUnavailable, redis.RedisError)


class Limited(Protocol):
    """What a caller asks before a call, and tells after it."""

    def wait(self, cost: int) -> float:
        """Seconds to wait; 0: go."""

    def answered(self, status: int, headers: Mapping[str, str], cost: Any) -> None: ...


class Ours:
    def __init__(self, url: str, key: str, policy: Policy) -> None:
        settings.REDIS_URL = url
        POLICIES["bench"] = lambda: policy
        self._limiter = limiter_for("bench", key)
        self._leave: Leave | None = None

    def wait(self, cost: int) -> float:
        told = self._limiter.acquire(Priority.PERSON, cost)
        if isinstance(told, Leave):
            self._leave = told
            return 0
        return told.seconds

    def answered(self, status: int, headers: Mapping[str, str], cost: Any) -> None:
        assert self._leave is not None
        self._limiter.observe(self._leave, status, headers, cost)


class Limits:
    """`limits`, fixed window. Its wait is by our clock, so it is not believed for long."""

    def __init__(self, url: str, key: str, limit: int, period: int) -> None:
        self._limiter = FixedWindowRateLimiter(RedisStorage(url))
        self._item, self._key = RateLimitItemPerSecond(limit, period), key

    def wait(self, cost: int) -> float:
        if self._limiter.hit(self._item, self._key):
            return 0
        until = self._limiter.get_window_stats(self._item, self._key).reset_time
        return min(0.1, max(0.005, until - time.time()))

    def answered(self, status: int, headers: Mapping[str, str], cost: Any) -> None:
        """It does not look at answers."""


class Pyrate:
    """`pyrate-limiter`, the log of a moving window."""

    def __init__(self, url: str, key: str, limit: int, period: int) -> None:
        self._store = redis.Redis.from_url(url)
        self._rates, self._key = [Rate(limit, period * 1000)], key
        self._begin()

        self._leaks_at = time.monotonic()

    def _begin(self) -> None:
        self._bucket: Any = RedisBucket.init(self._rates, self._store, self._key)

    def wait(self, cost: int) -> float:
        now = self._bucket.now()
        item = RateItem("call", now)
        try:
            if self._bucket.put(item):
                return 0
        except redis.exceptions.NoScriptError:  # it does not load its script again after a restart
            self._begin()
            return 0.005
        if time.monotonic() >= self._leaks_at:  # as often as its own thread would
            self._leaks_at = time.monotonic() + 10
            self._bucket.leak(now)
        return max(0.005, min(0.1, float(self._bucket.waiting(item)) / 1000))

    def answered(self, status: int, headers: Mapping[str, str], cost: Any) -> None:
        """It does not look at answers."""


@dataclass(frozen=True)
class Habits:
    """When a caller begins and ends (by `time.monotonic`), how far its clock is off, and what its queries ask
    for; 0 most: calls, not queries."""

    begins: float
    ends: float
    clock_off: float = 0.0
    least: int = 1
    most: int = 0


def run(make: Callable[[], Limited], port: int, habits: Habits, seed: int) -> None:
    """Call until the end."""
    if habits.clock_off:
        _set_clock_off(habits.clock_off)
    limited = make()
    random.seed(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    time.sleep(max(0.0, habits.begins - time.monotonic()))
    cost = 1
    while (left := habits.ends - time.monotonic()) > 0:
        try:
            wait = limited.wait(cost)
        except STORE_IS_AWAY:
            wait = 0.05
        if wait:
            time.sleep(min(wait, left))
            continue
        status, headers, told = _ask(connection, cost, habits)
        cost = random.randint(habits.least, habits.most) if habits.most else 1  # noqa: S311
        try:
            limited.answered(status, headers, told)
        except STORE_IS_AWAY:
            continue


def _ask(connection: http.client.HTTPConnection, cost: int, habits: Habits) -> tuple[int, Any, Any]:
    actual = max(1, round(cost * random.uniform(0.3, 0.9)))  # noqa: S311
    connection.request("GET", f"/?asked={cost}&actual={actual}" if habits.most else "/")
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, answer.headers, json.loads(body) if habits.most else None


def stranger(port: int, begins: float, ends: float, gap: float) -> None:
    """Somebody else with the same key: a call every so often."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    time.sleep(max(0.0, begins - time.monotonic()))
    while time.monotonic() < ends:
        connection.request("GET", "/?outsider=1")
        connection.getresponse().read()
        time.sleep(gap)


def _set_clock_off(seconds: float) -> None:
    right, right_ns = time.time, time.time_ns
    time.time = lambda: right() + seconds
    time.time_ns = lambda: right_ns() + round(seconds * 1e9)
    vars(pyrate_bucket)["time_ns"] = time.time_ns
