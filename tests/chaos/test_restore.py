"""A backup from before the posts were sent takes the database's place: what is public already stays public
once."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.chaos.test_kills import people, public
from tests.stack import Stack

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.slow,
    pytest.mark.skipif(
        "LONG_CHAOS" not in os.environ,
        reason="takes minutes and a quiet machine: LONG_CHAOS=1 script/test tests/chaos",
    ),
]

APPROVE = """
from tests.many import in_turn, make_pending, text_channels
from social import workflow
from social.workflow import Actor
made = make_pending({posts}, in_turn(text_channels(20), 10), {words!r})
assert not workflow.approve_all(dict.fromkeys(made, ""), Actor(User.objects.get(username="bob")))
"""
STATES = """
import json
from django.db.models import Count
print(json.dumps(dict(Delivery.objects.order_by().values_list("status").annotate(Count("pk")))))
"""
SENDERS = ("worker", "beat")


def approve(stack: Stack, posts: int, words: str) -> None:
    """Queue each of them on ten of twenty channels."""
    stack.shell(APPROVE.format(posts=posts, words=words))


def states(stack: Stack) -> dict[str, int]:
    told: dict[str, int] = json.loads(stack.shell(STATES))
    return told


def test_a_backup_from_before_two_hundred_sends_publishes_nothing_twice(
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack(PUBLER_RATE_LIMIT="1000", PUBLER_PLAN="none")
    stack.more["sandbox"] = ("--accounts", "20")
    stack.up("valkey", "sandbox", *SENDERS)
    people(stack)
    approve(stack, 5, "sent before the backup")
    stack.wait_until(lambda: states(stack) == {"published": 50}, 60, "the first are public")
    for name in SENDERS:
        stack.kill(name)
    approve(stack, 20, "sent after the backup")
    backup = stack.back_up()
    for name in SENDERS:
        stack.start(name)
    stack.wait_until(lambda: states(stack) == {"published": 250}, 90, "two hundred more are public")
    for name in SENDERS:
        stack.kill(name)

    stack.restore(backup)
    assert states(stack) == {"published": 50, "queued": 200}
    time.sleep(float(stack.environment["RESEND_AFTER_SECONDS"]))  # as restoring asks for
    for name in SENDERS:
        stack.start(name)

    stack.wait_until(lambda: states(stack) == {"published": 250}, 120, "all are known to be public")
    times = Counter((post["text"], post["account_id"]) for post in public(stack))
    assert len(times) == 250
    assert set(times.values()) == {1}
