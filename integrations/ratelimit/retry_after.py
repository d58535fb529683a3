"""`Retry-After`, in every form that providers send it."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, None where the answer does not say.

    Takes whole seconds, decimals (Shopify sends "2.0") and an HTTP date, which is compared with the answer's
    own `Date`, so that our clock does not matter.
    """
    value = (headers.get("Retry-After") or "").strip()
    try:
        return max(0.0, float(value)) if value.replace(".", "", 1).isdigit() else _until(value, headers)
    except ValueError:
        return None


def asked_wait(status: int, headers: Mapping[str, str]) -> float | None:
    """As `retry_after`, of an answer that is no success: on one that is, it speaks of that resource alone."""
    return retry_after(headers) if status >= 400 else None


def unix_time(http_date: str | None) -> int | None:
    """None where it cannot be read."""
    try:
        return int(parsedate_to_datetime(http_date).timestamp()) if http_date else None
    except ValueError:
        return None


def _until(http_date: str, headers: Mapping[str, str]) -> float | None:
    then, now = unix_time(http_date), unix_time(headers.get("Date"))
    return None if then is None else max(0.0, then - (time.time() if now is None else now))
