"""`GET dashboard` while all three providers hang, beside an address of the same process that sends the same.

`DASHBOARD_SECONDS=3` a round and `DASHBOARD_CALLERS=2`, each with a connection of its own; rounds take turns.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench import Figures
from script.children import spawn, stop
from script.embedded import free_port
from tests.environment import ROOT
from tests.stack import Stack

SECONDS = float(os.environ.get("DASHBOARD_SECONDS", "3"))
CALLERS = int(os.environ.get("DASHBOARD_CALLERS", "2"))
ROUNDS = 3
HANG = {"any": {"mode": "hang", "seconds": 600}}
LONG_AGO = """
from datetime import timedelta
from django.utils import timezone
from social.models import Figures
Figures.objects.update(as_of=timezone.now() - timedelta(minutes=5))
"""
"""What was read is older than the screens believe."""


def measure() -> Figures:
    clocks = {"PROVIDER_READ_TIMEOUT": "15", "PUBLISH_LEASE_SECONDS": "60"}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "stack", **clocks) as stack:
        stack.up("valkey", "sandbox", "shopify", "chatwoot", "web")
        stack.staff("ann", "Author")
        scope = ("--scope", "dashboard:read")
        token = stack.manage("create_api_token", "--user", "ann", "--name", "bench", *scope).strip()
        stack.shell("from social.tasks import read_inbox, read_shop\nread_shop()\nread_inbox()")
        stack.shell(LONG_AGO)
        for name in ("sandbox", "shopify", "chatwoot"):
            stack.sandbox("/sandbox/faults", HANG, name)
        stack.start("worker")
        stack.start("beat")  # from now on the background waits for all three
        headers = {"Authorization": f"Bearer {token}"}
        body = _get(stack.url, "/api/v1/dashboard", headers).read()
        file = Path(folder) / "bytes"
        file.write_bytes(body)
        url, web = _serve(stack, file)
        try:
            return {**_rates(url, headers), **_stale(_get(url, "/api/v1/dashboard", headers).read())}
        finally:
            stop([web], patience=10)


def _rates(url: str, headers: dict[str, str]) -> Figures:
    tag = _get(url, "/api/v1/dashboard", headers).headers["ETag"]
    bare: list[float] = []
    ours: list[float] = []
    unchanged: list[float] = []
    for _ in range(ROUNDS):
        bare += _round(url, "/bare", {})
        ours += _round(url, "/api/v1/dashboard", headers)
        unchanged += _round(url, "/api/v1/dashboard", {**headers, "If-None-Match": tag})
    return {
        "dashboard, p50, ms": statistics.median(ours) * 1000,
        "dashboard, p95, ms": _p95(ours) * 1000,
        "dashboard, a second": len(ours) / (ROUNDS * SECONDS),
        "polled with its ETag, a second": len(unchanged) / (ROUNDS * SECONDS),
        "bare, p95, ms": _p95(bare) * 1000,
        "bare, a second": len(bare) / (ROUNDS * SECONDS),
        "share of the bare rate, %": 100 * len(ours) / len(bare),
    }


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def _stale(body: bytes) -> Figures:
    board = json.loads(body)
    tiles = [board["shop"], board["support"]]
    return {
        "bytes": float(len(body)),
        "tiles marked stale, with since when": float(
            sum(bool(tile["stale"] and tile["stale_since"] and tile["as_of"]) for tile in tiles)
        ),
    }


def _serve(stack: Stack, file: Path) -> tuple[str, "subprocess.Popen[bytes]"]:
    """The web process of the Procfile, with the bare address besides."""
    port = str(free_port())
    log = stack.folder / "logs" / "bare.log"
    with log.open("wb") as output:
        web = spawn(
            [str(Path(sys.executable).with_name("gunicorn")), "bench._bare_wsgi", "--worker-class", "gthread",
             "--workers", "1", "--threads", "8", "--no-control-socket",
             "--config", "python:hotdash.gunicorn"],
            env={**os.environ, **stack.environment, "PORT": port, "BARE_BYTES": str(file)},
            cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return _get(url, "/bare", {}).status == 200
        except OSError:
            return False

    stack.wait_until(answers, 60, "web answers")
    return url, web


def _get(url: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = _connection(url)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)


def _round(url: str, path: str, headers: dict[str, str]) -> list[float]:
    """Seconds of each call, of callers that ask again as soon as they are answered."""
    taken: list[float] = []
    until = time.perf_counter() + SECONDS

    def call() -> None:
        connection = _connection(url)
        while (begun := time.perf_counter()) < until:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (200, 304), answer.status
            taken.append(time.perf_counter() - begun)

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return taken
