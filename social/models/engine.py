"""The publishing engine's own row, signs of life of its processes, and what was seen minute by minute."""

from django.db import models
from django.utils import timezone

from integrations.pausing import Pausable


class Engine(Pausable):
    """A single row (id 1). Locking it serialises stamps, pauses and gaps. Held, nothing at all is stamped."""

    last_seen = models.DateTimeField(null=True, blank=True, help_text="when a sending process last looked")
    trusted_from = models.DateTimeField(
        null=True, blank=True, help_text="what was made before this moment is looked for before it is sent"
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_engine")]

    def __str__(self) -> str:
        return "Publishing"


class Heartbeat(models.Model):
    """When a process ("worker", "beat") last said that it is alive, or a task of Beat's last ran through.

    A row for each process, told apart by host and number, and one for each task, by its name alone.
    """

    name = models.CharField(max_length=100)
    host = models.CharField(max_length=200, blank=True)
    pid = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(default=timezone.now, help_text="alive without a break since then")
    at = models.DateTimeField()
    ended = models.BooleanField(default=False, help_text="it said that it ends")

    class Meta:
        permissions = [
            ("watch_publishing", "Can see the queue, and is told when publishing falls silent"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["name", "host", "pid"], name="one_heartbeat_a_process"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.pid} on {self.host}" if self.host else self.name


class Minute(models.Model):
    """What the watch saw in one minute. Kept for a day."""

    at = models.DateTimeField(primary_key=True, help_text="its beginning")
    sent = models.BooleanField(default=False, help_text="something was handed to the provider")
    silent = models.BooleanField(default=False, help_text="something due was not, and nothing explains it")
    depth = models.PositiveIntegerField(default=0, help_text="deliveries that waited to be sent")

    def __str__(self) -> str:
        return f"{self.at:%H:%M}"
