"""The storm of `script/bench chaos`, small."""

import os
from collections.abc import Callable

import pytest

from tests.chaos.storm import CHANNELS, CLOCKS, Storm
from tests.stack import Stack

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.slow,
    pytest.mark.skipif(
        "LONG_CHAOS" not in os.environ,
        reason="takes minutes and a quiet machine: LONG_CHAOS=1 script/test tests/chaos",
    ),
]


def test_in_a_storm_nothing_is_lost_and_nothing_is_public_twice(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(**CLOCKS)
    stack.more["sandbox"] = ("--delay", "0.3", "--spread", "1", "--accounts", str(CHANNELS))
    stack.up("valkey", "sandbox")
    stack.staff("ann", "Author")
    stack.staff("bob", "Approver")

    outcome = Storm(stack, seed=1, posts=20).run(least=20, most=60)

    assert (outcome.lost, outcome.twice) == (0, 0), outcome
    assert outcome.live > outcome.deliveries / 2, outcome
    assert outcome.kills > 3, outcome
