"""Providers as they count, for tests in which no time passes: each is asked at a moment and keeps the truth.

Moments and times are seconds. A provider's own clock differs from ours by `skew`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any


@dataclass
class Said:
    status: int
    headers: Mapping[str, str]
    cost: Mapping[str, Any] | None = None


@dataclass
class Windows:
    """`limit` calls a window, which begins with its first call, or is `aligned` to the epoch and then tells
    nothing but the `Date`."""

    limit: int
    period: float
    skew: float
    aligned: bool = False
    ends: float = 0.0
    used: list[int] = field(default_factory=list)
    refused: int = 0

    def arrives(self, now: float, cost: int = 1) -> bool:
        if now >= self.ends:
            begins = math.floor((now + self.skew) / self.period) * self.period - self.skew
            self.ends = (begins if self.aligned else now) + self.period
            self.used.append(0)
        admitted = self.used[-1] < self.limit
        self.used[-1] += admitted
        return admitted

    def answers(self, now: float, admitted: bool, cost: int = 1) -> Said:
        headers = {"Date": formatdate(math.floor(now + self.skew), usegmt=True)}
        if not self.aligned:
            headers["X-RateLimit-Limit"] = str(self.limit)
            headers["X-RateLimit-Remaining"] = str(self.limit - self.used[-1])
            headers["X-RateLimit-Reset"] = str(math.floor(self.ends + self.skew))
        return Said(200 if admitted else 429, headers)


@dataclass
class Bucket:
    """`maximum` points, `restore` a second. Lets in by what a query asks for, charges what it used."""

    maximum: float
    restore: float
    level: float
    at: float = 0.0
    spilled: float = 0.0

    def _now(self, now: float) -> None:
        full = self.level + (now - self.at) * self.restore
        self.spilled += max(0.0, full - self.maximum)
        self.level, self.at = min(self.maximum, full), now

    def arrives(self, now: float, cost: int) -> bool:
        self._now(now)
        admitted = self.level >= cost
        self.level -= cost if admitted else 0
        return admitted

    def answers(self, now: float, admitted: bool, cost: int) -> Said:
        self._now(now)
        actual = math.ceil(cost * 0.6)
        if admitted:
            self.level = min(self.maximum, self.level + cost - actual)
        throttle = {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": math.floor(self.level),
            "restoreRate": self.restore,
        }
        told = {"actualQueryCost": actual if admitted else None, "throttleStatus": throttle}
        return Said(200 if admitted else 429, {}, told)
