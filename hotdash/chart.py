"""What went out in the last days, as a drawing in its own measure (412 × 168)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from social.models import Delivery, Post

DAYS = 14
FLOOR, HEIGHT = 142, 140


@dataclass(frozen=True)
class Day:
    """One day: whole pixels in the drawing's own measure (412 × 168)."""

    day: date
    published: int
    failed: int
    x: int
    y: int
    height: int
    failed_y: int
    failed_height: int
    today: bool

    @property
    def middle(self) -> int:
        """Where the middle of its bar is."""
        return self.x + 8


@dataclass(frozen=True)
class Chart:
    """Posts that became public a day, and deliveries that failed. `top`: what the highest line stands for."""

    days: list[Day]
    total: int
    failed: int
    top: int

    @property
    def middle(self) -> int:
        """What the line between the lowest and the highest stands for."""
        return self.top // 2

    @property
    def label(self) -> str:
        """The numbers, for those who do not see the drawing."""
        first, last = self.days[0].day, self.days[-1].day
        numbers = ", ".join(str(one.published) for one in self.days)
        return f"Posts published a day, {first:%-d %B} to {last:%-d %B}: {numbers}"


def chart() -> Chart:
    """The last `DAYS` days in the reader's zone, by two range queries on indexes."""
    zone = timezone.get_current_timezone()
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    since = datetime.combine(days[0], datetime.min.time(), tzinfo=zone)
    published = _a_day(Post.objects.filter(published_at__gte=since), "published_at", zone)
    failed = _a_day(Delivery.objects.filter(status=Delivery.Status.FAILED, due_at__gte=since), "due_at", zone)
    most = max((published.get(day, 0) + failed.get(day, 0) for day in days), default=0)
    top = _round_top(most)
    bars = []
    for index, day in enumerate(days):
        good, bad = published.get(day, 0), failed.get(day, 0)
        height, bad_height = round(good / top * HEIGHT), max(8, round(bad / top * HEIGHT)) if bad else 0
        gap = 2 if good and bad else 0
        bars.append(
            Day(
                day=day,
                published=good,
                failed=bad,
                x=31 + index * 27,
                y=FLOOR - height,
                height=height,
                failed_y=max(0, FLOOR - height - gap - bad_height),
                failed_height=bad_height,
                today=day == today,
            )
        )
    return Chart(bars, sum(published.values()), sum(failed.values()), top)


def _a_day(rows: QuerySet[Any], field: str, zone: tzinfo) -> dict[date, int]:
    days = rows.order_by().annotate(day=TruncDate(field, tzinfo=zone)).values("day")
    return dict(days.annotate(n=Count("pk")).values_list("day", "n"))


def _round_top(most: int) -> int:
    """A round number, even, not below the highest day."""
    for step in (4, 10, 20, 40, 60, 80, 100, 200, 400, 600, 1000):
        if most <= step:
            return step
    return -(-most // 1000) * 1000
