"""How full a provider's limit is, and what waits for it, in words."""

from dataclasses import dataclass

from integrations.connections import Connection
from social.explain import Situation, moment, publer_is_set_up, span
from social.limits import AWAY, ProviderLimit
from social.limits import limits as known_limits


@dataclass(frozen=True)
class Limit:
    """One provider's limit: how full, and in words; `waits`: what waits for it, and until when."""

    provider: str
    name: str
    limit: int
    left: int
    words: str
    waits: str = ""

    @property
    def low(self) -> int:
        return self.limit // 5

    @property
    def high(self) -> int:
        return max(1, self.limit // 20)


def limits(situation: Situation | None, rows: dict[str, Connection]) -> list[Limit]:
    """Of those that are connected, Publer's first."""
    if situation is None:
        return []
    known = known_limits(situation, rows)
    return [meter(one, situation) for one in (known if publer_is_set_up(situation.connection) else known[1:])]


def meter(one: ProviderLimit, situation: Situation) -> Limit:
    """One limit as it is drawn."""
    left, words = _fill(one, situation)
    waits = [
        f"{queue.count} {queue.what}{f', until {moment(queue.until)}' if queue.until else ''}"
        for queue in one.queues
    ]
    return Limit(str(one.provider), one.provider.label, one.limit, left, words, "; ".join(waits))


def _fill(one: ProviderLimit, situation: Situation) -> tuple[int, str]:
    if one.reason == AWAY:
        return 0, "not known: the cache server is away"
    if one.paused_until is None and one.reason:  # a person's pause, which ends when a person says so
        return 0, one.reason.rstrip(".")
    if one.paused_until and one.paused_until > situation.now:
        rest = span((one.paused_until - situation.now).total_seconds())
        return 0, f"waits {rest}: {one.reason or f'{one.provider.label} asked for it'}"
    left = one.limit if one.remaining is None else one.remaining
    unit = " points" if one.provider == Connection.Provider.SHOPIFY else ""
    words = f"{left:,} of {one.limit:,}{unit} left"
    if not unit and one.resets_at and one.resets_at > situation.now:
        words += f", resets in {span((one.resets_at - situation.now).total_seconds())}"
    return left, words
