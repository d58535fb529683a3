"""Beat's scheduler: the database's, with a heartbeat that others can see."""

import time
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler


class Scheduler(DatabaseScheduler):
    """django-celery-beat's scheduler; every few seconds it tells the database that Beat is alive."""

    HEARTBEAT_SECONDS = 5.0
    _told = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due; return the seconds until the next look."""
        if time.monotonic() - self._told > self.HEARTBEAT_SECONDS:
            from social.publishing.heartbeat import beat_is_alive

            beat_is_alive()
            self._told = time.monotonic()
        return min(float(super().tick(*args, **kwargs)), self.HEARTBEAT_SECONDS)
