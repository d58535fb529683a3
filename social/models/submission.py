"""One write to the provider, recorded before it is sent."""

from django.db import models
from django.db.models import Q

from integrations.connections import Connection
from social.models.delivery import Delivery


class Submission(models.Model):
    """A bulk request that carries deliveries: its body ahead of the call, its answer after."""

    class State(models.TextChoices):
        STAMPED = "stamped", "stamped, no answer recorded"
        NOT_SENT = "not_sent", "not sent"
        REFUSED = "refused", "refused"
        TAKEN = "taken", "taken over"
        UNKNOWN = "unknown", "outcome unknown"

    class Kind(models.TextChoices):
        NOW = "now", "now"
        LATER = "later", "for later"

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="+")
    deliveries = models.ManyToManyField(Delivery, through="SubmissionItem", related_name="submissions")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    body = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.STAMPED)
    stamped_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.TextField(blank=True, help_text="as it came, secrets removed")
    job_id = models.CharField(max_length=100, blank=True)
    job_state = models.CharField(max_length=20, blank=True)
    job_failures = models.JSONField(default=list, blank=True)
    completed_at = models.DateTimeField(
        null=True, blank=True, help_text="when the job was first seen complete"
    )
    polled_at = models.DateTimeField(null=True, blank=True)
    polls = models.PositiveIntegerField(default=0)
    sibling_seen_at = models.DateTimeField(
        null=True, blank=True, help_text="first sight of any post of this job"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["stamped", "not_sent", "refused", "taken", "unknown"]),
                name="submission_state_known",
            ),
            models.CheckConstraint(condition=~Q(state="taken") | ~Q(job_id=""), name="taken_has_a_job"),
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"submission {self.pk}"


class SubmissionItem(models.Model):
    """One delivery in one submission; `open` until its outcome there is established."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="items")
    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="items")
    open = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission", "delivery"], name="delivery_once_a_submission"),
            models.UniqueConstraint(
                fields=["delivery"], condition=Q(open=True), name="one_open_submission_a_delivery"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} in {self.submission_id}"
