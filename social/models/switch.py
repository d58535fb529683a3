"""Who held publishing and who let it go on."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from integrations.connections import Connection
from social.models.appendonly import AppendOnly
from social.models.channel import Channel


class Switch(AppendOnly):
    """A person paused or resumed everything, one connection or one channel. Rows are only ever added.

    A pause that ended by itself has no row of its own: the one that began it says until when.
    """

    connection = models.ForeignKey(Connection, models.PROTECT, null=True, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, null=True, related_name="+")
    paused = models.BooleanField(help_text="held from then on; else let go on")
    until = models.DateTimeField(null=True, help_text="it goes on by itself then")
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(help_text="by the database's clock")

    class Meta:
        verbose_name = "pause"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(connection=None) | Q(channel=None), name="switch_of_one_thing_or_all"
            ),
            models.CheckConstraint(condition=Q(paused=False) | ~Q(reason=""), name="pause_has_a_reason"),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.what} {'paused' if self.paused else 'resumed'}"

    @property
    def what(self) -> str:
        """What was switched, as the screens call it."""
        if self.channel:
            return str(self.channel)
        return f"Calls to {self.connection.get_provider_display()}" if self.connection else "Publishing"
