"""When something is tried again, as a value: "again? when?". A read may be repeated by it; a write only by
those who know that it was not taken."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from integrations.errors import BadAnswer, NotSent

T = TypeVar("T")


@dataclass(frozen=True)
class Retry:
    """`attempts` in all, None: as many as it takes. Before each further one up to `base` seconds pass,
    doubled each time, at most `longest`; how many exactly is drawn by lot (full jitter), so that callers do
    not come back together. `least` pass in any case: what somebody asked to wait."""

    attempts: int | None = 1
    base: float = 0.5
    longest: float = 8.0
    least: float = 0.0

    def wait_after(self, attempt: int) -> float | None:
        """Seconds until the next attempt; None: there is none."""
        if self.attempts is not None and attempt >= self.attempts:
            return None
        most = min(self.longest, self.base * 2.0 ** min(attempt - 1, 60))
        return self.least + random.uniform(0, most)  # noqa: S311

    def read(self, ask: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
        """What `ask` brings. Asks again where nothing usable came; what was refused or held is refused or
        held. Sleeps in between: only for callers that may wait."""
        attempt = 1
        while True:
            try:
                return ask()
            except (BadAnswer, NotSent):
                seconds = self.wait_after(attempt)
                if seconds is None:
                    raise
            sleep(seconds)
            attempt += 1


ONCE: Final = Retry()
