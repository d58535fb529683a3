"""Whatever happens to calls, store and clocks: never more than is allowed beyond what nobody could know, and
never stuck while there is quota.

The scripts are the real ones, on a real store; only their clock is the test's.
"""

import heapq
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest
import redis
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from integrations.ratelimit import Leave, Priority
from integrations.ratelimit.points import Points
from integrations.ratelimit.policies import Policy
from integrations.ratelimit.windows import AlignedWindows, FixedWindow
from tests.integrations.clocked import BEGIN, ClockedLimiter
from tests.integrations.provider_models import Bucket, Windows

LIMIT, PERIOD, CALLERS = 10, 10.0, 3


@dataclass(frozen=True)
class Weather:
    """What goes wrong, how often (shares of the calls) and when (seconds from the beginning)."""

    slowest: float = 0.4
    lost: float = 0.0
    not_sent: float = 0.0
    dies: float = 0.0
    emptied: tuple[float, ...] = ()
    steps: tuple[tuple[float, float], ...] = ()
    outsiders: float = 0.0

    @property
    def is_calm(self) -> bool:
        return not (self.lost or self.not_sent or self.dies or self.emptied or self.steps or self.outsiders)


WEATHER = st.builds(
    Weather,
    slowest=st.sampled_from([0.0, 0.2, 1.0]),
    lost=st.sampled_from([0.0, 0.0, 0.2]),
    not_sent=st.sampled_from([0.0, 0.2]),
    dies=st.sampled_from([0.0, 0.0, 0.05]),
    emptied=st.lists(st.floats(0, 22), max_size=2).map(tuple),
    steps=st.lists(
        st.tuples(st.floats(0, 22), st.sampled_from([-70.0, -6.0, -1.0, 1.0, 6.0, 70.0])), max_size=2
    ).map(tuple),
    outsiders=st.sampled_from([0.0, 0.0, 0.2]),
)


@dataclass
class World:
    """Callers at full speed before a provider, event after event."""

    provider: Windows | Bucket
    limiters: list[ClockedLimiter]
    weather: Weather
    chance: random.Random
    costs: tuple[int, int] = (1, 1)
    now: float = BEGIN
    step: float = 0.0  # how far the store's clock is off
    under_way: int = 0
    refused: int = 0
    unknowable: int = 0
    died: int = 0
    events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    number: int = 0

    def at(self, moment: float, event: Callable[[], None]) -> None:
        self.number += 1
        heapq.heappush(self.events, (moment, self.number, event))

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.events and self.events[0][0] <= until:
            self.now, _, event = heapq.heappop(self.events)
            event()
        self.now = until

    def clocked(self, limiter: ClockedLimiter) -> ClockedLimiter:
        limiter.set_clock(self.now + self.step)
        return limiter

    def begin(self, seconds: float) -> None:
        end = BEGIN + seconds
        for limiter in self.limiters:
            self.at(BEGIN + self.chance.random() / 10, partial(self.ask, limiter, end))
        for moment in self.weather.emptied:
            self.at(BEGIN + moment, self.empty)
        for moment, by in self.weather.steps:
            self.at(BEGIN + moment, partial(self.step_clock, by))
        self.run(seconds + 70)  # and what is under way comes to its end

    def ask(self, limiter: ClockedLimiter, end: float) -> None:
        """One caller: again as soon as it may."""
        if self.now >= end:
            return
        cost = self.chance.randint(*self.costs)
        self.ask_for(limiter, cost, end)

    def ask_for(self, limiter: ClockedLimiter, cost: int, end: float) -> None:
        answer = self.clocked(limiter).acquire(Priority.PERSON, cost)
        if isinstance(answer, Leave):
            self.call(limiter, answer, lambda: self.ask(limiter, end))
        elif self.now < end:
            self.at(self.now + answer.seconds, lambda: self.ask_for(limiter, cost, end))

    def call(self, limiter: ClockedLimiter, leave: Leave, then: Callable[[], None]) -> None:
        self.under_way += 1
        fate, weather = self.chance.random(), self.weather
        there, back = (0.001 + self.chance.random() * weather.slowest / 2 for _ in range(2))

        def settle(how: Callable[[Leave], None] | None) -> None:
            self.under_way -= 1
            if how is not None:
                self.clocked(limiter)
                how(leave)
            then()

        if fate < weather.not_sent:
            self.at(self.now + there, lambda: settle(limiter.give_back))
            return
        fate -= weather.not_sent

        def arrive() -> None:
            admitted = self.provider.arrives(self.now, leave.cost)
            self.refused += not admitted
            if self.chance.random() < weather.outsiders and self.provider.arrives(self.now, leave.cost):
                self.unknowable += 1 if isinstance(self.provider, Windows) else CALLERS

            def made() -> None:
                said = self.provider.answers(self.now, admitted, leave.cost)
                if fate < weather.lost:
                    # Where the count is ours, a lost probe is forgotten with the window that it would open.
                    self.unknowable += isinstance(self.provider, Windows) and self.provider.aligned
                    self.at(self.now + 1, lambda: settle(limiter.lost))
                elif fate < weather.lost + weather.dies:
                    self.died += 1
                    settle(None)
                else:
                    self.at(
                        self.now + back / 2,
                        lambda: settle(
                            lambda one: limiter.observe(one, said.status, said.headers, said.cost)
                        ),
                    )

            self.at(self.now + back / 2, made)

        self.at(self.now + there, arrive)

    def empty(self) -> None:
        """Nobody can know the calls that are under way, nor (for the probe) that nothing is left; where the
        count is ours, nor what was used."""
        self.limiters[0].forget()
        self.unknowable += self.disturbance()

    def step_clock(self, by: float) -> None:
        self.step += by
        self.unknowable += self.disturbance()

    def disturbance(self) -> int:
        used = LIMIT if isinstance(self.provider, Windows) and self.provider.aligned else 0
        return self.under_way + self.died + used + CALLERS

    def waits_until_it_may_go(self) -> float:
        limiter, waited = self.limiters[0], 0.0
        while not isinstance(answer := self.clocked(limiter).acquire(Priority.PERSON, self.costs[1]), Leave):
            waited += answer.seconds
            self.now += answer.seconds
            assert waited < 10_000, "stuck"
        limiter.give_back(answer)
        return waited


@pytest.fixture(scope="module")
def store() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as one:
        yield one


def world(
    store: redis.Redis, provider: Windows | Bucket, policy: Policy, weather: Weather, seed: int
) -> World:
    key = f"test:{uuid.uuid4().hex}"
    costs = (3, 900) if isinstance(provider, Bucket) else (1, 1)
    limiters = [ClockedLimiter(store, policy, key) for _ in range(CALLERS)]
    return World(provider, limiters, weather, random.Random(seed), costs)


def check(one: World, longest: float) -> None:
    one.begin(25)
    assert one.refused <= one.unknowable
    limiter = one.clocked(one.limiters[0])
    fields = limiter._store.hgetall(limiter._keys("")[1])
    held = max(0.0, float(fields.get(b"held_until", 0)) / 1000 - one.now - one.step)
    # A clock that was set back makes moments wait for it once more; who died is believed alive for a minute.
    back = sum(-by for _, by in one.weather.steps if by < 0)
    assert one.waits_until_it_may_go() <= longest + back + held + (60 if one.died else 0)
    for caller in one.limiters:
        caller.forget()


SOME = hypothesis_settings(max_examples=40, deadline=None)
SEEDS, SKEWS = st.integers(0, 10_000), st.floats(-100, 100)


@pytest.mark.slow
@SOME
@given(weather=WEATHER, seed=SEEDS, skew=SKEWS)
def test_a_window_that_follows_the_provider(
    store: redis.Redis, weather: Weather, seed: int, skew: float
) -> None:
    provider = Windows(LIMIT, PERIOD, skew)
    check(world(store, provider, FixedWindow(LIMIT, PERIOD), weather, seed), PERIOD + 1.2)


@pytest.mark.slow
@SOME
@given(weather=WEATHER, seed=SEEDS, skew=SKEWS)
def test_a_window_aligned_to_the_epoch(store: redis.Redis, weather: Weather, seed: int, skew: float) -> None:
    provider = Windows(LIMIT, PERIOD, skew, aligned=True)
    check(world(store, provider, AlignedWindows(LIMIT, PERIOD), weather, seed), PERIOD + 1.2)


@pytest.mark.slow
@SOME
@given(
    weather=WEATHER,
    seed=SEEDS,
)
def test_a_bucket_of_points(store: redis.Redis, weather: Weather, seed: int) -> None:
    provider = Bucket(2000, 100, level=2000, at=BEGIN)
    check(world(store, provider, Points(2000, 100), weather, seed), 2000 / 100)


@pytest.mark.slow
@pytest.mark.parametrize("aligned", [False, True])
@given(slowest=st.floats(0, 0.4), seed=SEEDS, skew=SKEWS)
@hypothesis_settings(max_examples=20, deadline=None)
def test_in_calm_weather_every_window_is_used_up(
    store: redis.Redis, aligned: bool, slowest: float, seed: int, skew: float
) -> None:
    provider = Windows(LIMIT, PERIOD, skew, aligned)
    policy = AlignedWindows(LIMIT, PERIOD) if aligned else FixedWindow(LIMIT, PERIOD)
    one = world(store, provider, policy, Weather(slowest), seed)
    one.begin(25)
    assert one.refused == 0
    # A call that is counted before the boundary and answered after it looks as if the new window had it.
    assert provider.used[1] >= LIMIT - (CALLERS if aligned else 0)


@pytest.mark.slow
@given(slowest=st.floats(0, 0.4), seed=SEEDS)
@hypothesis_settings(max_examples=20, deadline=None)
def test_in_calm_weather_no_points_are_spilled(store: redis.Redis, slowest: float, seed: int) -> None:
    provider = Bucket(2000, 100, level=2000, at=BEGIN)
    one = world(store, provider, Points(2000, 100), Weather(slowest), seed)
    one.begin(60)
    provider._now(BEGIN + 60)
    assert one.refused == 0
    assert provider.spilled <= 0.05 * 60 * 100
