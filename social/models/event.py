"""The audit trail."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from social.models.appendonly import AppendOnly
from social.models.delivery import Delivery
from social.models.post import Post

LOOKED_FOR = ("looked for first", "not live yet")
"""What is told after a gap in HotDash's own life: looked for at the provider, and not found there."""


class Event(AppendOnly):
    """Something that happened to a post: who, what, from, to, and why. Rows are only ever added."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="events")
    delivery = models.ForeignKey(Delivery, models.PROTECT, null=True, related_name="events")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=200, help_text='a person, a token\'s name, or "HotDash"')
    is_person = models.BooleanField(default=False)
    verb = models.CharField(max_length=40)
    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20, blank=True)
    note = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["post", "id"], name="event_by_post"),
            models.Index(fields=["created_at"], condition=Q(verb__in=LOOKED_FOR), name="event_looked_for"),
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.verb}"
