"""Limits that charge points: a bucket that fills up again at a steady rate."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from integrations.ratelimit.leave import CostInfo, Leave, Priority, Seen, milliseconds
from integrations.ratelimit.retry_after import asked_wait


@dataclass(frozen=True)
class Points:
    """`maximum` points, of which `restore` come back a second. What the answers say wins over both numbers.

    `reserve` is the share of the maximum that is kept for queries on which a person waits.
    """

    maximum: int
    restore: float
    reserve: float = 0.1
    script: ClassVar = "points"

    def parts(self, route: str) -> tuple[str, ...]:
        return ("",)

    def asks(
        self, priority: Priority, cost: int, route: str, memory: Mapping[str, int]
    ) -> list[str | int | float]:
        share = self.reserve if priority is Priority.BACKGROUND else 0
        return [cost, share, self.maximum, self.restore, memory.get("", 0)]

    def tells(
        self, leave: Leave, status: int, headers: Mapping[str, str], cost: CostInfo | None
    ) -> list[str | int | float]:
        """`cost` is the answer's `extensions.cost`."""
        wait, throttle = asked_wait(status, headers), _mapping((cost or {}).get("throttleStatus"))
        return [
            int(status == 429),
            leave.cost,
            _number((cost or {}).get("actualQueryCost")),
            _number(throttle.get("currentlyAvailable")),
            _number(throttle.get("maximumAvailable")) or "",
            _number(throttle.get("restoreRate")) or "",
            "" if wait is None else milliseconds(wait),
            random.random(),  # noqa: S311 - spreads callers, hides nothing
            leave.mark.decode() or 0,
        ]

    def settles(self, leave: Leave) -> list[str | int | float]:
        return [leave.cost]

    def seen(self, fields: Mapping[str, str], in_flight: int, now: datetime, route: str) -> Seen:
        maximum, restore = (
            float(fields.get("maximum", self.maximum)),
            float(fields.get("restore", self.restore)),
        )
        if "level" not in fields:
            return Seen(int(maximum), None, None)
        since = max(0.0, now.timestamp() - float(fields["at"]) / 1000)
        level = min(maximum, float(fields["level"]) + restore * since)
        full = now + timedelta(seconds=(maximum - level) / restore) if level < maximum else None
        return Seen(int(maximum), max(0, int(level)), full)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | str:
    """'' where it is no number."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else ""
