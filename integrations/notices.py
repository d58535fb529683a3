"""What operators are told: each occasion once, however often and by however many processes it is noticed.

A notice is about a connection, or an alarm: something of HotDash's own that fell silent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from integrations.connections import Connection

log = structlog.get_logger("hotdash.notices")

KEPT = timedelta(days=90)
"""So long an alarm that is over stays to be looked up."""


class Notice(models.Model):
    """One occasion. `about` names it: the same one is not told again while it lasts.

    `headline` may hold "{since}", where the moment is said in the reader's zone. `told_at` is empty while it
    was only seen: what lasts no longer than a moment is not told.
    """

    class Kind(models.TextChoices):
        REFUSED = "refused", "refused"
        ENDING = "ending", "about to end"
        SILENT = "silent", "silent"

    connection = models.ForeignKey(
        Connection, models.CASCADE, null=True, blank=True, related_name="notices", help_text="none: an alarm"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    about = models.CharField(max_length=60)
    headline = models.CharField(max_length=200, blank=True)
    words = models.TextField()
    since = models.DateTimeField(default=timezone.now, help_text="since when it is so")
    seen_at = models.DateTimeField(default=timezone.now, help_text="when it was first noticed")
    told_at = models.DateTimeField(null=True, blank=True)
    over_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "about"], name="told_once_an_occasion"),
            models.UniqueConstraint(
                fields=["about"], condition=Q(kind="silent", over_at=None), name="one_open_alarm"
            ),
            models.CheckConstraint(
                condition=Q(kind="silent", connection=None) | ~Q(kind="silent") & Q(connection__isnull=False),
                name="an_alarm_has_no_connection",
            ),
        ]
        ordering = ["-told_at", "-id"]

    def __str__(self) -> str:
        return self.words


def tell(connection: Connection, kind: Notice.Kind, about: str, words: str) -> bool:
    """Tell operators; False where they were told of this occasion before."""
    now = timezone.now()
    defaults = {"words": words, "since": now, "seen_at": now, "told_at": now}
    notice, new = Notice.objects.get_or_create(
        connection=connection, kind=kind, about=about[:60], defaults=defaults
    )
    if new:
        over(connection, kind, but=notice)
        log.warning("operators told", provider=connection.provider, kind=str(kind), words=words)
    return new


def over(connection: Connection, *kinds: Notice.Kind, but: Notice | None = None) -> None:
    """It is no longer so."""
    rows = Notice.objects.filter(connection=connection, over_at=None, kind__in=kinds or list(Notice.Kind))
    (rows.exclude(pk=but.pk) if but else rows).update(over_at=timezone.now())


# ------------------------------------------------------------------------------------------- alarms
@dataclass(frozen=True)
class Alarm:
    """Something that is silent at this moment.

    `since`: None where only its first sight can say so. `lasting`: seconds that it has to last from its first
    sight on before anybody is told.
    """

    about: str
    headline: str
    words: str
    since: datetime | None = None
    lasting: float = 0.0


def open_alarms() -> list[Notice]:
    """Those that were told and are not over, the oldest first, as they were last written down."""
    rows = Notice.objects.filter(kind=Notice.Kind.SILENT, over_at=None, told_at__isnull=False)
    return list(rows.order_by("since", "id"))


def sound(alarms: Sequence[Alarm], now: datetime) -> list[Notice]:
    """Write down what is silent as of `now` (the database's clock, read before it was looked for): tell what
    is new, end what is over. Returns those that are told, the oldest first.

    Any number of processes may do so at once. What a later look has found out stands.
    """
    known = {row.about: row for row in Notice.objects.filter(kind=Notice.Kind.SILENT, over_at=None)}
    told = []
    for alarm in alarms:
        row = known.pop(alarm.about, None) or _begun(alarm, now)
        if row is not None and _brought_up(row, alarm, now):
            told.append(row)
    for row in known.values():
        _ended(row, now)
    return sorted(told, key=lambda row: (row.since, row.pk))


def _begun(alarm: Alarm, now: datetime) -> Notice | None:
    """Its row; None where a look that began later has found that it is over."""
    rows = Notice.objects.filter(kind=Notice.Kind.SILENT, about=alarm.about)
    if rows.filter(over_at__gte=now).exists():
        return None
    try:
        with transaction.atomic():
            return Notice.objects.create(
                kind=Notice.Kind.SILENT,
                about=alarm.about,
                headline=alarm.headline,
                words=alarm.words,
                since=alarm.since or now,
                seen_at=now,
            )
    except IntegrityError:  # another process saw it at the same moment
        return rows.filter(over_at=None).first()


def _brought_up(row: Notice, alarm: Alarm, now: datetime) -> bool:
    """Whether it is told, be it just now."""
    rows = Notice.objects.filter(pk=row.pk, over_at=None)
    if (row.headline, row.words) != (alarm.headline, alarm.words):
        row.headline, row.words = alarm.headline, alarm.words
        rows.update(headline=row.headline, words=row.words)
    if row.told_at is None and now - row.seen_at >= timedelta(seconds=alarm.lasting):
        row.told_at = now
        if rows.filter(told_at=None).update(told_at=now):
            log.warning("operators told", kind="silent", about=row.about, words=row.words)
    return row.told_at is not None


def _ended(row: Notice, now: datetime) -> None:
    rows = Notice.objects.filter(pk=row.pk, over_at=None, seen_at__lt=now)
    if row.told_at is None:
        rows.filter(told_at=None).delete()
    elif rows.update(over_at=now):
        log.warning("operators told", kind="over", about=row.about)


def forget(now: datetime) -> None:
    """Drop alarms that have been over for long."""
    Notice.objects.filter(kind=Notice.Kind.SILENT, over_at__lt=now - KEPT).delete()
