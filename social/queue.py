"""The queue as people and programs read it: how much waits and since when, for what, and what is in the air.

However long it is, a page reads no more than its head; depth and age are exact, from the queue's own index.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Case, CharField, Count, F, Min, Q, QuerySet, TextField, Value, When

from integrations.connections import Connection
from social.explain import Situation, Waiting, delivery_waits
from social.models import Channel, Delivery, Post

D = Delivery.Status

HEAD = 5_000
"""So many of those that wait, the first due first, are told apart by what they wait for."""
IN_AIR = 200
"""So many of those in the air are read, those that left first."""
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Depth:
    """How many deliveries are approved and not sent yet, and when the first of them is due."""

    depth: int
    oldest_due_at: datetime | None

    def age(self, now: datetime) -> float | None:
        """Seconds that the oldest has waited since it was due; None where none is due."""
        oldest = self.oldest_due_at
        return (now - oldest).total_seconds() if oldest and oldest <= now else None


def depth() -> Depth:
    """One query, answered by the queue's index."""
    found = Delivery.objects.filter(status=D.QUEUED).aggregate(depth=Count("pk"), oldest=Min("due_at"))
    return Depth(found["depth"], found["oldest"])


def oldest_due_at() -> datetime | None:
    """When the first that waits is due. One query, that reads one row."""
    return _queued().values_list("due_at", flat=True).first()


def next_due(now: datetime) -> Delivery | None:
    """What goes next of what is not due yet."""
    rows = Delivery.objects.filter(status=D.QUEUED, due_at__gt=now).order_by("due_at", "id")
    return rows.select_related("post__revision", "channel").first()


# ------------------------------------------------------------------------------------------ reasons
@dataclass(frozen=True)
class Reason:
    """What some deliveries wait for: the sentence of the first of them, how many they are, since when the
    oldest is due, and until when they wait. `decision`: what only a person can do about them: "late" (say
    whether they still go out), "unsure" (say whether they are live), "connect" (their workspace), or ""."""

    words: str
    kind: str
    count: int
    oldest: datetime
    until: datetime | None = None
    networks: frozenset[str] = field(default=frozenset())
    decision: str = ""


def reasons(situation: Situation, in_air: Iterable[Delivery] = ()) -> list[Reason]:
    """What the head of the queue, and these in the air, wait for, by the sentence that each of them has. One
    query. What waits for a person first, then what has waited for longest."""
    found = [(row, count) for row, count in _alike(situation)] + [(row, 1) for row in in_air]
    by_kind: dict[str, Reason] = {}
    for row, count in found:
        waits = delivery_waits(row, situation)
        one = Reason(
            waits.words,
            waits.kind,
            count,
            _since(row),
            waits.until,
            frozenset({row.channel.network}),
            _decision(row, waits, situation),
        )
        key = waits.kind or waits.words
        by_kind[key] = _both(by_kind[key], one) if key in by_kind else one
    return sorted(by_kind.values(), key=lambda reason: (not reason.decision, reason.oldest))


def _alike(situation: Situation) -> Iterable[tuple[Delivery, int]]:
    """Of deliveries that wait for the same, one that stands for all, and how many they are."""
    now = situation.now
    late = now - timedelta(seconds=settings.LATE_AFTER_SECONDS)
    ahead = now + timedelta(seconds=settings.HANDOVER_LEAD_SECONDS)
    held = Q(not_before__gt=now)
    rows = (
        Delivery.objects.filter(pk__in=_queued().values("pk")[:HEAD])
        .annotate(
            stage=Case(
                When(due_at__lt=late, then=Value("late")),
                When(held, then=Value("held")),
                When(due_at__gt=ahead, then=Value("ahead")),
                When(due_at__gt=now, then=Value("soon")),
                default=Value("now"),
                output_field=CharField(),
            ),
            why=Case(
                When(held & ~Q(hold=""), then=F("hold")),
                When(held, then=F("problem")),
                default=Value(""),
                output_field=TextField(),
            ),
        )
        .order_by()
        .values(
            *("stage", "why", "post__change", "channel_id", "channel__network", "channel__name"),
            *("connection_id", "connection__name", "connection__workspace"),
        )
        .annotate(count=Count("pk"), oldest=Min("due_at"), first_try=Min("not_before"))
    )
    for row in rows:
        yield (
            Delivery(
                status=D.QUEUED,
                due_at=row["oldest"],
                not_before=row["first_try"] if row["stage"] == "held" else None,
                hold=row["why"],
                post=Post(change=row["post__change"]),
                channel=Channel(
                    pk=row["channel_id"], network=row["channel__network"], name=row["channel__name"]
                ),
                connection=Connection(
                    pk=row["connection_id"],
                    name=row["connection__name"],
                    workspace=row["connection__workspace"],
                ),
            ),
            row["count"],
        )


def _queued() -> QuerySet[Delivery]:
    return Delivery.objects.filter(status=D.QUEUED).order_by("due_at", "id")


def _both(one: Reason, other: Reason) -> Reason:
    """Two of a kind, told by the sentence of the one whose moment comes first."""
    first = min(one, other, key=lambda reason: (reason.until or _NEVER, reason.oldest))
    return replace(
        first,
        count=one.count + other.count,
        oldest=min(one.oldest, other.oldest),
        networks=one.networks | other.networks,
    )


def _since(row: Delivery) -> datetime:
    return row.due_at if row.status == D.QUEUED else in_air_since(row)


def _decision(row: Delivery, waits: Waiting, situation: Situation) -> str:
    if row.decide:
        return "unsure"
    if row.status != D.QUEUED:
        return ""
    if waits.kind == "late":
        return "late"
    here = situation.connection
    return "" if here is None or here.pk == row.connection_id else "connect"


# ---------------------------------------------------------------------------------------- in the air
def in_air() -> list[Delivery]:
    """What is being sent, is with the provider, or is not confirmed: at most `IN_AIR`, the first that left
    first. One query."""
    rows = Delivery.objects.filter(status__in=Delivery.IN_AIR).order_by("submission_id", "id")
    rows = rows.select_related("post__revision", "channel", "connection", "submission")
    return list(rows.defer("submission__body", "submission__answer")[:IN_AIR])


def in_air_since(row: Delivery) -> datetime:
    """When it left, or since when it is looked for."""
    if row.submission is not None:
        return row.submission.stamped_at
    return row.quiet_from or row.due_at
