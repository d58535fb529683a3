"""Moments and spans of time as people say them, in the reader's zone."""

from datetime import datetime

from django.utils import timezone

from social.wall_clock import which


def moment(at: datetime) -> str:
    """A moment in the reader's zone: the time, with the day where it is not today."""
    local = timezone.localtime(at)
    days = (local.date() - timezone.localtime(timezone.now()).date()).days
    time = f"{local:%H:%M}{which(local)}"
    if days == 0:
        return time
    if days in (1, -1):
        return f"{'tomorrow' if days == 1 else 'yesterday'} {time}"
    return (
        f"{local.day} {local:%b}{'' if local.year == timezone.localtime().year else f' {local.year}'}, {time}"
    )


def dated(at: datetime) -> str:
    """As `moment`, with the day even where that is today."""
    today = timezone.localtime(at).date() == timezone.localdate()
    return f"today {moment(at)}" if today else moment(at)


def day(at: datetime) -> str:
    """The day of a moment in the reader's zone: "today", "21 Nov", "14 Jan 2027"."""
    local, today = timezone.localtime(at), timezone.localdate()
    if local.date() == today:
        return "today"
    return f"{local.day} {local:%b}{'' if local.year == today.year else f' {local.year}'}"


def span(seconds: float) -> str:
    """A span of time, rounded as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 36 * 3600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400)} days"
