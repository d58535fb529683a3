"""The stack itself: it starts, obeys, and leaves nothing."""

import signal

import pytest

from tests.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.chaos]


def test_everything_runs_can_be_killed_and_leaves_nothing(stack: Stack) -> None:
    assert set(stack.processes) == {"valkey", "sandbox", "web", "worker", "beat"}
    assert stack.sandbox("/sandbox/posts") is not None
    assert int(stack.shell("from social.models import Channel; print(Channel.objects.count())")) > 0
    killed = stack.processes["worker"]
    stack.restart("worker", signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    running = list(stack.processes.values())
    assert [process for process in running if process.poll() is not None] == []
    stack.stop()
    assert [process for process in running if process.poll() is None] == []
