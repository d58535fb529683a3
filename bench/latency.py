"""Approval to the provider having the request, one post at a time, over a bare nudge and a bare POST."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests
from celery import Celery

from bench import Figures
from bench._wiretap import Wiretap
from script.children import spawn, stop
from tests.environment import ROOT
from tests.stack import Stack

POSTS = 30

PROPOSE = """
from social import workflow
from social.workflow import Actor, Content
ann = Actor(User.objects.get(username="ann"))
channels = list(Channel.objects.select_related("connection").filter(network="twitter"))
for number in range({posts}):
    made = workflow.submit(workflow.create(ann, Content(f"Latency post {{number}}.", channels)).pk, ann)
    print(made.pk)
"""


def measure() -> Figures:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "stack") as stack:
        port = urlsplit(stack.sandbox_url).port
        assert port is not None
        with Wiretap(port) as tap:
            stack.environment |= {
                "PUBLER_BASE_URL": f"{tap.url}/api/v1",
                "PUBLER_RATE_LIMIT": "100000",
                "DISPATCH_INTERVAL_SECONDS": "10",  # the nudge is measured, not Beat
                "ENGINE_GAP_SECONDS": "60",
                "POLL_INTERVAL_SECONDS": "3",
            }
            stack.up()
            ours = _approvals(stack, tap)
            floor = _floor(stack, tap, Path(folder))
    return {
        "approval to request, p50, ms": statistics.median(ours) * 1000,
        "approval to request, p95, ms": _p95(ours) * 1000,
        "floor (nudge and POST), p50, ms": statistics.median(floor) * 1000,
        "floor (nudge and POST), p95, ms": _p95(floor) * 1000,
        "over the floor, p50, ms": (statistics.median(ours) - statistics.median(floor)) * 1000,
    }


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def _approvals(stack: Stack, tap: Wiretap) -> list[float]:
    """Approve through the admin, as a person's browser does."""
    stack.staff("ann", "Author")
    password = stack.staff("bob", "Approver")
    posts = stack.shell(PROPOSE.format(posts=POSTS)).split()
    person = requests.Session()
    page = person.get(f"{stack.url}/admin/login/").text
    person.post(
        f"{stack.url}/admin/login/",
        {"username": "bob", "password": password, "csrfmiddlewaretoken": _token(page)},
    )
    token = person.cookies["csrftoken"]
    taken = []
    for number, post in enumerate(posts):
        begun = time.perf_counter()
        person.post(
            f"{stack.url}/admin/social/post/",
            {"action": "approve_posts", "_selected_action": post, "csrfmiddlewaretoken": token},
            allow_redirects=False,
        )
        taken.append(tap.when(f"Latency post {number}.") - begun)
    return taken


def _token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def _floor(stack: Stack, tap: Wiretap, folder: Path) -> list[float]:
    """The same broker, a worker of the same kind, and a task that does nothing but a POST."""
    broker = stack.environment["REDIS_URL"]
    log = folder / "floor.log"
    with log.open("wb") as output:
        worker = spawn(
            [sys.executable, "-m", "celery", "-A", "bench._floor", "worker", "--pool", "threads",
             "--concurrency", "8", "--without-gossip", "--without-mingle", "--queues", "floor"],
            env={**os.environ, "REDIS_URL": broker}, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        stack.wait_until(lambda: b" ready." in log.read_bytes(), 30, "the floor's worker works")
        floor = Celery("floor", broker=broker)
        taken = []
        for number in range(POSTS):
            begun = time.perf_counter()
            floor.send_task("floor.post", [f"{tap.url}/floor", number], queue="floor", ignore_result=True)
            taken.append(tap.when(f'{{"number": {number}}}') - begun)
        return taken
    finally:
        stop([worker], patience=10)
