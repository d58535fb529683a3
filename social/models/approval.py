"""Who decided what about which content, when and why."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from social.models.appendonly import AppendOnly
from social.models.post import Post
from social.models.revision import Revision


class Approval(AppendOnly):
    """A person's decision about one revision. Rows are only ever added."""

    class Decision(models.TextChoices):
        APPROVED = "approved", "approved"
        REJECTED = "rejected", "rejected"

    post = models.ForeignKey(Post, models.PROTECT, related_name="approvals")
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="approvals")
    content_hash = models.CharField(
        max_length=64, help_text="of what the page showed to the person who decided"
    )
    decision = models.CharField(max_length=10, choices=Decision.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="approvals")
    # Null in rows from before it was written: a table of history is not made anew for a default.
    user_name = models.CharField(  # noqa: DJ001
        max_length=200, null=True, editable=False, help_text="what the person was called then"
    )
    reason = models.TextField(blank=True)
    changes_asked = models.BooleanField(default=False, help_text="rejected, but asked for again with changes")
    kept_from = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="the person's own approval, which stands for this revision since only the time moved, "
        "within the rule. Never itself one that was kept",
    )
    for_time = models.DateTimeField(
        null=True, help_text="the public moment that was approved, where the revision names another or none"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decision__in=["approved", "rejected"]), name="approval_decision_known"
            ),
            models.CheckConstraint(
                condition=~Q(decision="rejected") | ~Q(reason=""), name="rejection_has_reason"
            ),
        ]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.decision} by {self.by}"

    @property
    def by(self) -> str:
        """Who decided, as the person was called then."""
        return self.user_name or self.user.get_full_name() or self.user.get_username()

    @property
    def given_at(self) -> datetime:
        """When the person gave it."""
        return (self.kept_from or self).created_at

    @property
    def approved_time(self) -> datetime:
        """The public moment that the person approved: the measure of every later move of the time."""
        own = self.kept_from or self
        return own.for_time or own.revision.scheduled_at or own.created_at
