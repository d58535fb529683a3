"""What the limiter says and is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal

WaitReason = Literal["limit", "paused"]
CostInfo = Mapping[str, Any]
"""What a provider that charges points says about one query: Shopify's `extensions.cost`."""


class Priority(Enum):
    """Who waits for the call. A person's may use the reserve."""

    PERSON = "person"
    BACKGROUND = "background"


@dataclass(frozen=True)
class Leave:
    """One unit of the provider's limit (or `cost` points), granted for one call that is to be made at once.

    It must come back by exactly one of `observe`, `give_back` or `lost`. `mark` is what the store wants
    to see again then.
    """

    id: str
    priority: Priority
    cost: int = 1
    route: str = ""
    mark: bytes = b""


@dataclass(frozen=True)
class Wait:
    """Not now: come back in `seconds`."""

    seconds: float
    reason: WaitReason


@dataclass(frozen=True)
class Waiting:
    """A caller that was told to come back at `until` (UTC): a process, for one route and priority."""

    priority: Priority
    route: str
    until: datetime


@dataclass(frozen=True)
class Seen:
    """The limit, what a person's call could use of it, and when all of it is there again. None: unknown."""

    limit: int
    remaining: int | None
    resets_at: datetime | None


@dataclass(frozen=True)
class LimiterState:
    """For people to look at. Times in UTC; `remaining` is what a person's call could use now, None while
    unknown; `waiting` who was told to come back later, the soonest first."""

    limit: int
    remaining: int | None
    resets_at: datetime | None
    paused_until: datetime | None
    reason: str
    in_flight: int = 0
    waiting: tuple[Waiting, ...] = ()


class LimiterUnavailable(Exception):
    """The store cannot be asked. No call may be made: without the count, the provider would refuse us."""


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
