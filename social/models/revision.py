"""One frozen version of everything that the public will see."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from social.models.appendonly import AppendOnly
from social.models.channel import Channel
from social.models.media import Media
from social.models.post import Post


def content_hash(
    *,
    text: str,
    overrides: dict[str, Any],
    link: str,
    media: Iterable[tuple[str, str]],
    channels: Iterable[str],
    scheduled_at: datetime | None,
) -> str:
    """SHA-256 over the canonical JSON of all that the public will see.

    `media` are pairs (SHA-256 of the bytes, alternative text) in their order; `channels` are each a
    `Channel.address`.
    """
    content = {
        "text": text,
        "overrides": overrides,
        "link": link,
        "media": [list(item) for item in media],
        "channels": sorted(channels),
        "scheduled_at": scheduled_at.astimezone(UTC).isoformat() if scheduled_at else None,
    }
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class Revision(AppendOnly):
    """A version of a post's content. An edit makes a new one; none is ever changed."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    overrides = models.JSONField(
        default=dict, blank=True, help_text='per network: {"twitter": {"text": "…"}}'
    )
    link = models.URLField(max_length=2000, blank=True)
    channels = models.ManyToManyField(Channel, related_name="+")
    media = models.ManyToManyField(Media, through="RevisionMedia", related_name="+")
    scheduled_at = models.DateTimeField(null=True, blank=True)
    content_hash = models.CharField(max_length=64)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    token = models.ForeignKey("social.ApiToken", models.PROTECT, null=True, related_name="+")
    in_review = models.BooleanField(
        default=False, help_text="made by an approver while the post was in review"
    )
    moved_from = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="whose words it repeats: only the time differs. Never itself one that was moved",
    )
    created_at = models.DateTimeField(
        default=timezone.now,
        help_text="by the database's clock: gaps in the engine's life are measured by it",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "number"], name="revision_number_once_a_post")]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"revision {self.number}"

    @property
    def words_from(self) -> datetime:
        """When its words were first written: a move of the time makes nothing new of them."""
        return (self.moved_from or self).created_at

    def pictures(self) -> Sequence["RevisionMedia"]:
        """The media in their order; from the prefetched rows where there are any."""
        return sorted(self.revision_media.all(), key=lambda item: item.position)

    def addressed(self) -> Sequence[Channel]:
        """The channels with their connections; the prefetched rows where there are any."""
        prefetched = "channels" in getattr(self, "_prefetched_objects_cache", {})
        return list(self.channels.all() if prefetched else self.channels.select_related("connection"))

    def computed_hash(self) -> str:
        """The hash of the content as it stands in the database now."""
        return content_hash(
            text=self.text,
            overrides=self.overrides,
            link=self.link,
            media=[(item.media_id, item.alt_text) for item in self.pictures()],
            channels=[channel.address for channel in self.addressed()],
            scheduled_at=self.scheduled_at,
        )

    def text_for(self, network: str) -> str:
        """The text that this network gets: its own where it has one."""
        return str(self.overrides.get(network, {}).get("text") or self.text)

    def link_for(self, network: str) -> str:
        """The link that this network gets: its own, for example a tracked one, where it has one."""
        return str(self.overrides.get(network, {}).get("link") or self.link)

    def comment_for(self, network: str) -> str:
        """What is written below the post once it is out, "" for nothing."""
        return str(self.overrides.get(network, {}).get("first_comment") or "")


def with_pictures() -> "models.QuerySet[RevisionMedia]":
    """Pictures of revisions with all that is known of them but their bytes, in their order."""
    unread = ("media__content", "media__thumbnail")
    return RevisionMedia.objects.select_related("media").defer(*unread).order_by("position")


class RevisionMedia(models.Model):
    """One picture of a revision, with the words for those who cannot see it."""

    revision = models.ForeignKey(Revision, models.PROTECT, related_name="revision_media")
    media = models.ForeignKey(Media, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    alt_text = models.CharField(max_length=1500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision", "position"], name="one_media_a_position")]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.media_id[:8]} of {self.revision_id}"
