"""The engine at full speed before a provider without a limit; what it costs as the tables grow; its memory.

By environment: `ENGINE_PARTS=approval,rate,growth,memory` runs only those; `ENGINE_RATE` (deliveries, 10000),
`ENGINE_SIZES` (finished posts, 1000,1000000), `ENGINE_MEMORY` (deliveries, 20000),
`BENCH_DATABASES=sqlite,postgresql`.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import Figures, _databases
from tests.chaos.people import Person
from tests.stack import Stack

RATE = int(os.environ.get("ENGINE_RATE", "10000"))
SIZES = [int(size) for size in os.environ.get("ENGINE_SIZES", "1000,1000000").split(",")]
MEMORY = int(os.environ.get("ENGINE_MEMORY", "20000"))
CHANNELS, EACH = 50, 10
ROUNDS = 20
APPROVALS = 1000
WORKERS = ("worker", "worker-2")

NO_LIMIT = {
    "PUBLER_RATE_LIMIT": "100000000",
    "PUBLER_RATE_PERIOD": "120",
    "PUBLER_PLAN": "none",
    "PUBLISH_GAP_SECONDS": "0",
    "PUBLISH_LEASE_SECONDS": "60",
    "PROVIDER_READ_TIMEOUT": "30",
    "RESEND_AFTER_SECONDS": "180",
    "RECONCILE_GRACE_SECONDS": "30",
    "ENGINE_GAP_SECONDS": "600",
    "HANDOVER_LEAD_SECONDS": "3600",
    "DISPATCH_INTERVAL_SECONDS": "1",
    "POLL_INTERVAL_SECONDS": "3",
}


def measure() -> Figures:
    parts: dict[str, Callable[[], dict[str, float]]] = {
        "approval": _approval,
        "rate": _rate,
        "growth": _growth,
        "memory": _memory,
    }
    chosen = [one.strip() for one in os.environ.get("ENGINE_PARTS", "").split(",") if one.strip()]
    if unknown := set(chosen) - set(parts):
        raise SystemExit(f"No such part: {', '.join(unknown)}. There are: {', '.join(parts)}")
    figures: dict[str, float] = {}
    for database in _databases.names():
        for name in chosen or parts:
            with _databases.on(database):
                told = parts[name]()
            print(f"  {database}, {name}: {told}", flush=True)
            figures |= {f"{database}, {name}: {what}": value for what, value in told.items()}
    return figures


@contextmanager
def _stack(delay: float, *names: str, **environment: str) -> Iterator[Stack]:
    settings = NO_LIMIT | environment
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "stack", **settings) as stack:
        stack.more["sandbox"] = ("--delay", str(delay), "--accounts", str(CHANNELS))
        stack.up("valkey", "sandbox", *names)
        stack.staff("ann", "Author")
        stack.staff("bob", "Approver", "Operator")
        yield stack


def _probe(stack: Stack, *arguments: object) -> Any:
    return json.loads(stack.python("-m", "bench._probe", *map(str, arguments)))


def _approval() -> dict[str, float]:
    """A thousand posts approved in one press, until the page answers; no worker is there to be in the way."""
    with _stack(1, "web") as stack:
        posts = _probe(stack, "propose", APPROVALS, 2, CHANNELS)
        carla = Person(stack, "carla", "Approver")
        begun = time.perf_counter()
        said = carla.acts("approve_posts", *posts)
        seconds = time.perf_counter() - begun
        assert f"{APPROVALS:,} posts approved" in said, said
    return {"1,000 posts on 2 channels each, s": seconds}


def _rate() -> dict[str, float]:
    """From queued to accepted. Nothing is public before the end, so that looks find nothing to write."""
    with _stack(3600) as stack:
        floor_rows = max(2000, RATE // 5)
        _probe(stack, "approve", floor_rows // EACH, EACH, CHANNELS, "floor")
        floor = _floor(stack, floor_rows)
        _probe(stack, "approve", RATE // EACH, EACH, CHANNELS)
        for worker in WORKERS:
            stack.start(worker)
        stack.start("beat")
        seconds, submissions = _until(stack, RATE)
    return {
        "deliveries": RATE,
        "deliveries a second": RATE / seconds,
        "requests a second": submissions / seconds,
        "floor, the same writes as bare SQL, deliveries a second": floor,
        "of the floor, %": 100 * RATE / seconds / floor,
    }


ACCEPTED = """
import json
from django.db.models import Count, Max, Min
rows = Submission.objects.exclude(job_id__startswith="floor")
told = rows.aggregate(number=Count("pk"), first=Min("stamped_at"), last=Max("answered_at"))
done = Delivery.objects.filter(submission__in=rows, status="accepted").count()
seconds = (told["last"] - told["first"]).total_seconds() if told["last"] else 0
print(json.dumps([done, told["number"], seconds]))
"""


def _until(stack: Stack, number: int) -> tuple[float, int]:
    """Until so many are accepted: seconds from the first stamp to the last answer, and the submissions."""
    until = time.monotonic() + 400
    while True:
        done, submissions, seconds = json.loads(stack.shell(ACCEPTED))
        if done >= number:
            return seconds, submissions
        assert time.monotonic() < until, f"only {done} of {number} were accepted"
        time.sleep(3)


def _floor(stack: Stack, deliveries: int) -> float:
    """As many processes as there are workers, at the same moment."""
    command = ["-m", "bench._probe", "floor", str(deliveries)]
    at = str(time.time() + 4)
    ends = [stack.begin_python(*command, str(n), str(len(WORKERS)), at) for n in range(len(WORKERS))]
    return sum(float(json.loads(end())) for end in ends)


def _growth() -> dict[str, float]:
    """The steps of dispatch and of a poll, with few and with many finished posts in the tables."""
    figures: dict[str, float] = {}
    with _stack(0.05) as stack:
        for size in SIZES:
            figures[f"{size:,} finished posts made in, s"] = _probe(stack, "finish", size)
            stack.sandbox("/sandbox/empty", {})
            told = _probe(stack, "dispatch", ROUNDS)
            told["dispatch (plan, stamp, both polls)"] = sum(
                told[step] for step in ("plan", "stamp", "poll, nothing due", "poll, 50 found")
            )
            figures |= {f"{size:,}: {step}, ms": value for step, value in told.items()}
    few, many = (
        figures[f"{size:,}: dispatch (plan, stamp, both polls), ms"] for size in (SIZES[0], SIZES[-1])
    )
    return figures | {"dispatch, many over few, ×": many / few}


def _memory() -> dict[str, float]:
    """Of both workers, through the whole way to the public."""
    with _stack(0.5, *WORKERS, POLL_INTERVAL_SECONDS="0.5") as stack:
        stack.start("beat")
        warm = max(2000, MEMORY // 20)
        begun = time.monotonic()
        _through(stack, warm, "warm")
        first = _megabytes(stack)
        for part in range(5):
            _through(stack, (MEMORY - warm) // 5, f"part {part}")
        last, seconds = _megabytes(stack), time.monotonic() - begun
    return {
        "deliveries": MEMORY,
        f"both workers after {warm:,}, MB": first,
        "both workers at the end, MB": last,
        "growth, %": 100 * (last - first) / first,
        "deliveries a second, made, approved and public": MEMORY / seconds,
    }


LEFT = """print(Delivery.objects.exclude(status__in=["published", "failed", "cancelled"]).count())"""


def _through(stack: Stack, deliveries: int, words: str) -> None:
    _probe(stack, "approve", deliveries // EACH, EACH, CHANNELS, words)
    until = time.monotonic() + 900
    while int(stack.shell(LEFT)):
        assert time.monotonic() < until, "not all became public"
        time.sleep(2)


def _megabytes(stack: Stack) -> float:
    pages = sum(
        int(Path(f"/proc/{stack.processes[name].pid}/statm").read_text().split()[1]) for name in WORKERS
    )
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
