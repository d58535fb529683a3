"""Limits that count calls: windows that begin with a call, and windows that are aligned to the epoch."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import ClassVar

from integrations.ratelimit.leave import CostInfo, Leave, Priority, Seen, milliseconds
from integrations.ratelimit.retry_after import asked_wait, unix_time


@dataclass(frozen=True)
class Window:
    """`limit` calls a window. `name` tells the windows of one provider apart."""

    name: str
    limit: int


@dataclass(frozen=True)
class Told:
    """What one answer says about a window: units left, the provider's own number for the window's end (unix
    seconds), and the seconds until then by the provider's own clock. None where it does not say."""

    limit: int | None = None
    remaining: int | None = None
    reset: int | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class FixedWindow:
    """`limit` calls in `period` seconds from the first one. What the answers say wins over both numbers.

    `reserve` is the share of the limit that is kept for calls on which a person waits.
    """

    limit: int
    period: float
    reserve: float = 0.1
    script: ClassVar = "window"

    def windows(self, route: str) -> Sequence[Window]:
        """What a call on this route counts in, the narrowest first."""
        return (self._all,)

    @cached_property
    def _all(self) -> Window:
        return Window("", self.limit)

    def told(self, headers: Mapping[str, str]) -> Told:
        """Read `X-RateLimit-Limit`, `-Remaining`, `-Reset` and `Date`; what cannot be read counts as not
        said."""
        reset, date = _whole(headers.get("X-RateLimit-Reset")), unix_time(headers.get("Date"))
        # Both are the provider's clock in whole seconds: the difference knows no skew, and is up to one too
        # small.
        seconds_left = None if reset is None or date is None else max(0, reset - date + 1)
        return Told(
            limit=_whole(headers.get("X-RateLimit-Limit")),
            remaining=_whole(headers.get("X-RateLimit-Remaining")),
            reset=reset,
            seconds_left=seconds_left,
        )

    def parts(self, route: str) -> tuple[str, ...]:
        return tuple(window.name for window in self.windows(route))

    def asks(
        self, priority: Priority, cost: int, route: str, memory: Mapping[str, int]
    ) -> list[str | int | float]:
        share = self.reserve if priority is Priority.BACKGROUND else 0
        asked: list[str | int | float] = []
        for window in self.windows(route):
            asked += (window.limit, milliseconds(self.period), share, memory.get(window.name, 0))
        return asked

    def tells(
        self, leave: Leave, status: int, headers: Mapping[str, str], cost: CostInfo | None
    ) -> list[str | int | float]:
        told, wait = self.told(headers), asked_wait(status, headers)
        said: list[str | int | float] = [
            int(status == 429),
            "" if wait is None else milliseconds(wait),
            random.random(),  # noqa: S311 - spreads callers, hides nothing
        ]
        for window in self.windows(leave.route):
            said += (
                window.limit if told.limit is None else told.limit,
                milliseconds(self.period),
                "" if told.remaining is None else told.remaining,
                "" if told.reset is None else told.reset,
                "" if told.seconds_left is None else milliseconds(told.seconds_left),
            )
        return said

    def settles(self, leave: Leave) -> list[str | int | float]:
        return []

    def seen(self, fields: Mapping[str, str], in_flight: int, now: datetime, route: str) -> Seen:
        limit = int(fields.get("limit", self.windows(route)[0].limit))
        resets_at = datetime.fromtimestamp(int(fields.get("ends", 0)) / 1000, UTC)
        if resets_at <= now:
            return Seen(limit, None, None)
        return Seen(limit, max(0, int(fields["remaining"]) - int(fields["lost"]) - in_flight), resets_at)


@dataclass(frozen=True)
class AlignedWindows(FixedWindow):
    """Windows that all begin at a multiple of `period` in the provider's unix time; the count is ours, for
    the answers bear nothing but a `Date`.

    `limit` holds for the address; a call whose route begins with one of `routes` counts in those windows too.
    """

    routes: Mapping[str, tuple[Window, ...]] = field(default_factory=dict, hash=False)

    def windows(self, route: str) -> Sequence[Window]:
        for beginning, windows in self.routes.items():
            if route.startswith(beginning):
                return (*windows, self._all)
        return (self._all,)

    def told(self, headers: Mapping[str, str]) -> Told:
        date = unix_time(headers.get("Date"))
        if date is None:
            return Told()
        reset = math.floor(date / self.period + 1) * self.period
        return Told(reset=round(reset), seconds_left=reset - date)


def _whole(value: str | None) -> int | None:
    try:
        return max(0, int(value)) if value is not None else None
    except ValueError:
        return None
