"""Beat's entries: made by the migrations, edited in the admin, overruled by the environment."""

from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask


def write_intervals() -> None:
    """Write the intervals that the environment sets onto Beat's entries."""
    for name, seconds in settings.BEAT_INTERVALS_SET.items():
        if seconds is None:
            continue
        every, period = (
            (int(seconds), "seconds") if seconds == int(seconds) else (int(seconds * 1e6), "microseconds")
        )
        interval, _ = IntervalSchedule.objects.get_or_create(every=every, period=period)
        for entry in PeriodicTask.objects.filter(name=name):
            entry.interval = interval
            entry.expire_seconds = max(10, int(seconds))
            entry.save()
