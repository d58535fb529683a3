"""The bucket of points against a real store, by a clock that the tests set; nothing sleeps."""

import uuid
from collections.abc import Callable

import pytest
import redis
from django.conf import settings

from integrations.ratelimit import Leave, Limiter, Priority, Wait
from integrations.ratelimit.points import Points
from tests.integrations.clocked import ClockedLimiter

PERSON, BACKGROUND = Priority.PERSON, Priority.BACKGROUND


@pytest.fixture
def limiter() -> ClockedLimiter:
    store = redis.Redis.from_url(settings.REDIS_URL)
    return ClockedLimiter(store, Points(maximum=2000, restore=100), f"test:{uuid.uuid4().hex}")


@pytest.fixture
def later(limiter: ClockedLimiter) -> Callable[[float], None]:
    """Let so many seconds pass."""
    return limiter.later


def told(available: float, actual: float | None = None, restore: int = 100) -> dict[str, object]:
    """What Shopify says of a query's cost."""
    status = {"maximumAvailable": 2000, "currentlyAvailable": available, "restoreRate": restore}
    return {"requestedQueryCost": 500, "actualQueryCost": actual, "throttleStatus": status}


def go(limiter: Limiter, cost: int, priority: Priority = PERSON, route: str = "") -> Leave:
    leave = limiter.acquire(priority, cost, route)
    assert isinstance(leave, Leave), leave
    return leave


def wait(limiter: Limiter, cost: int, priority: Priority = PERSON, route: str = "") -> Wait:
    answer = limiter.acquire(priority, cost, route)
    assert isinstance(answer, Wait), answer
    return answer


def remaining(limiter: Limiter) -> int:
    left = limiter.state().remaining
    assert left is not None
    return left


def test_a_full_bucket_is_taken_for_granted_at_the_beginning(limiter: Limiter) -> None:
    assert limiter.state().limit == 2000
    go(limiter, 1000)
    go(limiter, 1000)
    wait(limiter, 10)


def test_what_a_query_did_not_use_comes_back_with_its_answer(limiter: Limiter) -> None:
    leave = go(limiter, 900)
    assert remaining(limiter) == 1100
    limiter.observe(leave, 200, {}, {"actualQueryCost": 100})
    assert remaining(limiter) == 1900


def test_what_shopify_says_is_left_wins_over_our_own_count(limiter: Limiter) -> None:
    limiter.observe(go(limiter, 100), 200, {}, told(300, actual=100))
    assert remaining(limiter) == 300


def test_queries_under_way_are_not_in_what_shopify_says_is_left(limiter: Limiter) -> None:
    older = go(limiter, 200)
    asked = go(limiter, 100)
    go(limiter, 400)
    limiter.observe(asked, 200, {}, told(1900, actual=100))
    assert remaining(limiter) == 1300
    limiter.observe(older, 200, {}, {"actualQueryCost": 50})
    assert remaining(limiter) == 1450


def test_an_answer_that_was_overtaken_only_gives_back(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    overtaken = go(limiter, 100)
    later(0.1)
    limiter.observe(go(limiter, 100), 200, {}, told(1000, actual=100))
    limiter.observe(overtaken, 200, {}, told(2000, actual=40))
    assert remaining(limiter) == 960


def test_what_was_answered_meanwhile_may_not_be_in_what_a_slow_answer_tells(limiter: Limiter) -> None:
    older, slow = go(limiter, 300), go(limiter, 100)
    limiter.observe(older, 200, {}, {"actualQueryCost": 200})
    limiter.observe(slow, 200, {}, told(1900, actual=100))
    assert remaining(limiter) == 1700


def test_points_come_back_a_hundred_a_second_and_never_past_the_maximum(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    limiter.observe(go(limiter, 100), 200, {}, told(300, actual=100))
    assert wait(limiter, 500).seconds == 2
    later(2)
    assert remaining(limiter) == 500
    later(100)
    assert remaining(limiter) == 2000
    assert limiter.state().resets_at is None


def test_a_plan_with_a_larger_bucket_is_learned_from_the_answer(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    answer = told(100, actual=100, restore=1000)
    answer["throttleStatus"] = {"maximumAvailable": 20000, "currentlyAvailable": 100, "restoreRate": 1000}
    limiter.observe(go(limiter, 100), 200, {}, answer)
    later(4)
    assert limiter.state().limit == 20000
    assert remaining(limiter) == 4100


def test_a_throttled_query_was_charged_nothing_and_waits_for_its_points(limiter: Limiter) -> None:
    limiter.observe(go(limiter, 900), 429, {}, told(400))
    assert wait(limiter, 900).seconds == 5
    assert limiter.state().paused_until is None


def test_a_refusal_that_says_nothing_leaves_an_empty_bucket(limiter: Limiter) -> None:
    limiter.observe(go(limiter, 100), 429, {})
    assert wait(limiter, 100).seconds == 1


def test_retry_after_holds_everybody(limiter: Limiter) -> None:
    limiter.observe(go(limiter, 10), 429, {"Retry-After": "2.5"}, told(2000))
    assert wait(limiter, 1, PERSON).seconds == 2.5
    assert limiter.state().paused_until is not None


def test_a_query_that_was_not_sent_gives_its_points_back(limiter: Limiter) -> None:
    leave = go(limiter, 900)
    limiter.give_back(leave)
    limiter.give_back(leave)
    assert remaining(limiter) == 2000


def test_after_a_lost_query_only_later_ones_tell_what_is_left(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    earlier, lost = go(limiter, 100), go(limiter, 900)
    later(0.1)
    limiter.lost(lost)
    limiter.observe(earlier, 200, {}, told(1900, actual=100))
    assert remaining(limiter) == 1000
    later(0.1)
    limiter.observe(go(limiter, 100), 200, {}, told(1850, actual=100))
    assert remaining(limiter) == 1850


def test_a_large_query_that_waits_is_not_starved_by_small_ones(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    limiter.observe(go(limiter, 10), 200, {}, told(600, actual=10))
    large = wait(limiter, 900, BACKGROUND, "large")
    assert wait(limiter, 100, BACKGROUND, "small").seconds > large.seconds
    later(large.seconds)
    wait(limiter, 100, BACKGROUND, "small")
    go(limiter, 900, BACKGROUND, "large")


def test_a_claim_of_which_nobody_comes_back_ends_by_itself(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    limiter.observe(go(limiter, 10), 200, {}, told(600, actual=10))
    large = wait(limiter, 900, BACKGROUND, "large")
    later(large.seconds + 1.1)
    go(limiter, 100, BACKGROUND, "small")


def test_a_person_does_not_wait_behind_the_background(limiter: Limiter) -> None:
    limiter.observe(go(limiter, 10), 200, {}, told(600, actual=10))
    wait(limiter, 900, BACKGROUND, "large")
    go(limiter, 500, PERSON)


def test_the_background_does_not_starve_a_person(limiter: Limiter, later: Callable[[float], None]) -> None:
    limiter.observe(go(limiter, 10), 200, {}, told(600, actual=10))
    wait(limiter, 900, BACKGROUND, "large")
    told_person = wait(limiter, 800, PERSON)
    later(told_person.seconds)
    wait(limiter, 100, BACKGROUND)
    go(limiter, 800, PERSON)


def test_the_background_leaves_a_tenth_to_persons(limiter: Limiter) -> None:
    limiter.observe(go(limiter, 10), 200, {}, told(250, actual=10))
    wait(limiter, 100, BACKGROUND)
    go(limiter, 100, PERSON)


def test_a_query_larger_than_the_bucket_goes_when_it_is_full(limiter: Limiter) -> None:
    go(limiter, 2500, BACKGROUND)


def test_a_store_that_has_forgotten_begins_with_nothing_where_a_caller_remembers(
    limiter: ClockedLimiter, later: Callable[[float], None]
) -> None:
    go(limiter, 10)
    limiter.forget()
    assert wait(limiter, 100).seconds == 1
    later(1)
    limiter.observe(go(limiter, 100), 200, {}, told(1900, actual=100))
    assert remaining(limiter) < 10  # calls that the store does not know may not be charged yet
    later(1.5)
    limiter.observe(go(limiter, 100), 200, {}, told(1900, actual=100))
    assert remaining(limiter) == 1900


def test_who_died_with_a_query_is_forgotten_after_a_minute(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    go(limiter, 900)
    later(61)
    limiter.observe(go(limiter, 100), 200, {}, told(1900, actual=100))
    assert remaining(limiter) == 1900
    assert limiter.state().in_flight == 0


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        {},
        {"throttleStatus": "soon", "actualQueryCost": "much"},
        {"throttleStatus": {"currentlyAvailable": -5, "restoreRate": True}},
    ],
)
def test_costs_that_make_no_sense_do_no_harm(limiter: Limiter, nonsense: dict[str, object] | None) -> None:
    limiter.observe(go(limiter, 100), 200, {}, nonsense)
    assert remaining(limiter) == 1900
