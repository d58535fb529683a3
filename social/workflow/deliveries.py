"""The table of transitions of a delivery, as `protocol.md` draws it, and the one function that applies a row.

People's verbs stand in `posts`; what stands here is what the engine does and finds out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from social.models import Delivery, Event, Post, Submission, SubmissionItem
from social.workflow.actors import SYSTEM
from social.workflow.changes import conclude
from social.workflow.rollup import ROLLED_UP
from social.workflow.table import event, record, roll_up_all

D = Delivery.Status


@dataclass(frozen=True)
class Step:
    """One row: in these states this is found out, and the delivery is then that.

    `settled`: the open submission is closed by it, since its outcome is established.
    """

    sources: frozenset[str]
    target: str
    settled: bool = False


def _step(sources: set[str], target: str, *, settled: bool = False) -> Step:
    return Step(frozenset(sources), target, settled)


STEPS = {
    # what happened                    from                              to
    "stamped": _step({D.QUEUED}, D.SENDING),
    "looked for first": _step({D.QUEUED}, D.UNCONFIRMED),
    "not sent": _step({D.SENDING}, D.QUEUED, settled=True),
    "refused": _step({D.SENDING}, D.QUEUED, settled=True),
    "refused alone": _step({D.SENDING}, D.FAILED, settled=True),
    "cannot be built": _step({D.QUEUED}, D.FAILED),
    "outcome unknown": _step({D.SENDING}, D.UNCONFIRMED),
    "taken over": _step({D.SENDING, D.UNCONFIRMED, D.QUEUED}, D.ACCEPTED),
    "told to wait": _step({D.ACCEPTED}, D.QUEUED, settled=True),
    "told to wait, unsure": _step({D.ACCEPTED}, D.UNCONFIRMED),
    "failed there": _step({D.ACCEPTED, D.UNCONFIRMED, D.SCHEDULED}, D.FAILED, settled=True),
    "job unclear": _step({D.ACCEPTED}, D.UNCONFIRMED),
    "found scheduled": _step({D.ACCEPTED, D.UNCONFIRMED}, D.SCHEDULED, settled=True),
    "published": _step({D.ACCEPTED, D.UNCONFIRMED, D.SCHEDULED}, D.PUBLISHED, settled=True),
    "put to a person": _step({D.ACCEPTED, D.UNCONFIRMED, D.SCHEDULED}, D.UNCONFIRMED),
    "not live yet": _step({D.UNCONFIRMED}, D.QUEUED),
    "proved not taken": _step({D.UNCONFIRMED}, D.QUEUED, settled=True),
    "recalled": _step({D.SCHEDULED}, D.CANCELLED),
    "recalled to be moved": _step({D.SCHEDULED}, D.QUEUED),
}


def move(
    delivery: Delivery,
    happened: str,
    *,
    submission: Submission | None = None,
    note: str = "",
    only_if: dict[str, Any] | None = None,
    **fields: Any,
) -> bool:
    """Apply one row to one delivery; return whether it was in a state in which it could be.

    With `submission`, only while that is the delivery's latest: an old one's answer moves nothing. `only_if`
    are further conditions on the row. All of it stands in the WHERE, so whoever was faster wins. The caller
    may hold a transaction; locks are taken in the order post, delivery.
    """
    moved = move_all([delivery], happened, submission=submission, note=note, only_if=only_if, **fields)
    if moved:
        delivery.refresh_from_db()
    return bool(moved)


def move_all(
    deliveries: Sequence[Delivery],
    happened: str,
    *,
    submission: Submission | None = None,
    note: str = "",
    only_if: dict[str, Any] | None = None,
    **fields: Any,
) -> int:
    """As `move`, for all of which the same was found out; return how many were moved. The rows given are not
    read anew. The number of queries does not grow with them, but for the receipts of what is published."""
    step = STEPS[happened]
    with transaction.atomic():
        of_posts = Post.objects.select_for_update(no_key=True).order_by("pk")
        posts = of_posts.in_bulk({row.post_id for row in deliveries})
        rows = Delivery.objects.filter(
            pk__in=[row.pk for row in deliveries], status__in=step.sources, **(only_if or {})
        )
        if submission is not None:
            rows = rows.filter(submission=submission)
        held = rows.select_for_update(no_key=True).order_by("pk")
        before = dict(held.values_list("pk", "status"))
        if not before:
            return 0
        rows.filter(pk__in=before).update(status=step.target, **fields)
        items = SubmissionItem.objects.filter(delivery__in=before)
        if step.settled:
            items.filter(open=True).update(open=False)
        if happened == "taken over" and submission is not None:
            items.filter(submission=submission).update(open=True)
        moved = [row for row in deliveries if row.pk in before]
        Event.objects.bulk_create(
            event(
                posts[row.post_id],
                SYSTEM,
                happened,
                before=before[row.pk],
                after=step.target,
                note=note,
                delivery=row,
            )
            for row in moved
        )
        _tell([posts[pk] for pk in sorted({row.post_id for row in moved})], step.target)
    return len(moved)


def _tell(posts: Sequence[Post], found: str) -> None:
    """Bring the posts, of each of which a delivery is now what was `found`, up to what their deliveries
    say."""
    posts = [post for post in posts if post.status in ROLLED_UP and not conclude(post)]
    said = roll_up_all(posts)
    for post in posts:
        was, post.status = post.status, said[post.pk]
        if found == D.PUBLISHED:
            post.receipt = receipt_of(post)
            post.published_at = post.published_at or _first_published(post)
        if post.status != was:
            record(post, SYSTEM, post.status, before=was)
        if post.status != was or found == D.PUBLISHED:
            post.save(update_fields=["status", "receipt", "published_at", "updated_at"])


def _first_published(post: Post) -> datetime | None:
    published = post.deliveries.filter(status=D.PUBLISHED).order_by("published_at")
    return published.values_list("published_at", flat=True).first()


def receipt_of(post: Post) -> dict[str, Any]:
    """What the provider gave for a post: jobs, posts, links and times."""
    rows = post.deliveries.filter(status=D.PUBLISHED).select_related("channel", "submission")
    posts = [
        {
            "channel": row.channel.account_id,
            "network": row.channel.network,
            "post_id": row.provider_post_id,
            "permalink": row.permalink,
            "job_id": row.submission.job_id if row.submission else "",
            "published_at": row.published_at.isoformat() if row.published_at else None,
            "content_hash": row.approved_hash,
        }
        for row in rows
    ]
    return {
        "provider": "publer",
        "job_ids": sorted({str(p["job_id"]) for p in posts if p["job_id"]}),
        "posts": posts,
    }


def stamp(deliveries: Sequence[Delivery], submission: Submission, *, now: datetime) -> int:
    """Set the locked, tested deliveries `sending` under their submission; return how many were.

    The caller holds the transaction and the locks, and compares the number.
    """
    step = STEPS["stamped"]
    moved = Delivery.objects.filter(pk__in=[row.pk for row in deliveries], status__in=step.sources).update(
        status=step.target,
        submission=submission,
        lease_until=submission.lease_until,
        attempts=F("attempts") + 1,
        first_stamped_at=Coalesce("first_stamped_at", Value(now)),
        goes_at=F("due_at") if submission.kind == Submission.Kind.LATER else now,
        quiet_from=None,
        looks=0,
        next_look_at=None,
        looked_from=None,
        candidates=[],
        hold="",
        not_before=None,
    )
    Event.objects.bulk_create(
        event(
            row.post,
            SYSTEM,
            "stamped",
            before=D.QUEUED,
            after=D.SENDING,
            delivery=row,
            note=f"submission {submission.pk}",
        )
        for row in deliveries
    )
    SubmissionItem.objects.bulk_create(
        SubmissionItem(submission=submission, delivery=row) for row in deliveries
    )
    return moved


def hold(deliveries: Sequence[Delivery], until: datetime | None, words: str) -> None:
    """Say why queued deliveries wait, and until when. No status changes."""
    Delivery.objects.filter(pk__in=[row.pk for row in deliveries], status=D.QUEUED).update(
        not_before=until, hold=words[:200]
    )


def hold_account(row: Delivery, until: datetime, words: str) -> None:
    """Hold this one, and all else that is due on its account before then: none of it can go sooner, and a
    long queue is not to be tried post by post. What somebody else has just locked is left to the next try."""
    hold([row], until, words)
    queue = Delivery.objects.filter(channel=row.channel_id, status=D.QUEUED, due_at__lt=until)
    sooner = queue.filter(Q(not_before=None) | Q(not_before__lt=until)).exclude(pk=row.pk)
    free = sooner.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
    Delivery.objects.filter(pk__in=list(free), status=D.QUEUED).update(not_before=until, hold=words[:200])
