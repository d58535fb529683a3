"""Several processes at full speed against a provider that keeps the truth: windows that open with their first
call."""

import math
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis
from django.conf import settings

CALLER = Path(__file__).with_name("caller.py")
LIMIT, PERIOD, WINDOWS = 40, 1.0, 4


class Provider(ThreadingHTTPServer):
    """Counts every call; refuses those over the limit."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.end = 0.0
        self.used: list[int] = []
        self.refused = 0
        self.slowness = 0.0
        self.seen_enough = threading.Event()

    def count(self) -> bool:
        with self.lock:
            now = time.time()
            if now >= self.end:
                self.end = now + PERIOD
                self.used.append(0)
                if len(self.used) == WINDOWS:
                    self.seen_enough.set()
            admitted = self.used[-1] < LIMIT
            self.used[-1] += admitted
            self.refused += not admitted
            return admitted

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_GET(self) -> None:
        time.sleep(self.server.slowness * random.random())
        admitted = self.server.count()
        self.send_response(200 if admitted else 429)
        self.send_header("X-RateLimit-Limit", str(LIMIT))
        self.send_header("X-RateLimit-Remaining", str(LIMIT - self.server.used[-1]))
        self.send_header("X-RateLimit-Reset", str(math.ceil(self.server.end)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def scope() -> str:
    return uuid.uuid4().hex


def run_callers(provider: Provider, scope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three processes of two threads each, until the provider has seen enough windows."""
    monkeypatch.setenv("PUBLER_RATE_LIMIT", str(LIMIT))
    monkeypatch.setenv("PUBLER_RATE_PERIOD", str(round(PERIOD)))
    monkeypatch.setenv("REDIS_URL", settings.REDIS_URL)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "hotdash.settings")
    monkeypatch.setenv("PYTHONPATH", str(settings.BASE_DIR))
    arguments = [sys.executable, str(CALLER), provider.address, scope, "60", "2"]
    callers = [subprocess.Popen(arguments) for _ in range(3)]
    try:
        assert provider.seen_enough.wait(60)
    finally:
        for caller in callers:
            caller.kill()
            caller.wait()


@pytest.mark.slow
@pytest.mark.parametrize("slowness", [0.0, 0.1])
def test_no_call_is_refused_and_every_full_window_is_used_up(
    provider: Provider, scope: str, monkeypatch: pytest.MonkeyPatch, slowness: float
) -> None:
    provider.slowness = slowness
    run_callers(provider, scope, monkeypatch)
    assert provider.refused == 0
    assert sum(provider.used[: WINDOWS - 1]) >= 0.8 * LIMIT * (WINDOWS - 1)


@pytest.mark.slow
def test_a_store_emptied_again_and_again_lets_no_burst_through(
    provider: Provider, scope: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def forget() -> None:
        store = redis.Redis.from_url(settings.REDIS_URL)
        while not done.wait(0.7):
            for key in store.scan_iter(f"*{scope}*"):
                store.delete(key)
        store.close()

    forgetful = threading.Thread(target=forget)
    forgetful.start()
    try:
        run_callers(provider, scope, monkeypatch)
    finally:
        done.set()
        forgetful.join()
    assert provider.refused <= 1
