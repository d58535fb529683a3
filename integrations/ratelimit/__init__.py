"""One limiter for all processes on all hosts: `limiter_for("publer", scope).acquire()` says go or when."""

from integrations.ratelimit.leave import (
    CostInfo,
    Leave,
    LimiterState,
    LimiterUnavailable,
    Priority,
    Wait,
    Waiting,
)
from integrations.ratelimit.limiter import Limiter, limiter_for

__all__ = [
    "CostInfo",
    "Leave",
    "Limiter",
    "LimiterState",
    "LimiterUnavailable",
    "Priority",
    "Wait",
    "Waiting",
    "limiter_for",
]
