"""Reads that are repeated, without time passing."""

from collections.abc import Callable

import pytest

from integrations.errors import BadAnswer, Held, NotSent, OutcomeUnknown, ProviderError, Refused
from integrations.retry import ONCE, Retry

NOTHING = BadAnswer("nothing", provider="shopify")


def failing(*errors: ProviderError) -> Callable[[], str]:
    left = list(errors)

    def ask() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return ask


def never(seconds: float) -> None:
    pytest.fail("Somebody waited.")


def test_a_read_is_asked_once_unless_somebody_says_otherwise() -> None:
    with pytest.raises(BadAnswer):
        ONCE.read(failing(NOTHING), never)


def test_a_read_that_brought_nothing_is_asked_again_after_a_while() -> None:
    slept: list[float] = []
    lost = NotSent("unreachable", provider="shopify")
    assert Retry(3).read(failing(NOTHING, lost), slept.append) == "answer"
    assert len(slept) == 2


def test_the_last_error_is_told_once_the_attempts_are_used_up() -> None:
    slept: list[float] = []
    with pytest.raises(NotSent):
        Retry(2).read(failing(NOTHING, NotSent("unreachable", provider="shopify")), slept.append)
    assert len(slept) == 1


@pytest.mark.parametrize(
    "error",
    [
        Refused("no", provider="shopify", kind="rate_limited"),
        Refused("no", provider="shopify", kind="permanent"),
        Held("later", provider="shopify", seconds=1, reason="limit"),
        OutcomeUnknown("who knows", provider="chatwoot"),
    ],
)
def test_what_was_refused_or_held_or_may_be_done_is_not_repeated(error: ProviderError) -> None:
    with pytest.raises(type(error)):
        Retry(5).read(failing(error), never)


def test_waits_are_drawn_below_a_bound_that_doubles_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, float]] = []

    def highest(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    monkeypatch.setattr("random.uniform", highest)
    retry = Retry(6, base=1, longest=5)
    assert [retry.wait_after(attempt) for attempt in range(1, 7)] == [1, 2, 4, 5, 5, None]
    assert drawn == [(0, 1), (0, 2), (0, 4), (0, 5), (0, 5)]
