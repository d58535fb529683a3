"""The limiter against a real store, by a clock that the tests set; nothing sleeps."""

import time
import uuid
from collections.abc import Callable
from email.utils import formatdate

import pytest
import redis
from django.conf import settings

from integrations.ratelimit import Leave, Limiter, LimiterUnavailable, Priority, Wait, limiter_for
from integrations.ratelimit.windows import FixedWindow
from tests.integrations.clocked import ClockedLimiter

LIMIT, PERIOD = 10, 120.0
PERSON = Priority.PERSON


@pytest.fixture
def store() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL)


@pytest.fixture
def limiter(store: redis.Redis) -> ClockedLimiter:
    return ClockedLimiter(store, FixedWindow(LIMIT, PERIOD), f"test:{uuid.uuid4().hex}")


@pytest.fixture
def later(limiter: ClockedLimiter) -> Callable[[float], None]:
    """Let so many seconds pass."""
    return limiter.later


def answer(
    remaining: int | None = None, *, window: int = 1, left: float = PERIOD, limit: int = LIMIT
) -> dict[str, str]:
    """The headers of an answer in the n-th window, which has so many seconds left."""
    if remaining is None:
        return {}
    reset = 1_900_000_000 + round(window * PERIOD)
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset),
        "Date": formatdate(reset - left, usegmt=True),
    }


def go(limiter: Limiter, priority: Priority = PERSON) -> Leave:
    leave = limiter.acquire(priority)
    assert isinstance(leave, Leave), leave
    return leave


def wait(limiter: Limiter, priority: Priority = PERSON) -> Wait:
    told = limiter.acquire(priority)
    assert isinstance(told, Wait), told
    return told


@pytest.fixture
def opened(limiter: Limiter, later: Callable[[float], None]) -> Callable[..., None]:
    """A window whose first answer told this some seconds ago, and of which nothing else is under way."""

    def open_window(remaining: int = LIMIT - 1, limit: int = LIMIT) -> None:
        limiter.observe(go(limiter), 200, answer(remaining, limit=limit))
        later(3)

    return open_window


def test_the_first_call_goes_alone_and_the_others_wait_for_its_answer(limiter: Limiter) -> None:
    first = go(limiter)
    assert wait(limiter).seconds < 1
    limiter.observe(first, 200, answer(9))
    go(limiter)


def test_no_more_leave_than_the_provider_says_remains(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened(remaining=4)
    leaves = [go(limiter) for _ in range(4)]
    assert wait(limiter).seconds < 1  # answers under way may free units
    for number, leave in enumerate(leaves):
        limiter.observe(leave, 200, answer(3 - number))
    assert wait(limiter).seconds == PERIOD - 3


def test_somebody_elses_calls_are_learned_from_the_answers(
    limiter: Limiter, opened: Callable[..., None]
) -> None:
    opened(remaining=9)
    limiter.observe(go(limiter), 200, answer(1))
    go(limiter)
    wait(limiter)


def test_a_call_that_was_not_sent_gives_its_unit_back(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened(remaining=1)
    leave = go(limiter)
    wait(limiter)
    limiter.give_back(leave)
    go(limiter)


def test_a_call_without_an_answer_may_have_counted(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened(remaining=2)
    limiter.lost(go(limiter))
    go(limiter)
    wait(limiter)


def test_a_dead_process_holds_its_unit_for_a_minute_and_then_loses_it(
    limiter: Limiter, later: Callable[[float], None], opened: Callable[..., None]
) -> None:
    opened(remaining=2)
    go(limiter)
    later(61)
    go(limiter)
    assert wait(limiter).seconds < 1
    assert limiter.state().remaining == 0


def test_a_call_that_was_given_up_for_dead_is_lost_once(
    limiter: Limiter, opened: Callable[..., None], later: Callable[[float], None]
) -> None:
    opened(remaining=3)
    late = go(limiter)
    later(61)
    go(limiter)
    limiter.lost(late)
    go(limiter)
    wait(limiter)


def test_a_probe_that_died_is_replaced_in_seconds(limiter: Limiter, later: Callable[[float], None]) -> None:
    go(limiter)
    wait(limiter)
    later(6)
    go(limiter)
    wait(limiter)


@pytest.mark.parametrize("end", ["give_back", "lost"])
def test_a_probe_without_an_answer_lets_the_next_one_try(limiter: Limiter, end: str) -> None:
    getattr(limiter, end)(go(limiter))
    go(limiter)
    wait(limiter)


def test_the_end_of_a_window_is_opened_by_one_call(
    limiter: Limiter, later: Callable[[float], None], opened: Callable[..., None]
) -> None:
    opened(remaining=0)
    later(PERIOD + 2)
    probe = go(limiter)
    wait(limiter)
    limiter.observe(probe, 200, answer(9, window=2))
    assert limiter.state().remaining == 9


def test_the_providers_own_clock_brings_the_end_forward(limiter: Limiter) -> None:
    limiter.observe(go(limiter), 200, answer(0, left=30))
    assert wait(limiter).seconds == 31


def test_without_the_providers_date_the_end_is_a_whole_period_away(limiter: Limiter) -> None:
    headers = answer(0, left=30)
    del headers["Date"]
    limiter.observe(go(limiter), 200, headers)
    assert wait(limiter).seconds == PERIOD


def test_a_late_answer_of_an_old_window_changes_nothing(
    limiter: Limiter, opened: Callable[..., None]
) -> None:
    opened()
    late = go(limiter)
    limiter.observe(go(limiter), 200, answer(9, window=2))
    limiter.observe(late, 200, answer(0, window=1))
    assert limiter.state().remaining == 9


def test_an_overtaken_answer_of_the_same_window_does_not_raise_what_remains(
    limiter: Limiter, opened: Callable[..., None]
) -> None:
    opened()
    overtaken = go(limiter)
    limiter.observe(go(limiter), 200, answer(3))
    limiter.observe(overtaken, 200, answer(8))
    assert limiter.state().remaining == 3


def test_a_new_window_without_a_reset_is_seen_by_what_remains(
    limiter: Limiter, opened: Callable[..., None]
) -> None:
    opened(remaining=2)
    limiter.observe(go(limiter), 200, {"X-RateLimit-Remaining": "9"})
    assert limiter.state().remaining == 9


def test_a_new_window_is_seen_by_its_reset(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened(remaining=5)
    first, second = go(limiter), go(limiter)
    limiter.observe(first, 200, answer(4))
    limiter.observe(second, 200, answer(9, window=2))
    assert limiter.state().remaining == 9


def test_a_call_sent_after_the_end_opens_a_window_even_if_less_remains(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    limiter.observe(go(limiter), 200, {"X-RateLimit-Remaining": "5"})
    later(PERIOD + 1)
    limiter.observe(go(limiter), 200, {"X-RateLimit-Remaining": "4"})
    assert limiter.state().remaining == 4


def test_no_window_is_longer_than_the_period(limiter: Limiter) -> None:
    limiter.observe(go(limiter), 200, answer(0, left=PERIOD * 10))
    assert wait(limiter).seconds == PERIOD


def test_calls_still_under_way_count_in_a_new_window(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened()
    go(limiter)
    limiter.observe(go(limiter), 200, answer(9, window=2))
    assert limiter.state().remaining == 8


def test_background_calls_leave_a_reserve_to_persons(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened(remaining=8, limit=100)
    wait(limiter, Priority.BACKGROUND)
    go(limiter, PERSON)


def test_the_reserve_melts_towards_the_end_of_the_window(
    limiter: Limiter, opened: Callable[..., None], later: Callable[[float], None]
) -> None:
    opened(remaining=8, limit=100)
    told = wait(limiter, Priority.BACKGROUND)
    assert told.seconds == PERIOD * 0.2 - 3  # two of the ten have melted by then
    later(told.seconds + 0.1)
    go(limiter, Priority.BACKGROUND)


def test_a_429_holds_everybody_until_the_reset(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened()
    limiter.observe(go(limiter), 429, answer(0, left=40))
    assert wait(limiter, PERSON).seconds == 41


def test_a_429_without_headers_holds_everybody_for_a_period(limiter: Limiter) -> None:
    limiter.observe(go(limiter), 429, {})
    assert wait(limiter).seconds == PERIOD


def test_a_repeated_429_is_asked_about_less_and_less(
    limiter: Limiter, later: Callable[[float], None], opened: Callable[..., None]
) -> None:
    opened()
    longest = 0.0
    for window in range(2, 9):
        limiter.observe(go(limiter), 429, answer(0, window=window))
        told = wait(limiter)
        assert told.reason == "limit"
        longest = max(longest, told.seconds)
        assert told.seconds <= PERIOD + 900 + 1
        later(told.seconds + 2)
        while isinstance(granted := limiter.acquire(PERSON), Wait):
            later(granted.seconds + 1)
        limiter.give_back(granted)
    assert longest > PERIOD + 2
    assert "refused again" not in limiter.state().reason


def test_a_good_answer_between_two_refusals_ends_the_backing_off(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    for window in (1, 3, 5, 7):
        limiter.observe(go(limiter), 429, answer(0, window=window))
        assert limiter.state().paused_until is None
        later(PERIOD + 2)
        limiter.observe(go(limiter), 200, answer(9, window=window + 1))
        later(PERIOD + 2)


def test_calls_refused_together_are_one_refusal(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened()
    for leave in [go(limiter) for _ in range(2)]:
        limiter.observe(leave, 429, answer(0))
    assert limiter.state().paused_until is None


def test_after_a_429_while_units_seemed_left_fewer_calls_are_under_way(
    limiter: Limiter, later: Callable[[float], None], opened: Callable[..., None]
) -> None:
    opened()
    limiter.observe(go(limiter), 429, answer(0))
    later(PERIOD + 2)
    limiter.observe(go(limiter), 200, answer(9, window=3))
    later(3)
    under_way = 0
    while isinstance(limiter.acquire(PERSON), Leave):
        under_way += 1
    assert under_way == 3


def test_an_emptied_store_begins_with_one_call(limiter: ClockedLimiter, opened: Callable[..., None]) -> None:
    opened(remaining=5)
    under_way = go(limiter)
    limiter.forget()
    first = go(limiter)
    wait(limiter)
    limiter.observe(first, 200, answer(3))
    limiter.observe(under_way, 200, answer(4))
    assert limiter.state().remaining == 3


def test_after_an_emptied_store_few_calls_are_under_way_for_two_seconds(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    limiter.observe(go(limiter), 200, answer(9))
    for _ in range(3):
        go(limiter)
    wait(limiter)
    later(2.1)
    for _ in range(6):
        go(limiter)
    wait(limiter)


def test_a_window_known_to_be_used_up_survives_an_emptied_store(
    limiter: ClockedLimiter, opened: Callable[..., None]
) -> None:
    opened(remaining=0)
    until = wait(limiter).seconds
    limiter.forget()
    assert wait(limiter).seconds == until


def test_answers_without_headers_are_counted_by_ourselves(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    for _ in range(LIMIT):
        limiter.observe(go(limiter), 200, {})
        later(2.5)
    assert wait(limiter).seconds == PERIOD - 2.5 * LIMIT


@pytest.mark.parametrize("nonsense", ["", "soon", "-5", "1e9"])
def test_headers_that_make_no_sense_do_no_harm(limiter: Limiter, nonsense: str) -> None:
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Date")
    limiter.observe(go(limiter), 200, dict.fromkeys(names, nonsense))
    assert limiter.state().resets_at is not None


def test_the_limit_that_the_provider_tells_wins(limiter: Limiter) -> None:
    limiter.observe(go(limiter), 200, answer(59, limit=60))
    assert (limiter.state().limit, limiter.state().remaining) == (60, 59)


def test_a_pause_holds_persons_too_and_can_be_ended(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened()
    limiter.pause(90, "Publer is down for maintenance")
    told = wait(limiter, PERSON)
    assert told.reason == "paused"
    assert told.seconds == 90
    assert limiter.state().reason == "Publer is down for maintenance"
    limiter.resume()
    go(limiter)
    assert limiter.state().paused_until is None


def test_the_state_is_empty_before_the_first_answer(limiter: Limiter) -> None:
    state = limiter.state()
    assert (state.limit, state.remaining, state.resets_at, state.paused_until) == (LIMIT, None, None, None)


def test_a_reset_that_was_nonsense_is_forgotten_with_its_window(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    limiter.observe(go(limiter), 200, answer(0, window=10_000))
    later(PERIOD + 1)
    limiter.observe(go(limiter), 200, answer(9, window=2))
    assert limiter.state().remaining == 9


def test_a_store_whose_clock_was_set_back_begins_with_one_call(
    limiter: Limiter, later: Callable[[float], None]
) -> None:
    limiter.observe(go(limiter), 200, answer(0))
    wait(limiter)
    later(-3600)
    go(limiter)
    assert wait(limiter).seconds < 1


def test_a_store_that_is_down_grants_nothing(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", f"redis://{nowhere}/0")
    limiter = limiter_for("publer", "nowhere")
    leave = Leave("x", PERSON)
    for question in (
        limiter.acquire,
        limiter.state,
        limiter.resume,
        lambda: limiter.observe(leave, 200, {}),
        lambda: limiter.give_back(leave),
        lambda: limiter.lost(leave),
        lambda: limiter.pause(1, ""),
    ):
        with pytest.raises(LimiterUnavailable):
            question()


def test_a_store_that_hangs_is_given_up_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(settings, "REDIS_URL", f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        started = time.monotonic()
        with pytest.raises(LimiterUnavailable):
            limiter_for("publer", "hanging").acquire()
    assert time.monotonic() - started < 5


def test_retry_after_holds_everybody_past_the_end_of_the_window(
    limiter: Limiter, opened: Callable[..., None]
) -> None:
    opened()
    limiter.observe(go(limiter), 429, {**answer(0, left=40), "Retry-After": "300.0"})
    assert wait(limiter, PERSON).seconds == 300
    assert limiter.state().paused_until is not None


def test_retry_after_is_not_believed_for_more_than_an_hour(limiter: Limiter) -> None:
    limiter.observe(go(limiter), 429, {"Retry-After": "1000000"})
    assert wait(limiter).seconds == 3600


def test_a_provider_that_is_away_is_given_the_time_that_it_asks_for(
    limiter: Limiter, opened: Callable[..., None]
) -> None:
    opened()
    limiter.observe(go(limiter), 503, {"Retry-After": "20"})
    assert wait(limiter).seconds == 20


def test_a_hold_survives_an_emptied_store_where_a_caller_remembers(
    limiter: ClockedLimiter, opened: Callable[..., None]
) -> None:
    opened()
    limiter.observe(go(limiter), 429, {**answer(0, left=40), "Retry-After": "90"})
    wait(limiter)
    limiter.forget()
    assert wait(limiter).seconds == 90


def test_calls_under_way_are_counted(limiter: Limiter, opened: Callable[..., None]) -> None:
    opened()
    leaves = [go(limiter) for _ in range(3)]
    assert limiter.state().in_flight == 3
    limiter.give_back(leaves[0])
    assert limiter.state().in_flight == 2


def test_who_waits_is_told_with_what_for_and_until_when(
    limiter: Limiter, opened: Callable[..., None]
) -> None:
    opened(remaining=0)
    told = limiter.acquire(PERSON, route="posts/schedule")
    limiter.acquire(PERSON, route="posts/schedule")  # the same caller, asking once more
    limiter.acquire(Priority.BACKGROUND, route="posts")
    state = limiter.state()
    assert {(one.priority, one.route) for one in state.waiting} == {
        (PERSON, "posts/schedule"),
        (Priority.BACKGROUND, "posts"),
    }
    assert isinstance(told, Wait)
    assert state.resets_at is not None
    assert {one.until for one in state.waiting} == {state.resets_at}


def test_nobody_waits_any_longer_than_he_was_told(limiter: Limiter, later: Callable[[float], None]) -> None:
    limiter.observe(go(limiter), 200, answer(0))
    told = wait(limiter)
    later(told.seconds - 0.001)
    assert len(limiter.state().waiting) == 1
    later(0.001)
    assert limiter.state().waiting == ()
