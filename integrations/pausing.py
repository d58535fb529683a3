"""What a person can hold: for a while, or until somebody lets it go on."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Pausable(models.Model):
    """A row that a person can pause: since when, until when, by whom and why.

    At `paused_until` it goes on by itself and nobody writes that down: ask `is_paused`, or `going` in a
    query. Written by `social.workflow.pausing` alone.
    """

    paused_at = models.DateTimeField(null=True, blank=True, help_text="a person holds it since then")
    paused_until = models.DateTimeField(null=True, blank=True, help_text="it goes on by itself then")
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    pause_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    def is_paused(self, now: datetime) -> bool:
        """Whether it is held at this moment of the database's clock."""
        return self.paused_at is not None and (self.paused_until is None or self.paused_until > now)

    @property
    def paused(self) -> bool:
        """For screens: whether it is held now, by this process's own clock."""
        return self.is_paused(timezone.now())


def going(now: datetime, prefix: str = "") -> Q:
    """The rows that nobody holds at this moment; `prefix` leads to them, as in "channel__"."""
    return Q(**{f"{prefix}paused_at": None}) | Q(**{f"{prefix}paused_until__lte": now})
