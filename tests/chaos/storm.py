"""Everything that may die dies, again and again, while posts go out and the provider misbehaves; then it is
counted what the public saw."""

import json
import random
import signal
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import redis

from tests.stack import Stack

CLOCKS = {
    "PROVIDER_CONNECT_TIMEOUT": "0.5",
    "PROVIDER_READ_TIMEOUT": "1.5",
    "PUBLISH_LEASE_SECONDS": "3",
    "RESEND_AFTER_SECONDS": "12",
    "RECONCILE_GRACE_SECONDS": "1",
    "ENGINE_GAP_SECONDS": "10",
    "HANDOVER_LEAD_SECONDS": "120",
    "RETRY_BASE_SECONDS": "0.2",
    "DISPATCH_INTERVAL_SECONDS": "0.5",
    "POLL_INTERVAL_SECONDS": "0.5",
    "PUBLISH_GAP_SECONDS": "0",
    "PUBLER_PLAN": "none",
    "PUBLER_BULK_SIZE": "20",
    # Slow enough that much dies on the way.
    "PUBLER_RATE_LIMIT": "30",
    "PUBLER_RATE_PERIOD": "5",
}
LATEST = 4.0
"""Seconds that the provider may put work off: well within `RESEND_AFTER_SECONDS`, as the protocol assumes, on
a machine that has no time either."""
CHANNELS = 30
WORKERS = ("worker", "worker-2", "worker-3")

# How often each, for how many calls at most.
WRITES = {
    "lose_before": (6, 2),
    "lose_after": (6, 2),
    "hang": (3, 1),
    "slow": (2, 1),
    "garbage": (3, 1),
    "html": (2, 2),
    "html_taken": (2, 1),
    "no_job": (2, 1),
    "late": (4, 2),
    "late_lost": (4, 2),
    "partial": (2, 1),
    "stuck_made": (2, 1),
    "stuck": (1, 1),
    "job_failed": (1, 1),
    "refuse_content": (1, 1),
    "rate_limited": (1, 1),
}
READS = {
    "list": ("lose_before", "html", "garbage", "list_shifts", "hang", "rate_limited"),
    "job": ("lose_before", "html", "garbage", "not_found"),
}
SECONDS = {"hang": 3.0, "slow": 2.5, "late": LATEST, "late_lost": LATEST}

APPROVE = """
import json
from tests.many import in_turn, make_pending, text_channels
from social import workflow
from social.workflow import Actor
bob = Actor(User.objects.get(username="bob"))
made = make_pending({posts}, in_turn(text_channels({channels}), {each}), "in the storm")
for start in range(0, len(made), 100):
    assert not workflow.approve_all(dict.fromkeys(made[start:start + 100], ""), bob)
"""
LEFT = """
import json
from django.db.models import Count
rows = Delivery.objects.exclude(status__in=["published", "failed", "cancelled"]).exclude(decide=True)
print(json.dumps(dict(rows.order_by().values_list("status").annotate(Count("pk")))))
"""
# What a job keeps that never ends comes to a person after a day: that day, in an instant.
A_DAY_LATER = """
from datetime import timedelta
from django.db.models import F
from social import clock
rows = Delivery.objects.filter(status="unconfirmed", decide=False)
rows.update(quiet_from=F("quiet_from") - timedelta(hours=25), next_look_at=clock.now())
"""
TOLD = """
import json
rows = Delivery.objects.values_list("revision__text", "channel__account_id", "status", "decide")
print(json.dumps([list(row) for row in rows]))
"""


@dataclass(frozen=True)
class Outcome:
    """Deliveries, by what became of them; `kills` and `seconds` are the storm's.

    `live`: public once, and said to be. `failed`: refused for certain, not public, and a person is told why.
    `asked`: a person is asked to look. `lost`: none of these. `twice`: posts too many in public.
    """

    deliveries: int
    live: int
    failed: int
    asked: int
    lost: int
    twice: int
    kills: int
    seconds: float


class Storm:
    """Over a stack that is up but for its workers; the same seed gives the same blows, though not the same
    moments."""

    def __init__(self, stack: Stack, seed: int, posts: int, each: int = 10) -> None:
        self._stack, self._dice = stack, random.Random(seed)
        self._posts, self._each = posts, each
        self.kills = 0
        self._starting: dict[str, Future[None]] = {}
        # Its threads live as long as it does: with the one that started it a process dies.
        self._starters = ThreadPoolExecutor(len(WORKERS) + 1)

    def run(self, least: float, most: float) -> Outcome:
        """Rage for so many seconds at least, and until everything left the queue, or the most are over; then
        calm down, and count."""
        stack = self._stack
        stack.shell(APPROVE.format(posts=self._posts, channels=CHANNELS, each=self._each))
        begun = time.monotonic()
        for name in (*WORKERS, "beat"):
            self._start(name)
        self._rage(begun + least, begun + most)
        stack.sandbox("/sandbox/faults", {})
        wait(self._starting.values(), 100)
        self._settle()
        return self._count(time.monotonic() - begun)

    def _rage(self, least: float, most: float) -> None:
        dice = self._dice
        next_blow = {
            self._kill_a_worker: 3.0,
            self._restart_beat: 12.0,
            self._empty_the_cache: 7.0,
            self._make_the_provider_misbehave: 0.0,
        }
        pauses = {
            self._kill_a_worker: (1.0, 4.0),
            self._restart_beat: (8.0, 20.0),
            self._empty_the_cache: (6.0, 15.0),
            self._make_the_provider_misbehave: (0.5, 1.5),
        }
        begun = asked = time.monotonic()
        while (now := time.monotonic()) < most:
            for blow, at in list(next_blow.items()):
                if now - begun >= at:
                    blow()
                    next_blow[blow] = now - begun + dice.uniform(*pauses[blow])
            if now > least and now > asked + 5:
                asked = now
                if not self._left().get("queued"):
                    return
            time.sleep(0.05)

    def _kill_a_worker(self) -> None:
        name = self._dice.choice(WORKERS)
        if not self._starting[name].done():
            return  # it is dead already
        self._stack.kill(name, signal.SIGKILL)
        self.kills += 1
        self._start(name)

    def _restart_beat(self) -> None:
        if self._starting["beat"].done():
            self._stack.kill("beat", self._dice.choice([signal.SIGKILL, signal.SIGTERM]))
            self._start("beat")

    def _empty_the_cache(self) -> None:
        with redis.Redis.from_url(self._stack.environment["REDIS_URL"]) as store:
            store.flushall()

    def _make_the_provider_misbehave(self) -> None:
        dice = self._dice
        mode = dice.choices(list(WRITES), [weight for weight, _ in WRITES.values()])[0]
        wanted: dict[str, object] = {"write": _fault(mode, dice.randint(1, WRITES[mode][1]))}
        for kind, modes in READS.items():
            if dice.random() < 0.4:
                wanted[kind] = _fault(dice.choice(modes), 1)
        self._stack.sandbox("/sandbox/faults", wanted)

    def _start(self, name: str) -> None:
        self._starting[name] = self._starters.submit(self._stack.start, name)

    def _left(self) -> dict[str, int]:
        left: dict[str, int] = json.loads(self._stack.shell(LEFT))
        return left

    def _settle(self) -> None:
        """Until nothing moves by itself any more; then a day passes for what waits for a day."""
        before, since, aged = None, time.monotonic(), False
        while left := self._left():
            now = time.monotonic()
            if left != before:
                before, since = left, now
            elif now - since > 45 and not aged and set(left) == {"unconfirmed"}:
                self._stack.shell(A_DAY_LATER)
                since, aged = now, True
            elif now - since > 120:
                return
            time.sleep(1)

    def _count(self, seconds: float) -> Outcome:
        public = Counter(
            (post["text"], post["account_id"])
            for post in self._stack.sandbox("/sandbox/posts")
            if post["state"].startswith("published")
        )
        became: Counter[str] = Counter()
        rows = json.loads(self._stack.shell(TOLD))
        for text, account, status, decide in rows:
            times = public[text, account]
            if decide:
                became["asked"] += 1
            elif status == "published" and times:
                became["live"] += 1
            elif status == "failed" and not times:
                became["failed"] += 1
            else:
                became["lost"] += 1
        return Outcome(
            deliveries=len(rows),
            live=became["live"],
            failed=became["failed"],
            asked=became["asked"],
            lost=became["lost"],
            twice=sum(times - 1 for times in public.values()),
            kills=self.kills,
            seconds=seconds,
        )


def _fault(mode: str, count: int) -> dict[str, object]:
    fault: dict[str, object] = {"mode": mode, "count": count}
    return fault | ({"seconds": SECONDS[mode]} if mode in SECONDS else {})
