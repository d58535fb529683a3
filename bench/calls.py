"""Calls to the provider for each delivery: many posts, from their approval until all are public with links.

Production's clocks and limit; the sandbox's jobs take 2 to 4 s. By environment: `CALLS_POSTS` (40) on
`CALLS_EACH` (10) of `CALLS_CHANNELS` (50) channels in turn, or at random with a `CALLS_SEED`; `CALLS_GAP`,
the seconds between two posts on one account (0).
"""

import json
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench import Figures
from tests.chaos.people import Person
from tests.stack import Stack

POSTS = int(os.environ.get("CALLS_POSTS", "40"))
EACH = int(os.environ.get("CALLS_EACH", "10"))
CHANNELS = int(os.environ.get("CALLS_CHANNELS", "50"))
GAP = os.environ.get("CALLS_GAP", "0")
PATIENCE = 120 + 3 * POSTS * EACH / CHANNELS * float(GAP)

PRODUCTION = {
    "PROVIDER_CONNECT_TIMEOUT": "5",
    "PROVIDER_READ_TIMEOUT": "30",
    "PUBLISH_LEASE_SECONDS": "60",
    "RESEND_AFTER_SECONDS": "180",
    "RECONCILE_GRACE_SECONDS": "30",
    "ENGINE_GAP_SECONDS": "60",
    "HANDOVER_LEAD_SECONDS": "3600",
    "RETRY_BASE_SECONDS": "30",
    "DISPATCH_INTERVAL_SECONDS": "10",
    "POLL_INTERVAL_SECONDS": "3",
    "PUBLISH_GAP_SECONDS": GAP,
    "PUBLER_RATE_LIMIT": "100",
    "PUBLER_RATE_PERIOD": "120",
}
STATE = """
import json
from django.db.models import Count, Q
live, ended = Q(status="published") & ~Q(permalink=""), Q(status__in=["failed", "cancelled"])
told = Delivery.objects.aggregate(
    all=Count("pk"), live=Count("pk", filter=live), ended=Count("pk", filter=ended)
)
print(json.dumps(told))
"""


def measure() -> Figures:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "stack", **PRODUCTION) as stack:
        stack.more["sandbox"] = ("--delay", "2", "--spread", "2", "--accounts", str(CHANNELS))
        stack.up("valkey", "sandbox", "web", "worker", "worker-2", "beat")
        stack.staff("ann", "Author")
        bob = Person(stack, "bob", "Approver")
        choice = [str(n) for n in (POSTS, EACH, CHANNELS)] + [os.environ.get("CALLS_SEED", "")]
        posts = json.loads(stack.python("-m", "bench._probe", "propose", *choice))
        before = _calls(stack)
        begun = time.monotonic()
        bob.acts("approve_posts", *posts)
        told = _until_all_are_public(stack)
        seconds = time.monotonic() - begun
        calls = _calls(stack) - before
        refused = stack.sandbox("/sandbox/calls")["refused"]
    figures = {
        "deliveries": told["all"],
        "public with a link": told["live"],
        "seconds": seconds,
        "calls": calls.total(),
        "calls a delivery": calls.total() / told["all"],
        "refused by the limit": sum(n for name, n in refused.items() if name.startswith("429")),
    }
    return figures | {f"calls: {name}": count for name, count in calls.most_common()}


def _until_all_are_public(stack: Stack) -> dict[str, int]:
    until = time.monotonic() + PATIENCE
    while True:
        told: dict[str, int] = json.loads(stack.shell(STATE))
        if told["live"] + told["ended"] == told["all"] > 0 or time.monotonic() > until:
            return told
        time.sleep(1)


def _calls(stack: Stack) -> Counter[str]:
    calls: dict[str, int] = stack.sandbox("/sandbox/calls")["calls"]
    return Counter({name: count for name, count in calls.items() if not name.endswith("(unanswered)")})
