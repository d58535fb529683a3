"""One post on one channel: the unit that is queued, sent, looked for, retried and counted."""

from django.db import models
from django.db.models import Q

from integrations.connections import Connection
from social.models.channel import Channel
from social.models.post import Post
from social.models.revision import Revision


class Delivery(models.Model):
    """A post's way onto one channel. `status` is written by `social.workflow` alone."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        UNCONFIRMED = "unconfirmed", "Not confirmed"
        ACCEPTED = "accepted", "Publer is working on it"
        SCHEDULED = "scheduled", "Scheduled"
        PUBLISHED = "published", "Published"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Recall(models.TextChoices):
        NO = "", "no"
        CANCEL = "cancel", "to cancel it"
        REQUEUE = "requeue", "to send it at another time"

    IN_AIR = (Status.SENDING, Status.UNCONFIRMED, Status.ACCEPTED)

    post = models.ForeignKey(Post, models.PROTECT, related_name="deliveries")
    # Neither has an index of its own: by channel there is one with the time, and a connection has nearly all.
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="deliveries", db_index=False)
    connection = models.ForeignKey(
        Connection, models.PROTECT, related_name="+", db_index=False, help_text="the workspace it bears"
    )
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="deliveries")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    approved_hash = models.CharField(max_length=64, help_text="the content that a person approved")
    fingerprint = models.CharField(max_length=64, help_text="of the text's normal form: twins are told by it")

    # When
    due_at = models.DateTimeField(help_text="when it should be public")
    timed = models.BooleanField(
        default=False, help_text="due at a time that a person chose, not as soon as approved"
    )
    at_once = models.BooleanField(default=False, help_text="a person sends it now: it goes before all others")
    not_before = models.DateTimeField(null=True, blank=True, help_text="no attempt before this moment")
    hold = models.CharField(max_length=200, blank=True, help_text="why it waits until then, in words")
    goes_at = models.DateTimeField(null=True, blank=True, help_text="public moment of the latest attempt")
    created_at = models.DateTimeField(auto_now_add=True)

    # The latest attempt
    attempts = models.PositiveIntegerField(default=0, help_text="stamps that were not given back")
    submission = models.ForeignKey(
        "social.Submission", models.PROTECT, null=True, blank=True, related_name="latest_of"
    )
    first_stamped_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    was_unknown = models.BooleanField(default=False, help_text="an earlier attempt's outcome was unknown")

    # Establishing what became of it
    quiet_from = models.DateTimeField(
        null=True, blank=True, help_text="no write of ours left after this moment"
    )
    looks = models.PositiveIntegerField(default=0)
    next_look_at = models.DateTimeField(null=True, blank=True)
    looked_from = models.DateTimeField(
        null=True, blank=True, help_text="begin of the last complete look without it"
    )
    decide = models.BooleanField(default=False, help_text="only a person can say what became of it")
    candidates = models.JSONField(default=list, blank=True, help_text="listed posts that may be this one")
    recall = models.CharField(max_length=10, choices=Recall.choices, blank=True)

    # What became of it
    provider_post_id = models.CharField(max_length=100, blank=True)
    former_ids = models.JSONField(
        default=list, blank=True, help_text="provider posts of earlier, ended attempts"
    )
    permalink = models.CharField(max_length=2000, blank=True)
    live_text = models.TextField(blank=True, help_text="the text that the provider lists, where it differs")
    published_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, help_text="what went wrong, in plain words")
    provider_words = models.TextField(blank=True, help_text="what the provider said, as it came")
    retry_helps = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "sending", "unconfirmed", "accepted"])
                | Q(status__in=["scheduled", "published", "failed", "cancelled"]),
                name="delivery_status_known",
            ),
            models.UniqueConstraint(
                fields=["post", "channel"], condition=~Q(status="cancelled"), name="one_delivery_a_channel"
            ),
            models.UniqueConstraint(
                fields=["connection", "provider_post_id"],
                condition=~Q(provider_post_id=""),
                name="one_owner_a_provider_post",
            ),
            models.CheckConstraint(
                condition=Q(decide=False) | Q(status="unconfirmed"), name="decide_only_unconfirmed"
            ),
            models.CheckConstraint(
                condition=Q(recall="") | Q(status="scheduled"), name="recall_only_scheduled"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["sending", "accepted"]) | Q(submission__isnull=False),
                name="in_the_air_by_a_submission",
            ),
            models.CheckConstraint(
                condition=~Q(status="sending") | Q(lease_until__isnull=False), name="sending_has_a_lease"
            ),
            models.CheckConstraint(
                condition=~Q(status="scheduled") | ~Q(provider_post_id=""),
                name="scheduled_has_its_provider_post",
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "-at_once", "due_at", "id"],
                condition=Q(status="queued"),
                name="delivery_queue",
            ),
            models.Index(
                fields=["next_look_at"],
                condition=Q(status__in=["unconfirmed", "accepted", "scheduled"]),
                name="delivery_to_look_for",
            ),
            models.Index(fields=["lease_until"], condition=Q(status="sending"), name="delivery_leases"),
            models.Index(fields=["channel", "goes_at"], name="delivery_gap"),
            # SQLite, which proves no list of states, comes by it to what is open.
            models.Index(fields=["status", "due_at", "id"], name="delivery_by_status"),
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.channel.network_name}: {self.get_status_display()}"
