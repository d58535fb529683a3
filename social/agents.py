"""Programs as people see them: what each may still propose today, and how its proposals fared."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import TruncWeek
from django.utils import timezone

from social.models import ApiToken, Approval, Post, Revision, Told

LOOKED_BACK = timedelta(days=30)
"""How far a record reaches."""
WEEKS = 6
AS_IT_WAS, WITH_EDITS, REJECTED = "as_it_was", "with_edits", "rejected"


# -------------------------------------------------------------------------------------------- quota
@dataclass(frozen=True)
class Quota:
    """Proposals of a day: how many may be made, and how many were. `seconds`: until the next day."""

    limit: int
    used: int
    resets_at: datetime
    seconds: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


def today() -> tuple[datetime, datetime]:
    """Where the shop's day begins and ends."""
    zone = ZoneInfo(settings.SHOP_TIME_ZONE)
    day = timezone.localdate(timezone=zone)
    return (
        datetime.combine(day, time.min, zone),
        datetime.combine(day + timedelta(days=1), time.min, zone),
    )


def quota_of(token: ApiToken) -> Quota | None:
    """What a program may still propose today; None where no quota is set."""
    if token.daily_quota is None:
        return None
    begins, ends = today()
    used = Post.objects.filter(token=token, created_at__gte=begins).order_by().count()
    seconds = max(1, int((ends - timezone.now()).total_seconds()))
    return Quota(token.daily_quota, used, ends, seconds)


def proposed_today(tokens: Iterable[ApiToken]) -> dict[int, int]:
    """By token: proposals of the shop's day."""
    begins, _ = today()
    return _counted(Post.objects.filter(token__in=tokens, created_at__gte=begins))


def waiting(tokens: Iterable[ApiToken]) -> dict[int, int]:
    """By token: proposals that wait for a decision."""
    return _counted(Post.objects.filter(token__in=tokens, status=Post.Status.PENDING))


def _counted(posts: QuerySet[Post]) -> dict[int, int]:
    return dict(posts.order_by().values_list("token").annotate(n=Count("pk")))


# ------------------------------------------------------------------------------------------- record
@dataclass(frozen=True)
class Record:
    """How proposals fared: approved as they were, approved with edits, rejected or sent back."""

    as_it_was: int = 0
    with_edits: int = 0
    rejected: int = 0

    @property
    def total(self) -> int:
        return self.as_it_was + self.with_edits + self.rejected

    @property
    def share(self) -> int:
        """Per cent that were approved as they were."""
        return round(100 * self.as_it_was / self.total) if self.total else 0


def decisions(tokens: Iterable[ApiToken], since: datetime) -> QuerySet[Any]:
    """What people decided about these programs' proposals, each with its `outcome`.

    As `social.feedback` tells it, without reading a text: content is compared by its hash.
    """
    proposed = (
        Revision.objects.filter(
            post=OuterRef("post"),
            number__lte=OuterRef("revision__number"),
            token=OuterRef("post__token"),
            created_by=OuterRef("post__author"),
            in_review=False,
        )
        .order_by("-number")
        .values("content_hash")[:1]
    )
    return (
        Approval.objects.filter(kept_from=None, post__token__in=tokens, created_at__gte=since)
        .annotate(proposed=Subquery(proposed))
        .annotate(
            outcome=Case(
                When(decision=Approval.Decision.REJECTED, then=Value(REJECTED)),
                When(Q(proposed=None) | Q(proposed=F("revision__content_hash")), then=Value(AS_IT_WAS)),
                default=Value(WITH_EDITS),
            )
        )
        .order_by()
    )


def records(tokens: Iterable[ApiToken], now: datetime) -> dict[int, Record]:
    """By token: how its proposals fared lately."""
    found: dict[int, dict[str, int]] = {}
    rows = decisions(tokens, now - LOOKED_BACK).values_list("post__token", "outcome")
    for token, outcome, count in rows.annotate(n=Count("pk")):
        found.setdefault(token, {})[outcome] = count
    return {token: Record(**counts) for token, counts in found.items()}


def weeks(token: ApiToken, now: datetime) -> list[Record]:
    """How its proposals fared week by week, the last of `WEEKS` weeks being this one."""
    this = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = this - timedelta(days=this.weekday())
    first = monday - timedelta(weeks=WEEKS - 1)
    found: dict[int, dict[str, int]] = {}
    rows = decisions([token], first).annotate(week=TruncWeek("created_at")).values_list("week", "outcome")
    for week, outcome, count in rows.annotate(n=Count("pk")):
        found.setdefault((week.date() - first.date()).days // 7, {})[outcome] = count
    return [Record(**found.get(number, {})) for number in range(WEEKS)]


def reasons(tokens: Iterable[ApiToken], now: datetime, most: int = 5) -> list[tuple[str, int]]:
    """What was rejected most, by the reason's first line, and how often."""
    counts: dict[str, tuple[str, int]] = {}
    rows = decisions(tokens, now - LOOKED_BACK).filter(decision=Approval.Decision.REJECTED)
    for reason, count in rows.values_list("reason").annotate(n=Count("pk")):
        line = reason.strip().splitlines()[0].strip().rstrip(".")
        words, before = counts.get(line.casefold(), (line, 0))
        counts[line.casefold()] = (words, before + count)
    return sorted(counts.values(), key=lambda one: (-one[1], one[0]))[:most]


def last_words(tokens: Iterable[ApiToken]) -> dict[int, Approval]:
    """By token: the last decision for which a person gave words."""
    last = (
        Approval.objects.filter(post__token=OuterRef("pk"), kept_from=None)
        .exclude(reason="")
        .order_by("-id")
        .values("pk")[:1]
    )
    ids = dict(
        ApiToken.objects.filter(pk__in=[token.pk for token in tokens])
        .order_by()
        .annotate(last=Subquery(last))
        .values_list("pk", "last")
    )
    rows = Approval.objects.select_related("user").in_bulk([pk for pk in ids.values() if pk])
    return {token: rows[pk] for token, pk in ids.items() if pk in rows}


# -------------------------------------------------------------------------------------------- told
def note_told(token: ApiToken, shown: Iterable[Approval]) -> None:
    """Remember that a program was told of decisions about its own proposals, and when for the first time."""
    own = {row.pk for row in shown if row.post.token_id == token.pk}
    new = own - set(Told.objects.filter(token=token, decision__in=own).values_list("decision", flat=True))
    if new:
        Told.objects.bulk_create(
            [Told(token=token, decision_id=pk) for pk in sorted(new)], ignore_conflicts=True
        )
