from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from hotdash.clocks import Clocks

DEFAULTS = Clocks(
    connect_timeout=5,
    read_timeout=30,
    lease=60,
    resend_after=180,
    grace=30,
    handover_lead=3600,
    late_after=3600,
    engine_gap=60,
    dispatch_interval=10,
)
seconds = st.floats(min_value=0.01, max_value=100_000)


def clocks(**changed: float) -> Clocks:
    return replace(DEFAULTS, warnings=[], **changed)


def test_the_defaults_hold_together() -> None:
    assert clocks().settle().warnings == []


@given(
    st.builds(
        Clocks,
        *[seconds] * 9,
        warnings=st.builds(list),
    )
)
def test_whatever_is_asked_for_holds_together_afterwards(asked: Clocks) -> None:
    lease = asked.lease
    settled = asked.settle()
    assert settled.lease == lease
    assert settled.connect_timeout + settled.read_timeout < settled.lease
    assert settled.grace < settled.resend_after
    assert settled.handover_lead > 2 * settled.resend_after + 90
    assert settled.late_after > 2 * settled.resend_after
    assert settled.engine_gap > 3 * settled.dispatch_interval


def test_a_short_lease_lowers_the_time_outs_and_says_so() -> None:
    settled = clocks(lease=6).settle()
    assert (settled.connect_timeout, settled.read_timeout) == (1, 4.4)
    assert [words.split()[0] for words in settled.warnings] == [
        "PROVIDER_CONNECT_TIMEOUT",
        "PROVIDER_READ_TIMEOUT",
    ]


@pytest.mark.parametrize("name", ["lease", "resend_after", "dispatch_interval"])
def test_a_clock_of_no_length_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="must be more than 0"):
        clocks(**{name: 0}).settle()
