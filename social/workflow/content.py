"""Content on its way into a revision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import Max

from social import clock, networks
from social.models import Channel, Media, Post, Revision, RevisionMedia
from social.models.revision import content_hash, with_pictures
from social.workflow.actors import Actor
from social.workflow.refusals import InvalidContent


@dataclass(frozen=True)
class Content:
    """What the public will see. `media` are pairs of a picture and its alternative text, in order."""

    text: str = ""
    channels: Sequence[Channel] = ()
    link: str = ""
    media: Sequence[tuple[Media, str]] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    scheduled_at: datetime | None = None

    @property
    def hash(self) -> str:
        return content_hash(
            text=self.text,
            overrides=dict(self.overrides),
            link=self.link,
            media=[(media.sha256, alt_text) for media, alt_text in self.media],
            channels=[channel.address for channel in self.channels],
            scheduled_at=self.scheduled_at,
        )

    def as_kept(self) -> "Content":
        """One form for the hash and for the row: forms send CRLF, and JSON keeps fewer digits than a
        database."""
        at = self.scheduled_at
        return replace(
            self,
            text=_lines(self.text),
            overrides={
                network: {
                    key: _lines(value) if isinstance(value, str) else value for key, value in own.items()
                }
                for network, own in self.overrides.items()
            },
            scheduled_at=at.replace(microsecond=0) if at else None,
        )

    def problems(self) -> list[networks.Problem]:
        """Why it cannot be submitted, if so."""
        return _problems(self, self.channels, self.media)


def content_of(revision: Revision) -> Content:
    """The content that a revision froze."""
    return Content(
        text=revision.text,
        channels=list(revision.channels.select_related("connection")),
        link=revision.link,
        media=[(item.media, item.alt_text) for item in with_pictures().filter(revision=revision)],
        overrides=revision.overrides,
        scheduled_at=revision.scheduled_at,
    )


def problems_of(revision: Revision) -> list[networks.Problem]:
    """Why what a revision froze cannot be submitted, if so. No picture's bytes are read for it."""
    known = "revision_media" in getattr(revision, "_prefetched_objects_cache", {})
    items = revision.pictures() if known else with_pictures().filter(revision=revision)
    return _problems(revision, revision.addressed(), [(item.media, item.alt_text) for item in items])


def _problems(
    content: "Content | Revision", channels: Sequence[Channel], media: Sequence[tuple[Media, str]]
) -> list[networks.Problem]:
    problems = networks.check(
        text=content.text,
        link=content.link,
        overrides=content.overrides,
        pictures=[shown(*item) for item in media],
        networks=[channel.network for channel in channels],
    )
    for channel in channels:
        if not channel.active:
            problems.append(networks.Problem("channels", f"{channel} is no longer connected to Publer."))
    return problems


def shown(media: Media, alt_text: str) -> networks.Shown:
    """What the networks' rules ask of a picture."""
    return networks.Shown(media.content_type, media.size, media.width, media.height, alt_text)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def freeze(
    post: Post,
    content: Content,
    actor: Actor,
    *,
    in_review: bool = False,
    moved_from: Revision | None = None,
) -> Revision:
    """Make the next revision of a post and make it the current one. The caller holds the post and saves it.

    `moved_from`: the revision whose words this one repeats at another time.
    """
    revision = write(post, content, actor, in_review=in_review, moved_from=moved_from)
    put(post, revision)
    return revision


def put(post: Post, revision: Revision) -> None:
    """Make this revision the current one. The caller holds the post and saves it."""
    post.revision = revision
    post.scheduled_at = revision.scheduled_at
    post.sort_at = revision.scheduled_at or post.created_at


def write(
    post: Post,
    content: Content,
    actor: Actor,
    *,
    in_review: bool = False,
    moved_from: Revision | None = None,
) -> Revision:
    """Make the next revision of a post, not yet the current one. The caller holds the post."""
    content = content.as_kept()
    if len({channel.connection_id for channel in content.channels}) > 1:
        raise InvalidContent(
            [networks.Problem("channels", "All channels of a post belong to one workspace.")]
        )
    number = (post.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
    revision = Revision.objects.create(
        post=post,
        number=number,
        text=content.text,
        overrides=dict(content.overrides),
        link=content.link,
        scheduled_at=content.scheduled_at,
        content_hash=content.hash,
        created_by=actor.person,
        token=actor.token,
        in_review=in_review,
        moved_from=moved_from,
        created_at=clock.now(),
    )
    revision.channels.set(content.channels)
    RevisionMedia.objects.bulk_create(
        RevisionMedia(revision=revision, media=media, position=position, alt_text=alt_text)
        for position, (media, alt_text) in enumerate(content.media)
    )
    return revision
