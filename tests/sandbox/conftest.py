"""A sandbox in this process, its time stopped, its jobs worked on when a test says so."""

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.publer.sandbox.server import Sandbox, Settings
from tests.sandbox.caller import Caller, Clock, NewSandbox


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def new_sandbox(clock: Clock) -> Iterator[NewSandbox]:
    """`new_sandbox(working=False, **settings)`: a caller of a sandbox of its own."""
    callers: list[Caller] = []

    def start(*, working: bool = False, **settings: Any) -> Caller:
        defaults: dict[str, Any] = {"data": ":memory:", "gap": 0, "delay": 0}
        sandbox = Sandbox(Settings(**defaults | settings), clock)
        sandbox.start(working=working)
        callers.append(Caller(sandbox, clock))
        return callers[-1]

    yield start
    for caller in callers:
        caller.session.close()
        caller.sandbox.stop()


@pytest.fixture
def caller(new_sandbox: NewSandbox) -> Caller:
    return new_sandbox()
