"""The real limiter on a real store, by a clock that the test sets: the scripts' own text is run, with the
test's moment in the place of the store's TIME."""

from typing import Any, cast

import redis

from integrations.ratelimit import Limiter
from integrations.ratelimit.limiter import _Script, scripts
from integrations.ratelimit.policies import Policy

BEGIN = 1_900_000_000.0
_TIME = (
    "local told = redis.call('HMGET', KEYS[1], 'seconds', 'microseconds') return {told[1] + 0, told[2] + 0}"
)


class ClockedLimiter(Limiter):
    """One process' limiter. Those of one key share a clock; it stands still until `set_clock` or `later`."""

    def __init__(self, store: redis.Redis, policy: Policy, key: str, now: float = BEGIN) -> None:
        super().__init__(cast("redis.Redis", _ClockedStore(store, f"{{{key}}}:clock")), policy, key)
        told = f"redis.call('HMGET', '{self._key}:clock', 'seconds', 'microseconds')"
        self._acquire, self._observe, self._settle, self._pause = (
            _Script(text.replace("redis.call('TIME')", told)) for text in scripts(policy.script)
        )
        self.set_clock(now)
        self._store.expire(f"{self._key}:clock", 3600)

    def set_clock(self, now: float) -> None:
        """Unix seconds."""
        self._now = now
        moment = ("seconds", int(now), "microseconds", int(now % 1 * 1_000_000))
        self._store.hset(f"{self._key}:clock", items=list(moment))

    def later(self, seconds: float) -> None:
        """Let so many seconds pass; a negative number sets the clock back."""
        self.set_clock(self._now + seconds)

    def forget(self) -> None:
        """Delete everything but the clock, as a store that is emptied would."""
        self._store.delete(*self._keys(""))


class _ClockedStore:
    """A store whose pipelines tell the test's time."""

    def __init__(self, store: redis.Redis, clock: str) -> None:
        self._store, self._clock = store, clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def pipeline(self) -> Any:
        pipeline = self._store.pipeline()
        vars(pipeline)["time"] = lambda: pipeline.eval(_TIME, 1, self._clock)
        return pipeline
