"""What an approval would run into, told before it is given: the day's room on each channel, the minute's gap,
the connection's end, and Publer's limit of calls."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from integrations.ratelimit import LimiterState
from social import networks
from social.models import Channel, Delivery
from social.moments import moment, span
from social.publishing.resuming import DAY, Lane

D = Delivery.Status

SCARCE = 0.8
"""From this part of a day's room on it is told with a meter."""


@dataclass(frozen=True)
class Line:
    """One fact of the forecast. `sign`: a network or "publer". `used` and `limit` make a meter, where they
    are scarce. `blocks`: an approval needs a reason to go on in spite of it."""

    sign: str
    words: str
    figure: str
    used: int = 0
    limit: int = 0
    blocks: bool = False

    @property
    def scarce(self) -> bool:
        """Whether there is a meter to show."""
        return self.limit > 0 and self.used >= SCARCE * self.limit


def forecast(
    channels: Collection[Channel],
    at: datetime | None,
    now: datetime,
    *,
    post: int | None = None,
    limiter: LimiterState | None = None,
) -> list[Line]:
    """The forecast of a post on these channels at its time, or at once (None): two queries.

    `limiter`: what is known of Publer's limit; None tells nothing of it.
    """
    goes = max(at, now) if at else now
    times = _times(channels, (goes, goes), [] if post is None else [post])
    lines = [line for channel in channels if (line := _day(channel, times[channel.pk], goes)) is not None]
    lines += _gaps(channels, times, goes)
    lines += _ends(channels, goes)
    return [*lines, _calls(len(channels), goes, now, limiter)] if channels else lines


def forecast_of_many(posts: Collection[int], now: datetime, limiter: LimiterState | None) -> list[Line]:
    """The forecast of all that is queued of these posts, in sum; the number of queries does not grow with
    them."""
    queued = Delivery.objects.filter(post__in=posts, status=D.QUEUED).order_by("due_at", "pk")
    rows = list(queued.select_related("channel__connection__credential"))
    if not rows:
        return []
    channels = {row.channel_id: row.channel for row in rows}
    times = _times(channels.values(), (rows[0].due_at, rows[-1].due_at), posts)
    goes = [max(row.due_at, now) for row in rows]
    lines = [_when(goes, now), *(_later(channel, rows, times[pk], now) for pk, channel in channels.items())]
    lines.append(_ends_before(rows, channels.values()))
    return [line for line in lines if line is not None] + [_calls(len(rows), goes[0], now, limiter, posts)]


def _when(goes: Sequence[datetime], now: datetime) -> Line:
    first, last = (moment(at) if at > now + timedelta(minutes=1) else "at once" for at in (goes[0], goes[-1]))
    return Line("publer", "All of them" if first == last else f"The first {first}, the last", last)


def _later(
    channel: Channel, rows: Sequence[Delivery], times: Sequence[datetime], now: datetime
) -> Line | None:
    """How many have no room there at their time, one after the other."""
    limit = networks.daily_limit(channel.network, channel.kind, settings.PUBLER_PLAN)
    gap = timedelta(seconds=settings.PUBLISH_GAP_SECONDS)
    lane, late, last, full = Lane(list(times), limit), 0, now, False
    for row in rows:
        if row.channel_id != channel.pk:
            continue
        wanted = at = max(row.due_at, now)
        while (free := lane.free_from(at, gap)) > at:
            full = full or free - at > gap
            at = free
        lane.take(at)
        if at > wanted:
            late, last = late + 1, max(last, at)
    if not late:
        return None
    words = f"{limit} in 24 hours" if full else f"One every {span(gap.total_seconds())}"
    return Line(
        channel.network, f"{words}: {late:,} {'goes' if late == 1 else 'go'} later", f"until {moment(last)}"
    )


def _ends_before(rows: Sequence[Delivery], channels: Collection[Channel]) -> Line | None:
    ends = end_of(channels)
    if ends is None or ends > rows[-1].due_at:
        return None
    number = sum(row.due_at >= ends for row in rows)
    return Line("publer", f"The connection ends before {number:,} of them", moment(ends), blocks=True)


def _times(
    channels: Collection[Channel], span_of_time: tuple[datetime, datetime], but_for: Collection[int]
) -> Mapping[int, list[datetime]]:
    """When something goes or went public on each, from a day before until a day after, but for those of some
    posts: one query."""
    times: dict[int, list[datetime]] = {channel.pk: [] for channel in channels}
    near = (span_of_time[0] - DAY, span_of_time[1] + DAY)
    taken = Q(status__in=[*Delivery.IN_AIR, D.SCHEDULED, D.PUBLISHED], goes_at__range=near)
    planned = Q(status=D.QUEUED, due_at__range=near)
    rows = Delivery.objects.filter(taken | planned, channel__in=times).exclude(post__in=but_for)
    for channel, status, due_at, goes_at in rows.order_by().values_list(
        "channel_id", "status", "due_at", "goes_at"
    ):
        at = due_at if status == D.QUEUED else goes_at
        if at is not None:
            times[channel].append(at)
    return {pk: sorted(found) for pk, found in times.items()}


def _day(channel: Channel, times: Sequence[datetime], goes: datetime) -> Line | None:
    limit = networks.daily_limit(channel.network, channel.kind, settings.PUBLER_PLAN)
    if limit is None:
        return None
    free = Lane(list(times), limit).free_from(goes, timedelta())
    used = limit if free > goes else min(limit - 1, _most_around(times, goes))
    left, figure = limit - used, f"{used} of {limit} used"
    if not left:
        return Line(channel.network, f"Full: next free {moment(free)}", figure, used, limit, blocks=True)
    if left == 1:
        words = "Last free one that day"
    elif used >= SCARCE * limit:
        words = f"{left} left that day"
    else:
        words = "Plenty left"
    return Line(channel.network, words, figure, used, limit)


def _most_around(times: Sequence[datetime], goes: datetime) -> int:
    """The most that stand in any 24 hours around that moment."""
    return max(
        (sum(first <= one < first + DAY for one in times) for first in times if first <= goes < first + DAY),
        default=sum(goes <= one < goes + DAY for one in times),
    )


def _gaps(
    channels: Collection[Channel], times: Mapping[int, Sequence[datetime]], goes: datetime
) -> list[Line]:
    gap = timedelta(seconds=settings.PUBLISH_GAP_SECONDS)
    lines = []
    for channel in channels:
        near = [one for one in times[channel.pk] if goes - gap < one < goes + gap]
        if near:
            later = span(max(1.0, (near[-1] + gap - goes).total_seconds()))
            words = f"Another goes out at {moment(near[-1])}"
            lines.append(Line(channel.network, words, f"{later} later"))
    return lines


def _ends(channels: Collection[Channel], goes: datetime) -> list[Line]:
    """That the connection ends before its time; of a connection that holds nothing is told here."""
    ends = end_of(channels)
    if ends is None or ends > goes:
        return []
    return [Line("publer", "The connection ends before it", moment(ends), blocks=True)]


def end_of(channels: Collection[Channel]) -> datetime | None:
    """When the connection of these channels ends or ended, where that is known. No query where their
    connections were read with their credentials."""
    credentials = [getattr(channel.connection, "credential", None) for channel in channels]
    ends = [one.ended_at or one.ends_at for one in credentials if one is not None]
    return None if settings.PUBLER_API_KEY else min((end for end in ends if end), default=None)


def _calls(
    number: int, goes: datetime, now: datetime, limiter: LimiterState | None, but_for: Collection[int] = ()
) -> Line:
    calls = -(-number // settings.PUBLER_BULK_SIZE)
    what = f"{number} post{'' if number == 1 else 's'} in {calls} call{'' if calls == 1 else 's'}"
    lead = timedelta(seconds=settings.HANDOVER_LEAD_SECONDS)
    due = Delivery.objects.filter(status=D.QUEUED, due_at__lte=min(goes, now + lead))
    ahead = due.exclude(post__in=but_for).count()
    if limiter is None:
        return Line("publer", what, "")
    free = _free_at(limiter, now, calls + -(-ahead // settings.PUBLER_BULK_SIZE))
    if goes > now + lead or free is None:
        return Line("publer", what, "no wait")
    return Line("publer", f"{what}, {ahead} before it" if ahead else what, _wait(free, now))


def _free_at(limiter: LimiterState, now: datetime, calls: int) -> datetime | None:
    """When the limit has let so many calls go; None where it does now."""
    held = [one for one in (limiter.paused_until,) if one and one > now]
    short = calls - (calls if limiter.remaining is None else limiter.remaining)
    if short > 0 and limiter.resets_at and limiter.resets_at > now:
        windows = -(-short // max(1, limiter.limit))
        held.append(limiter.resets_at + (windows - 1) * timedelta(seconds=settings.PUBLER_RATE_PERIOD))
    return max(held, default=None)


def _wait(free: datetime, now: datetime) -> str:
    return f"about {span((free - now).total_seconds())}"
