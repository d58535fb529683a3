"""The limiter before providers that keep the truth, beside two libraries; and the price of asking it.

Eight processes at full speed. `LIMITER_COLUMNS=alone,jitter,…` runs only those columns.
"""

import contextlib
import functools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import django
import redis

from bench import Figures
from script.embedded import Valkey

django.setup()

from bench._limited import Habits, Limited, Limits, Ours, Pyrate, run, stranger  # noqa: E402
from bench._provider import FORK, Bucket, Provider, Slowness, Windows  # noqa: E402
from integrations.ratelimit.points import Points  # noqa: E402
from integrations.ratelimit.windows import AlignedWindows, FixedWindow  # noqa: E402

PROCESSES = 8
LIMIT = 100
AT_ONCE, JITTER = Slowness(), Slowness(0.05, 0.2)
START_UP = 2.0
"""Seconds that the processes are given before all of them begin."""


@dataclass(frozen=True)
class Column:
    """What goes on while the callers call. `store` is what happens to it, a third and two thirds of the way
    through."""

    period: int = 3
    windows: int = 10
    slowness: Slowness = AT_ONCE
    clocks_off: float = 0.0
    aligned: bool = False
    outsider: float = 0.0
    store: str = ""
    only_ours: bool = False

    @property
    def seconds(self) -> float:
        return self.period * self.windows + min(1.5, self.period / 2)


COLUMNS = {
    "alone": Column(),
    "jitter": Column(slowness=JITTER),
    "clocks": Column(clocks_off=2.0),
    "emptied": Column(store="emptied"),
    "restarted": Column(store="restarted"),
    "aligned": Column(aligned=True),
    "outsider": Column(outsider=0.2),
    "two minutes": Column(period=120, windows=2, slowness=JITTER, only_ours=True),
}
POINTS = {
    "points": Column(windows=80),
    "points, jitter": Column(windows=80, slowness=JITTER),
    "points, emptied": Column(windows=80, store="emptied"),
}


def measure() -> Figures:
    chosen = [name.strip() for name in os.environ.get("LIMITER_COLUMNS", "").split(",") if name.strip()]
    known = [*COLUMNS, "points", "latency"]
    if unknown := set(chosen) - set(known):
        raise SystemExit(f"No such column: {', '.join(unknown)}. There are: {', '.join(known)}")
    chosen = chosen or known
    figures: dict[str, float] = {}
    if "latency" in chosen:  # first, while the machine is quiet
        figures |= _latency()
    for name, column in COLUMNS.items():
        if name in chosen and not column.only_ours:
            figures |= _side_by_side({name: column})
    slow: dict[str, Column] = {}  # those that load the machine least run together
    slow |= {"two minutes": COLUMNS["two minutes"]} if "two minutes" in chosen else {}
    slow |= POINTS if "points" in chosen else {}
    return figures | (_side_by_side(slow) if slow else {})


def _side_by_side(columns: dict[str, Column]) -> dict[str, float]:
    """Columns that run at the same time, each with a store of its own."""
    figures: dict[str, float] = {}

    def one(name: str, column: Column) -> None:
        figures.update(_column(name, column))

    threads = [threading.Thread(target=one, args=each) for each in columns.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {name: figures[name] for column in columns for name in figures if name.startswith(f"{column}: ")}


def _column(name: str, column: Column) -> dict[str, float]:
    """Each limiter before a provider of its own, all at the same time, on one store."""
    is_points = name in POINTS
    makers = _makers(column, is_points)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        valkey = Valkey(Path(folder))
        valkey.start()
        stack.callback(valkey.stop)
        providers = {
            limiter: stack.enter_context(
                Provider(
                    Bucket(2000, 100) if is_points else Windows(LIMIT, column.period, column.aligned),
                    column.slowness,
                )
            )
            for limiter in makers
        }
        begins = time.monotonic() + START_UP
        if column.aligned:  # the first window as whole as the others
            begins += column.period - (time.time() + START_UP) % column.period
        ends = begins + column.seconds
        for limiter, make in makers.items():
            port = providers[limiter].port
            for number in range(PROCESSES):
                habits = Habits(
                    begins, ends, column.clocks_off * (number % 3 - 1), 3 if is_points else 1, 900 * is_points
                )
                _start(stack, run, functools.partial(make, valkey.url), port, habits, number)
            if column.outsider:
                gap = column.period / (LIMIT * column.outsider)
                _start(stack, stranger, port, begins, ends, gap)
        for third in (1, 2) if column.store else ():
            # Not in step with the windows: in the midst of one.
            time.sleep(max(0.0, begins + column.seconds * third / 3 + 0.1 - time.monotonic()))
            _happens(column.store, valkey)
        time.sleep(max(0.0, ends + 0.3 - time.monotonic()))
        return {
            f"{name}: {limiter}, {figure}": value
            for limiter, provider in providers.items()
            for figure, value in provider.truth().items()
        }


def _makers(column: Column, is_points: bool) -> dict[str, Callable[[str], Limited]]:
    if is_points:
        return {"ours": lambda url: Ours(url, "bench", Points(2000, 100))}
    windows = AlignedWindows if column.aligned else FixedWindow
    makers: dict[str, Callable[[str], Limited]] = {
        "ours": lambda url: Ours(url, "bench", windows(LIMIT, column.period))
    }
    if not column.only_ours:
        makers["limits"] = lambda url: Limits(url, "limits", LIMIT, column.period)
        makers["pyrate-limiter"] = lambda url: Pyrate(url, "pyrate", LIMIT, column.period)
    return makers


def _start(stack: contextlib.ExitStack, target: Callable[..., None], *arguments: object) -> None:
    process = FORK.Process(target=target, args=arguments, daemon=True)
    process.start()

    def end() -> None:
        process.terminate()
        process.join()

    stack.callback(end)


def _happens(what: str, valkey: Valkey) -> None:
    if what == "emptied":
        with redis.Redis.from_url(valkey.url) as store:
            store.flushall()
    else:
        valkey.stop()
        valkey.start()


def _latency(rounds: int = 3000) -> dict[str, float]:
    """Milliseconds of one question, of each limiter in turn, so that all see the same machine."""
    with _valkey() as url, redis.Redis.from_url(url) as store:
        floor = store.script_load(
            "return redis.call('GET', KEYS[1]) == ARGV[1] and {100, 'limit'} or {0, ''}"
        )
        ours = Ours(url, "latency", FixedWindow(10**9, 3600))
        headers = {"X-RateLimit-Remaining": str(10**9), "X-RateLimit-Reset": str(int(time.time()) + 3600)}
        others: dict[str, Limited] = {
            "limits": Limits(url, "limits", 10**9, 3600),
            "pyrate-limiter": Pyrate(url, "pyrate", 10**9, 3600),
        }
        questions: dict[str, Callable[[], object]] = {
            "a bare EVALSHA": lambda: store.evalsha(floor, 1, "key", "1"),
            "ours, acquire": lambda: ours.wait(1),
            "ours, observe": lambda: ours.answered(200, headers, None),
            **{f"{name}, acquire": functools.partial(other.wait, 1) for name, other in others.items()},
        }
        taken: dict[str, list[float]] = {name: [] for name in questions}
        for _ in range(rounds):
            for name, question in questions.items():
                begun = time.perf_counter()
                question()
                taken[name].append((time.perf_counter() - begun) * 1000)
    middle = {name: statistics.median(times) for name, times in taken.items()}
    return {f"latency: {name}, p50, ms": value for name, value in middle.items()} | {
        "latency: ours, acquire, over a bare EVALSHA, ×": middle["ours, acquire"] / middle["a bare EVALSHA"]
    }


@contextlib.contextmanager
def _valkey() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        try:
            yield valkey.url
        finally:
            valkey.stop()
