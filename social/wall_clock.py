"""Times as a clock on the wall shows them, and the nights on which one of them is not one moment."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone


def shop_zone() -> ZoneInfo:
    """The zone in which the shop's days and posting slots are meant."""
    return ZoneInfo(settings.SHOP_TIME_ZONE)


def on_the_clock(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which a clock of this zone shows this time of this day.

    Of an hour that comes twice it is the first; of one that is left out it is as long after the change (02:30
    becomes 03:30).
    """
    return datetime.combine(day, at.replace(fold=0), zone).astimezone(UTC)


def begins(day: date, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) of a day."""
    return on_the_clock(day, time(), zone)


def comes_twice(local: datetime) -> bool:
    """Whether the clock shows this time a second time that night (of a moment in its own zone)."""
    early, late = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
    return early is not None and late is not None and early > late


def is_left_out(wall: datetime) -> bool:
    """Whether the clock never shows this: it goes forward over it (`wall` names its zone)."""
    early, late = (wall.replace(fold=fold).utcoffset() for fold in (0, 1))
    return early is not None and late is not None and early < late


def beside(at: datetime) -> str:
    """What the shop's clock shows at this moment, where that is not what the reader's shows; else ""."""
    own, theirs = timezone.localtime(at), at.astimezone(shop_zone())
    if own.utcoffset() == theirs.utcoffset():
        return ""
    days = (theirs.date() - own.date()).days
    day = "" if not days else f"{theirs:%a} "
    return f"{day}{theirs:%H:%M} {place(shop_zone())}"


def place(zone: ZoneInfo) -> str:
    """A zone as people say it: "Berlin", "New York"."""
    return str(zone.key).rsplit("/", 1)[-1].replace("_", " ")


def which(local: datetime) -> str:
    """Which of two it is, where the clock shows this time twice that night: " CEST"; else ""."""
    return f" {local.tzname()}" if comes_twice(local) else ""


def left_out_words(wall: datetime) -> str:
    """Why this time cannot be chosen, and which one can (`wall` names its zone)."""
    next_time = wall.replace(fold=0).astimezone(UTC).astimezone(wall.tzinfo)
    return (
        f"{wall:%H:%M} does not exist on {wall.day} {wall:%B}: the clocks go forward over it that night. "
        f"Choose {next_time:%H:%M}, or another time."
    )


def a_week_of(day: date) -> list[date]:
    """Monday to Sunday of the week in which a day lies."""
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=n) for n in range(7)]
