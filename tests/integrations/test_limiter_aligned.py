"""Windows aligned to the epoch, of which a call may count in several; a real store, the tests' clock."""

import uuid
from email.utils import formatdate

import pytest
import redis
from django.conf import settings

from integrations.ratelimit import Leave, Limiter, Priority, Wait
from integrations.ratelimit.windows import AlignedWindows, Window
from tests.integrations.clocked import ClockedLimiter

PERSON = Priority.PERSON
MINUTE = 1_900_000_020  # a whole one
ROUTES = {"meta": (Window("meta", 3),), "reports": (Window("token", 4), Window("account", 5))}


@pytest.fixture
def limiter() -> ClockedLimiter:
    store = redis.Redis.from_url(settings.REDIS_URL)
    policy = AlignedWindows(limit=40, period=60, routes=ROUTES)
    return ClockedLimiter(store, policy, f"test:{uuid.uuid4().hex}", now=MINUTE)


def at(second: int) -> dict[str, str]:
    """An answer so many seconds after a window has begun."""
    return {"Date": formatdate(MINUTE + second, usegmt=True)}


def go(limiter: Limiter, route: str = "") -> Leave:
    leave = limiter.acquire(PERSON, route=route)
    assert isinstance(leave, Leave), leave
    return leave


def wait(limiter: Limiter, route: str = "") -> Wait:
    answer = limiter.acquire(PERSON, route=route)
    assert isinstance(answer, Wait), answer
    return answer


def call(limiter: Limiter, route: str = "", second: int = 10, status: int = 200) -> None:
    limiter.observe(go(limiter, route), status, at(second))


@pytest.fixture
def settled(limiter: ClockedLimiter) -> None:
    """Every window has been known for a while; it is its tenth second."""
    for route in ("meta", "reports"):
        call(limiter, route, second=8)
    limiter.later(2)


def test_the_end_is_computed_from_the_providers_date(limiter: Limiter) -> None:
    call(limiter, second=45)
    resets_at = limiter.state().resets_at
    for _ in range(38):
        call(limiter, second=45)
    limiter.observe(go(limiter), 200, at(45))
    assert wait(limiter).seconds == 15
    assert limiter.state().resets_at == resets_at


@pytest.mark.usefixtures("settled")
def test_the_count_is_ours_and_each_route_has_its_own(limiter: Limiter) -> None:
    call(limiter, "meta")
    call(limiter, "meta")
    assert wait(limiter, "meta").seconds == 50
    go(limiter, "contacts")
    assert limiter.state("meta").remaining == 0
    assert limiter.state().remaining == 40 - 5


@pytest.mark.usefixtures("settled")
def test_a_call_counts_in_every_window_that_it_falls_in(limiter: Limiter) -> None:
    for _ in range(3):
        call(limiter, "reports/summary")
    wait(limiter, "reports/summary")
    assert limiter.state("reports").remaining == 0
    store = redis.Redis.from_url(settings.REDIS_URL)
    account = limiter._keys("reports")[3]
    assert int(store.hget(account, "remaining") or 0) - int(store.hget(account, "lost") or 0) == 1


@pytest.mark.usefixtures("settled")
def test_a_call_that_must_wait_for_one_window_takes_nothing_from_the_others(limiter: Limiter) -> None:
    before = limiter.state().remaining
    call(limiter, "meta")
    call(limiter, "meta")
    for _ in range(10):
        wait(limiter, "meta")
    assert before is not None
    assert limiter.state().remaining == before - 2
    assert limiter.state().in_flight == 0


@pytest.mark.usefixtures("settled")
def test_a_429_waits_for_the_next_boundary_and_believes_its_date(limiter: Limiter) -> None:
    call(limiter, "meta", second=50, status=429)
    assert wait(limiter, "meta").seconds == 10


@pytest.mark.usefixtures("settled")
def test_a_429_on_one_route_closes_no_other(limiter: Limiter) -> None:
    call(limiter, "meta", status=429)
    go(limiter, "contacts")


@pytest.mark.usefixtures("settled")
def test_a_date_of_the_next_window_begins_a_new_count(limiter: Limiter) -> None:
    call(limiter, "meta")
    call(limiter, "meta", second=61)
    assert limiter.state("meta").remaining == 2


@pytest.mark.usefixtures("settled")
def test_a_late_answer_of_the_window_before_counts_nothing_in_this_one(limiter: Limiter) -> None:
    late = go(limiter, "meta")
    call(limiter, "meta", second=61)
    limiter.observe(late, 200, at(59))
    assert limiter.state("meta").remaining == 2


@pytest.mark.usefixtures("settled")
def test_a_clock_of_the_store_that_jumps_ahead_does_not_begin_a_new_count(limiter: ClockedLimiter) -> None:
    call(limiter, "meta")
    limiter.later(60)
    call(limiter, "meta", second=11)
    assert limiter.state("meta").remaining == 0


@pytest.mark.parametrize("end", ["give_back", "lost"])
def test_a_call_without_an_answer_ends_in_every_window(limiter: Limiter, settled: None, end: str) -> None:
    before = [limiter.state(route).remaining for route in ("meta", "")]
    getattr(limiter, end)(go(limiter, "meta"))
    taken = 1 if end == "lost" else 0
    assert [limiter.state(route).remaining for route in ("meta", "")] == [
        left - taken for left in before if left
    ]
