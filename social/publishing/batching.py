"""What is sent next: which deliveries travel in one request. Planning only reads; the stamp decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.db.models import Min, OuterRef, Q, QuerySet, Subquery

from integrations.connections import Connection
from integrations.pausing import going
from integrations.publer.content import BulkPost, Entry, Kind, MediaItem, envelope, words
from integrations.ratelimit import Priority
from social.models import Channel, Delivery, Engine, RevisionMedia, Submission, Upload
from social.networks import kind_of

HELD_BACK = timedelta(seconds=90)
"""Publer takes no time less than a minute ahead: what is due sooner is held until due, and sent as "now"."""

PLANNED_BY = (
    *("post_id", "channel_id", "connection_id", "revision_id", "status"),
    *("at_once", "due_at", "timed", "not_before"),
)
"""What of a delivery decides about a plan; the stamp reads all of it, on the locked row."""
ORDER = ("-at_once", "due_at", "id")
"""What a person sends now goes before all; then the oldest due."""


@dataclass(frozen=True)
class Plan:
    """Deliveries for one request, no account twice, so that each failure names its delivery."""

    connection: Connection
    kind: Submission.Kind
    deliveries: tuple[Delivery, ...]

    @property
    def priority(self) -> Priority:
        """A person waits for what is sent at once: it may use the limiter's reserve."""
        return Priority.PERSON if any(row.at_once for row in self.deliveries) else Priority.BACKGROUND


def queued(connection: Connection, now: datetime) -> QuerySet[Delivery]:
    """What may be sent at this moment, in the order in which it goes."""
    late = now - timedelta(seconds=settings.LATE_AFTER_SECONDS)
    handover = now + timedelta(seconds=settings.HANDOVER_LEAD_SECONDS)
    return (
        Delivery.objects.filter(Q(not_before=None) | Q(not_before__lte=now))
        .filter(Q(due_at__lte=now) | Q(timed=True, due_at__gt=now + HELD_BACK, due_at__lte=handover))
        .filter(status=Delivery.Status.QUEUED, connection=connection, due_at__gte=late)
        # A held channel's rows are not looked through: however many, they keep no other channel waiting.
        .filter(going(now, "channel__"))
        .order_by(*ORDER)
    )


def first_of_each_account(connection: Connection, rows: QuerySet[Delivery]) -> list[Delivery]:
    """Of each account the one that goes first, in order: however much waits on one, the others are seen, and
    what waits behind it is not read."""
    first = rows.filter(channel=OuterRef("pk")).order_by(*ORDER).values("pk")[:1]
    channels = Channel.objects.filter(connection=connection).annotate(first=Subquery(first))
    pks = [pk for pk in channels.order_by().values_list("first", flat=True) if pk is not None]
    return list(Delivery.objects.filter(pk__in=pks).only(*PLANNED_BY).order_by(*ORDER))


def of_kind(rows: QuerySet[Delivery], kind: Submission.Kind, now: datetime) -> QuerySet[Delivery]:
    """As `kind_at`, of queued rows."""
    return rows.filter(due_at__gt=now) if kind == Submission.Kind.LATER else rows.filter(due_at__lte=now)


def is_late(row: Delivery, now: datetime) -> bool:
    """Whether it is not sent any more before a person says so."""
    return now > row.due_at + timedelta(seconds=settings.LATE_AFTER_SECONDS)


def next_moment(connection: Connection, now: datetime) -> datetime | None:
    """When the next queued delivery may be sent that may not be sent yet."""
    waiting = Delivery.objects.filter(status=Delivery.Status.QUEUED, connection=connection)
    moments = waiting.filter(Q(due_at__gt=now) | Q(not_before__gt=now)).aggregate(
        due=Min("due_at", filter=Q(due_at__gt=now)), held=Min("not_before", filter=Q(not_before__gt=now))
    )
    return min((moment for moment in moments.values() if moment is not None), default=None)


def kind_at(row: Delivery, now: datetime) -> Submission.Kind:
    """For later while its time is far enough ahead, else now."""
    return Submission.Kind.LATER if row.timed and row.due_at > now + HELD_BACK else Submission.Kind.NOW


def plan(connection: Connection, engine: Engine, now: datetime) -> Plan | None:
    """The next request, or None where nothing is due. Reads only."""
    if engine.is_paused(now) or connection.is_paused(now):
        return None
    if connection.not_before and connection.not_before > now:
        return None
    due = queued(connection, now)
    firsts = first_of_each_account(connection, due)
    if not firsts:
        return None
    kind = kind_at(firsts[0], now)
    if any(kind_at(row, now) != kind for row in firsts):
        firsts = first_of_each_account(connection, of_kind(due, kind, now))
    chosen: list[Delivery] = []
    posts: set[int] = set()
    for row in firsts:
        if row.post_id not in posts and len(posts) >= settings.PUBLER_BULK_SIZE:
            break
        chosen.append(row)
        posts.add(row.post_id)
        if connection.batch_limit and len(chosen) >= connection.batch_limit:
            break
    return Plan(connection, kind, tuple(chosen)) if chosen else None


def uploads_of(rows: Iterable[Delivery]) -> dict[str, Upload]:
    """Where the provider keeps the pictures of these deliveries (all of one connection), by their hash."""
    rows = list(rows)
    return {
        upload.media_id: upload
        for upload in Upload.objects.filter(
            connection__in={row.connection_id for row in rows},
            media__in=RevisionMedia.objects.filter(revision__in={row.revision_id for row in rows}).values(
                "media"
            ),
        )
        .select_related("media")
        .defer("media__content", "media__thumbnail")
    }


def entry_of(row: Delivery, kind: Submission.Kind, uploads: dict[str, Upload]) -> Entry:
    """The delivery in the provider's terms. Raises ValueError where it cannot be said in them."""
    revision, network = row.revision, row.channel.network
    media, link = [], revision.link_for(network)
    forms = []
    for picture in revision.pictures():
        upload = uploads.get(picture.media_id)
        if upload is None:
            raise ValueError("a picture of it is not at Publer")
        form = upload.media.content_type
        forms.append(form)
        kind_there = "gif" if form == "image/gif" else "photo"
        media.append(MediaItem(upload.provider_id, upload.path, kind_there, picture.alt_text))
    entry = Entry(
        account_id=row.channel.account_id,
        network=network,
        kind=cast(Kind, kind_of(network, forms, link)),
        text=revision.text_for(network),
        link=link,
        comment=revision.comment_for(network),
        media=tuple(media),
        scheduled_at=row.due_at if kind == Submission.Kind.LATER else None,
    )
    envelope([BulkPost((entry,))])
    return entry


def body_of(entries: Sequence[tuple[Delivery, Entry]]) -> dict[str, Any]:
    """The bulk request: one entry a post, with all its channels in this batch."""
    by_post: dict[int, list[Entry]] = {}
    for row, entry in entries:
        by_post.setdefault(row.post_id, []).append(entry)
    return envelope([BulkPost(tuple(of_post)) for of_post in by_post.values()])


def words_sent(row: Delivery) -> str:
    """The text as it is sent, and so as it will be listed."""
    revision = row.revision
    has_media, link = bool(revision.pictures()), revision.link_for(row.channel.network)
    return words(
        Entry(
            account_id=row.channel.account_id,
            network=row.channel.network,
            kind="photo" if has_media else ("link" if link else "status"),
            text=revision.text_for(row.channel.network),
            link=link,
        )
    )
