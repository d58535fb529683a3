"""The limiter's public calls. The decisions are made in the scripts beside this file, atomically and by the
clock of the store, so that any number of processes on any number of hosts act as one."""

import hashlib
import itertools
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from integrations.ratelimit.leave import (
    CostInfo,
    Leave,
    LimiterState,
    LimiterUnavailable,
    Priority,
    Wait,
    Waiting,
    milliseconds,
)
from integrations.ratelimit.policies import POLICIES, Policy

_HERE: Final = Path(__file__).parent
_HOST: Final = f"{socket.gethostname()}:{secrets.token_hex(4)}"
"""Of a process and those that were forked from it; with the process' number it is nobody else's."""
_NUMBERS: Final = itertools.count()
_UNREACHABLE: Final = "The store of the rate limiter cannot be reached."


class Limiter:
    """The limit of one provider for one scope (what the provider counts by: a user, a shop, an address)."""

    def __init__(self, store: "redis.Redis", policy: Policy, key: str) -> None:
        self._store = store
        self._policy = policy
        # The braces keep all keys on one node of a cluster.
        self._key = f"{{{key}}}"
        self._acquire, self._observe, self._settle, self._pause = map(_Script, scripts(policy.script))
        # What this process knows of each window or bucket, so that a store that is emptied cannot forget it.
        self._memory: dict[str, int] = {}
        self._keys = lru_cache(maxsize=64)(self._keys_of)

    def acquire(
        self, priority: Priority = Priority.BACKGROUND, cost: int = 1, route: str = ""
    ) -> Leave | Wait:
        """Ask for leave to make one call. Never sleeps. Raises LimiterUnavailable.

        `cost` is for providers that charge points: what the query asks for at most. `route` is for those that
        limit some routes more than others; a caller that has to wait is shown with it.
        """
        process = f"{_HOST}:{os.getpid()}"
        # The scripts read the cost off the end of the id.
        leave = f"{process}:{next(_NUMBERS)}:{cost}"
        wait, reason, mark, *remembered = self._run(
            self._acquire,
            route,
            leave,
            f"{priority.value} {process} {route}",
            *self._policy.asks(priority, cost, route, self._memory),
        )
        for part, knowledge in zip(self._policy.parts(route) if remembered else (), remembered, strict=False):
            self._memory[part] = max(knowledge, self._memory.get(part, 0))
        if wait:
            return Wait(wait / 1000, "paused" if reason == b"paused" else "limit")
        return Leave(leave, priority, cost, route, mark)

    def observe(
        self, leave: Leave, status: int, headers: Mapping[str, str], cost: CostInfo | None = None
    ) -> None:
        """Report the answer to the call, whatever its status. Raises LimiterUnavailable.

        Give 429 also for an answer that refuses for the limit in another way: Shopify's THROTTLED has 200.
        `cost` is what such a provider says of the query's cost, None where it says nothing.
        """
        self._run(self._observe, leave.route, leave.id, *self._policy.tells(leave, status, headers, cost))

    def give_back(self, leave: Leave) -> None:
        """The call was not made, or it is proved that nothing left. Raises LimiterUnavailable."""
        self._run(self._settle, leave.route, leave.id, "not sent", *self._policy.settles(leave))

    def lost(self, leave: Leave) -> None:
        """The call may have arrived, and no answer came. Raises LimiterUnavailable."""
        self._run(self._settle, leave.route, leave.id, "lost", *self._policy.settles(leave))

    def pause(self, seconds: float, reason: str) -> None:
        """Hold every call, a person's too. `reason` is shown to people. Raises LimiterUnavailable."""
        self._run(self._pause, "", max(1, milliseconds(seconds)), reason or "paused")

    def resume(self) -> None:
        """End a pause early. The provider's own limit still holds. Raises LimiterUnavailable."""
        self._ask(lambda: self._store.hdel(self._keys("")[1], "paused_until", "pause_reason"))

    def state(self, route: str = "") -> LimiterState:
        """What is known now, without asking the provider. Raises LimiterUnavailable."""
        waiting_key, state, flights = self._keys(route)[:3]
        pipeline = self._store.pipeline()
        pipeline.time()
        pipeline.hgetall(state)
        pipeline.zcard(flights)
        pipeline.hmget(self._keys("")[1], "paused_until", "pause_reason")
        pipeline.zrange(waiting_key, 0, -1, withscores=True)
        (seconds, microseconds), known, in_flight, (paused, reason), waiting = self._ask(pipeline.execute)
        now = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
        fields = {name.decode(): value.decode() for name, value in known.items()}
        seen = self._policy.seen(fields, in_flight, now, route)
        paused_until, held_until = _moment(float(paused or 0)), _moment(float(fields.get("held_until", 0)))
        if paused_until > now:
            words = reason.decode()
        else:
            words = "refused by the provider: asking less often" if held_until > now else ""
        return LimiterState(
            limit=seen.limit,
            remaining=seen.remaining,
            resets_at=seen.resets_at,
            paused_until=max(paused_until, held_until) if words else None,
            reason=words,
            in_flight=in_flight,
            waiting=tuple(_waiting(who, until) for who, until in waiting if _moment(until) > now),
        )

    def _keys_of(self, route: str) -> list[str]:
        keys = [f"{self._key}:waiting"]
        for part in self._policy.parts(route):
            prefix = f"{self._key}:{part}" if part else self._key
            keys += (f"{prefix}:state", f"{prefix}:flights")
        return keys

    def _run(self, script: "_Script", route: str, *arguments: str | float) -> Any:
        keys = self._keys(route)
        try:
            return script.run(self._store, (len(keys), *keys, *arguments))
        except redis.RedisError as error:
            raise LimiterUnavailable(_UNREACHABLE) from error

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except redis.RedisError as error:
            raise LimiterUnavailable(_UNREACHABLE) from error


def limiter_for(provider: str, scope: str) -> Limiter:
    """The limiter that all processes share for this provider and scope (whatever the provider counts by)."""
    return _limiter(settings.REDIS_URL, POLICIES[provider](), f"hotdash:limit:{provider}:{scope}")


@lru_cache(maxsize=256)
def _limiter(url: str, policy: Policy, key: str) -> Limiter:
    return Limiter(_store(url), policy, key)


@lru_cache(maxsize=8)
def _store(url: str) -> "redis.Redis":
    """One pool a process and server. Repeats once where a kept connection turns out to be dead (the server
    was restarted); the scripts bear it, because a leave has its id before it is asked for."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=1,
        socket_timeout=2,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


class _Script:
    """As redis-py's own, at a third of its price: a leave is asked for before every call."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def run(self, store: Any, given: tuple[str | int | float, ...]) -> Any:
        try:
            return store.execute_command("EVALSHA", self._digest, *given)
        except NoScriptError:  # a store that was restarted
            return store.execute_command("EVAL", self._text, *given)


def scripts(kind: str) -> list[str]:
    """The scripts of one kind of limit that acquire, observe, settle and pause, with what they rest on."""
    text = {path.stem: path.read_text() for path in _HERE.glob("*.lua")}
    shared = text["shared"] + text.get(f"{kind}_shared", "")
    return [
        shared + text[f"{kind}_acquire"],
        shared + text["hold"] + text[f"{kind}_observe"],
        shared + text[f"{kind}_settle"],
        shared + text["pause"],
    ]


def _waiting(who: bytes, until: float) -> Waiting:
    priority, _, route = who.decode().split(" ", 2)
    return Waiting(Priority(priority), route, _moment(until))


def _moment(stored: float) -> datetime:
    return datetime.fromtimestamp(stored / 1000, UTC)
