"""A time in which nothing is planned: a holiday, a day of mourning, a stocktaking."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from social.models.channel import Channel


class Blackout(models.Model):
    """No posting slot lies in it, and a post that is moved into it needs a new approval.

    It stops nothing that was approved for it: that is what a pause is for.
    """

    channel = models.ForeignKey(
        Channel, models.CASCADE, null=True, blank=True, related_name="blackouts", help_text="none: every one"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="blackout_ends_after_start")
        ]
        indexes = [models.Index(fields=["ends_at"], name="blackout_by_end")]
        ordering = ["starts_at", "id"]

    def __str__(self) -> str:
        return f"{self.channel or 'Every channel'}: {self.reason}"

    def holds(self, at: datetime) -> bool:
        """Whether it holds at this moment."""
        return self.starts_at <= at < self.ends_at

    def concerns(self, channels: Collection[int]) -> bool:
        """Whether it is about one of these channels (their ids)."""
        return self.channel_id is None or self.channel_id in channels
