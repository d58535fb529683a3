"""The database's clock: the one clock that all processes on all hosts share."""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """The moment by the database's clock (UTC). Leases, waits and gaps are measured by it alone."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
            return moment.astimezone(UTC)
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)
