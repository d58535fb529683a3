"""What the log says, and what it never says."""

import logging
import sys

import pytest
import redis

from hotdash import logs
from integrations.redaction import remember


@pytest.fixture
def line() -> str:
    """One line of a fault, with a secret in its words and in its frame's variables."""
    hidden_in_a_variable = "a-password-somebody-typed"
    remember("a-key-that-a-client-named")
    try:
        raise ValueError("the provider said a-key-that-a-client-named")
    except ValueError:
        record = logging.LogRecord("hotdash", logging.ERROR, __file__, 1, "a fault", (), sys.exc_info())
    assert hidden_in_a_variable
    return logs.formatter(debug=True).format(record)


def test_a_known_secret_never_leaves_with_a_line(line: str) -> None:
    assert "a-key-that-a-client-named" not in line
    assert "[secret]" in line


def test_a_traceback_prints_no_variables(line: str) -> None:
    assert "a-password-somebody-typed" not in line
    assert "ValueError" in line


def test_a_broker_that_is_away_is_one_line() -> None:
    try:
        raise redis.exceptions.ConnectionError("refused")
    except redis.exceptions.ConnectionError:
        record = logging.LogRecord(
            "celery", logging.ERROR, __file__, 1, "lost the broker", (), sys.exc_info()
        )
    assert logs.OneLine().filter(record)
    assert "Traceback" not in logs.formatter(debug=True).format(record)
