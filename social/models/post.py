"""The post: what is decided about, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

if TYPE_CHECKING:
    from social.models.revision import Revision


class Post(models.Model):
    """One thing to say in public. Its content stands in revisions, its fate on each channel in deliveries.

    `status` is written by `social.workflow` alone.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PENDING = "pending", "Waiting for approval"
        APPROVED = "approved", "Approved"
        SCHEDULED = "scheduled", "Scheduled"
        PUBLISHED = "published", "Published"
        PARTLY_PUBLISHED = "partly_published", "Partly published"
        REJECTED = "rejected", "Rejected"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Source(models.TextChoices):
        STAFF = "staff", "staff"
        API = "api", "API"
        IMPORT = "import", "import"

    title = models.CharField(
        "name for us", max_length=200, blank=True, help_text="Never shown to the public."
    )
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.DRAFT, editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="posts", editable=False)
    token = models.ForeignKey(
        "social.ApiToken", models.PROTECT, null=True, blank=True, related_name="posts", editable=False
    )
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.STAFF, editable=False)
    revision = models.ForeignKey(
        "social.Revision",
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        help_text="the current one",
    )
    scheduled_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="of the current revision"
    )
    sort_at = models.DateTimeField(
        editable=False, help_text="its time, or when it was made: the order of the list"
    )
    evidence = models.JSONField(
        default=dict, blank=True, editable=False, help_text="on what grounds it is proposed"
    )
    receipt = models.JSONField(
        default=dict, blank=True, editable=False, help_text="what the provider gave for it"
    )
    change = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="what is to become of it once Publer has let go of it",
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "social_posts"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["draft", "pending", "approved", "scheduled", "published"])
                | Q(status__in=["partly_published", "rejected", "failed", "cancelled"]),
                name="post_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "cancelled"]) | Q(revision__isnull=False),
                name="post_has_content",
            ),
        ]
        indexes = [
            models.Index(F("sort_at").desc(), F("id").desc(), name="post_by_time"),
            models.Index("status", F("sort_at").desc(), F("id").desc(), name="post_by_status"),
            models.Index(F("created_at").desc(), F("id").desc(), name="post_by_making"),
            models.Index(fields=["published_at"], name="post_by_published"),
            models.Index(
                fields=["token", "created_at"], condition=Q(token__isnull=False), name="post_by_agent"
            ),
        ]
        permissions = [
            ("approve_post", "Can approve or reject a post"),
            ("publish_post", "Can send a post now, retry it, and decide on what is not confirmed"),
            ("recall_post", "Can recall a post from Publer"),
            ("cancel_post", "Can cancel a post"),
            ("pause_publishing", "Can pause and resume publishing"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name for us, or else the first words of the text."""
        if self.title:
            return self.title
        text = " ".join(self.revision.text.split()) if self.revision else ""
        return (text[:57] + "…" if len(text) > 58 else text) or f"Post {self.pk}"

    @property
    def proposer(self) -> str:
        """Who or what made it, as the screens name them."""
        if self.token:
            return self.token.name
        return self.author.get_full_name() or self.author.get_username()

    def content(self) -> Revision:
        """The current revision, of a post that has one."""
        if self.revision is None:
            raise ValueError(f"post {self.pk} has no content")
        return self.revision
