"""What is left of each provider's limit, and what waits for it: the same for screens and programs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from integrations.connections import Connection
from integrations.ratelimit import LimiterState, Priority
from integrations.ratelimit.policies import POLICIES
from social.explain import Situation, paused_words
from social.models import Delivery
from social.publishing import providers

P = Connection.Provider

AWAY = "The cache server, which counts the calls, is away."
HANDS_OVER = ("posts/schedule", "media")
"""Routes of the calls for which due deliveries wait."""
WHAT = {
    "graphql.json": "the shop's figures",
    "conversations": "the inbox's figures",
    "job_status": "what became of posts",
    "posts": "the list of posts",
    "accounts": "the list of accounts",
    "workspaces": "the list of accounts",
}
"""What a call is for, by the beginning of its route."""


@dataclass(frozen=True)
class Queue:
    """So many of `what` wait ("deliveries to hand over"); `until`: when they come back, None for as soon as
    they may."""

    count: int
    what: str
    until: datetime | None


@dataclass(frozen=True)
class ProviderLimit:
    """`remaining` is None while unknown. `reason`: why calls are held, in words; "" where they are not."""

    provider: Connection.Provider
    limit: int
    remaining: int | None = None
    resets_at: datetime | None = None
    paused_until: datetime | None = None
    reason: str = ""
    queues: tuple[Queue, ...] = ()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(queue.count for queue in self.queues)


def limits(situation: Situation, rows: Mapping[str, Connection]) -> list[ProviderLimit]:
    """Of Publer, then of the others that are set up; `rows` as `providers.connected` brings them. One query,
    and a look at the limiter's store for each of the others."""
    found, store_down = [publer(situation)], situation.store_down
    for one in providers.OTHERS:
        if one.is_set_up():
            state = None if store_down else providers.limiter_state(one)
            store_down = state is None  # then it is not asked again for the next one
            found.append(of(one, rows.get(one.provider), state, situation.now))
    return found


def of(
    one: providers.Other, row: Connection | None, state: LimiterState | None, now: datetime
) -> ProviderLimit:
    """Of the shop or the inbox; `state` is None where the limiter's store cannot be asked."""
    queues = list(_callers(state))
    waits_until = row.figures.waits_until if row and hasattr(row, "figures") else None
    if not queues and waits_until and waits_until > now:  # only the row tells: the store was emptied
        queues = [_calls(_what(one.routes[0]), [waits_until])]
    return _limit(one.provider, row, state, queues, now, away=state is None, route=one.routes[0])


def publer(situation: Situation) -> ProviderLimit:
    """Of Publer: one query."""
    state, now = situation.limiter, situation.now
    queues = list(_callers(state))
    held = Delivery.objects.filter(status=Delivery.Status.QUEUED, due_at__lte=now).count()
    if held:
        senders = [each.until for each in state.waiting if _hands_over(each.route)] if state else []
        until = min(senders, default=state.paused_until if state else None)
        queues.insert(0, Queue(held, f"deliver{'y' if held == 1 else 'ies'} to hand over", until))
    return _limit(P.PUBLER, situation.connection, state, queues, now, away=situation.store_down)


def _limit(
    provider: Connection.Provider,
    row: Connection | None,
    state: LimiterState | None,
    queues: list[Queue],
    now: datetime,
    away: bool,
    route: str = "",
) -> ProviderLimit:
    reason = AWAY if away else state.reason if state else ""
    paused_until = state.paused_until if state else None
    if row is not None and row.is_paused(now):
        reason, paused_until = f"{paused_words(row)}.", row.paused_until  # none: when a person says so
    if state is None:
        limit = POLICIES[provider]().seen({}, 0, now, route).limit
        return ProviderLimit(provider, limit, reason=reason, queues=tuple(queues))
    return ProviderLimit(
        provider,
        state.limit,
        state.remaining,
        state.resets_at,
        paused_until,
        reason,
        tuple(queues),
    )


def _callers(state: LimiterState | None) -> Iterator[Queue]:
    """Who comes back by itself, by what for. A person who was told "not now" does not wait; who hands over
    deliveries is counted by them."""
    found: dict[str, list[datetime]] = {}
    for each in state.waiting if state else ():
        if each.priority is Priority.BACKGROUND and not _hands_over(each.route):
            found.setdefault(_what(each.route), []).append(each.until)
    for what, untils in found.items():
        yield _calls(what, untils)


def _calls(what: str, untils: list[datetime]) -> Queue:
    return Queue(len(untils), f"call{'' if len(untils) == 1 else 's'} for {what}", max(untils))


def _hands_over(route: str) -> bool:
    return not route or route.startswith(HANDS_OVER)


def _what(route: str) -> str:
    return next((what for beginning, what in WHAT.items() if route.startswith(beginning)), "something else")
