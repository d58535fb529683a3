"""Publer's own limit: a fixed window for the user, over all keys."""

import math
import threading
from collections.abc import Callable


class Window:
    """`limit` calls in `period` seconds; the window opens with the first call after the last one ended."""

    def __init__(self, limit: int, period: float, clock: Callable[[], float]) -> None:
        self.limit, self.period, self._clock = limit, period, clock
        self._lock = threading.Lock()
        self._end, self._used = 0.0, 0

    def admit(self) -> tuple[bool, dict[str, str]]:
        """Count one call: may it go on, and the headers of its answer."""
        with self._lock:
            now = self._clock()
            if now >= self._end:
                self._end, self._used = now + self.period, 0
            admitted = self._used < self.limit
            self._used += admitted
            return admitted, self._headers()

    def headers(self) -> dict[str, str]:
        """The headers of an answer that does not count: that of a stranger."""
        with self._lock:
            return self._headers()

    def _headers(self) -> dict[str, str]:
        now = self._clock()
        used, end = (self._used, self._end) if now < self._end else (0, now + self.period)
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.limit - used),
            "X-RateLimit-Reset": str(math.ceil(end)),
        }
