import time
from email.utils import formatdate

import pytest

from integrations.ratelimit.retry_after import retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("2", 2.0), ("2.0", 2.0), (" 0.5 ", 0.5), ("0", 0.0), ("120", 120.0)],
)
def test_seconds_and_decimals_are_understood(value: str, seconds: float) -> None:
    assert retry_after({"Retry-After": value}) == seconds


def test_a_date_is_compared_with_the_providers_own_clock() -> None:
    headers = {
        "Retry-After": formatdate(1_000_000_090, usegmt=True),
        "Date": formatdate(1_000_000_000, usegmt=True),
    }
    assert retry_after(headers) == 90


def test_a_date_without_the_providers_clock_is_compared_with_ours() -> None:
    assert retry_after({"Retry-After": formatdate(time.time() + 30, usegmt=True)}) == pytest.approx(30, abs=2)


def test_a_date_in_the_past_asks_for_no_wait() -> None:
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "nan", "inf", "2.0.0", "²"])
def test_what_makes_no_sense_counts_as_not_said(value: str) -> None:
    assert retry_after({"Retry-After": value}) is None


def test_no_header_asks_for_nothing() -> None:
    assert retry_after({}) is None
