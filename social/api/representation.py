"""A post as the API shows it."""

from datetime import datetime

from django.db.models import Prefetch, QuerySet

from social.api import schemas
from social.explain import Situation, delivery_waits, waiting_for
from social.models import Approval, Channel, Delivery, Media, Post, RevisionMedia
from social.workflow import label_of

TAKEN_BACK = (Post.Status.DRAFT, Post.Status.PENDING)
"""States in which an approval of what stands there was taken back."""


def posts() -> QuerySet[Post]:
    """Posts with all that is shown of them, in a number of queries that does not grow with theirs."""
    return Post.objects.select_related("author", "token", "revision").prefetch_related(
        Prefetch("revision__channels", Channel.objects.all()),
        Prefetch(
            "revision__revision_media",
            # Without the bytes: a plain join would read every picture whole.
            RevisionMedia.objects.prefetch_related(Prefetch("media", Media.objects.all())),
        ),
        Prefetch("approvals", Approval.objects.select_related("user", "kept_from")),
        Prefetch("deliveries", Delivery.objects.select_related("channel", "connection")),
    )


def represent(post: Post, situation: Situation) -> schemas.PostOut:
    """One of `posts()`."""
    revision = post.revision
    rows = _latest(post)
    last = next(reversed(list(post.approvals.all())), None)
    decision = last if last and last.revision_id == post.revision_id else None
    if decision and decision.decision == "approved" and post.status in TAKEN_BACK:
        decision = None  # it was taken back
    return schemas.PostOut(
        id=post.pk,
        title=post.title,
        text=revision.text if revision else "",
        link=(revision.link or None) if revision else None,
        media=[_media(item) for item in revision.pictures()] if revision else [],
        overrides=revision.overrides if revision else {},
        channels=[channel.account_id for channel in revision.channels.all()] if revision else [],
        scheduled_at=post.scheduled_at,
        status=Post.Status(post.status),
        label=label_of(
            post,
            rows,
            expired=bool(post.scheduled_at and post.scheduled_at <= situation.now),
            changes_asked=bool(decision and decision.changes_asked),
        )
        or None,
        revision=schemas.RevisionOut(
            number=revision.number, content_hash=revision.content_hash, created_at=revision.created_at
        )
        if revision
        else None,
        approval=_approval(decision) if decision else None,
        deliveries=[_delivery(row, situation) for row in rows],
        receipt=post.receipt or None,
        waiting_for=waiting_for(post, rows, situation).words or None,
        evidence=post.evidence,
        author=post.proposer,
        source=Post.Source(post.source),
        created_at=post.created_at,
        updated_at=post.updated_at,
    )


def _latest(post: Post) -> list[Delivery]:
    """The last delivery on each channel: one that was taken back counts no more beside its successor."""
    return list(
        {row.channel_id: row for row in sorted(post.deliveries.all(), key=lambda row: row.pk)}.values()
    )


def _media(item: RevisionMedia) -> schemas.MediaOut:
    return schemas.MediaOut(
        sha256=item.media_id,
        content_type=item.media.content_type,
        width=item.media.width,
        height=item.media.height,
        alt_text=item.alt_text,
    )


def _approval(row: Approval) -> schemas.ApprovalOut:
    return schemas.ApprovalOut(
        by=row.by,
        at=row.given_at,
        content_hash=row.content_hash,
        decision="approved" if row.decision == Approval.Decision.APPROVED else "rejected",
        reason=row.reason,
    )


def _delivery(row: Delivery, situation: Situation) -> schemas.DeliveryOut:
    ended = row.status in (Delivery.Status.PUBLISHED, Delivery.Status.CANCELLED)
    return schemas.DeliveryOut(
        channel=row.channel.account_id,
        network=row.channel.network,
        name=row.channel.name,
        status=Delivery.Status(row.status),
        permalink=row.permalink or None,
        attempts=row.attempts,
        next_attempt_at=_next_attempt(row, situation.now),
        error=row.problem or None,
        waiting_for=None if ended else delivery_waits(row, situation).words or None,
    )


def _next_attempt(row: Delivery, now: datetime) -> datetime | None:
    """When it is tried next, where a moment is set for that."""
    if row.status != Delivery.Status.QUEUED:
        return None
    return max((at for at in (row.not_before, row.due_at) if at and at > now), default=None)
