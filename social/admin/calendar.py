"""The calendar: a month or a week of posts by the person's own clock, and moving one to another time.

Names for scripts: `month` (`2026-11`), `week` (a day in it), `channel` (its id); of a move, `post` and
`shown_hash`, with `day` (the time of day stays), `at` (`2026-11-24T12:00`, in the person's zone, or with an
offset) or `slot` (any value: the next free one), and `meant` (what the page said that it costs).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseRefusal
from django.db.models import Count, F, Prefetch, Q, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber, TruncDate
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views import View

from social import networks, workflow
from social.admin.post_actions import DATABASE_WORDS, actor_of, log
from social.admin.post_list import label_for
from social.admin.post_page import MOVED, time_of
from social.admin.situation import situation_of
from social.models import Blackout, Channel, Delivery, Post, RevisionMedia
from social.moments import moment
from social.wall_clock import a_week_of, begins, beside, is_left_out, on_the_clock, which
from social.workflow import Actor, Cost, Refusal, planning
from social.workflow.moving import foresee

if TYPE_CHECKING:
    from social.admin.posts import PostAdmin

S, D = Post.Status, Delivery.Status
FEW, MANY = 4, 40
"""So many posts a day are drawn in a month (twice as many in this week), and in a week."""
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)
OUT = (S.PUBLISHED, S.PARTLY_PUBLISHED)
STRUCK = (S.CANCELLED, S.REJECTED)


@dataclass(frozen=True)
class Entry:
    """One post at its time, by the reader's clock; `beside` is the shop's, where that differs. `x`: where its
    time of day stands on a line of 192. `moves`: whether this person may give it another one."""

    post: Post
    at: datetime
    time: str
    beside: str
    x: float
    pill: str
    moves: bool

    @classmethod
    def of(cls, post: Any, person: User, now: datetime) -> Entry:
        rows, local = list(post.deliveries.all()), timezone.localtime(post.at)
        return cls(
            post=post,
            at=post.at,
            time=f"{local:%H:%M}{which(local)}",
            beside=beside(post.at),
            x=round((local.hour * 60 + local.minute) / 7.5, 1),
            pill=label_for(post, rows, None, now) or post.status,
            moves=_moves(post, rows, person),
        )

    @property
    def struck(self) -> bool:
        return self.post.status in STRUCK

    @property
    def channels(self) -> Sequence[Channel]:
        return self.post.content().addressed()


@dataclass(frozen=True)
class Day:
    """One day of the calendar. `words` tell what there is, `tone` is "amber" where it is full; `why`: what is
    kept free, `quiet`: all of it."""

    date: date
    entries: Sequence[Entry] = ()
    total: int = 0
    today: bool = False
    past: bool = False
    outside: bool = False
    words: str = ""
    tone: str = ""
    why: str = ""
    quiet: bool = False

    @property
    def more(self) -> int:
        return self.total - len(self.entries)


@dataclass(frozen=True)
class Week:
    """A row of the calendar: this week is high, one that is over and empty is flat."""

    days: Sequence[Day]

    @property
    def size(self) -> str:
        if any(day.today for day in self.days):
            return "hd-now"
        return "hd-flat" if self.days[-1].past and not any(day.total for day in self.days) else ""


@dataclass(frozen=True)
class Span:
    """What the page shows: a month, or one week."""

    shown: date
    by_week: bool
    days: Sequence[date]

    @classmethod
    def asked(cls, request: HttpRequest, today: date) -> Span:
        """What the address asks for; this month where it cannot be understood."""
        week = _date(request.GET.get("week", ""))
        if week is not None:
            return cls(week, True, a_week_of(week))
        first = (_date(f"{request.GET.get('month', '')}-01") or today).replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        start, end = a_week_of(first)[0], a_week_of(last)[-1]
        return cls(first, False, [start + timedelta(days=n) for n in range((end - start).days + 1)])

    @property
    def title(self) -> str:
        if not self.by_week:
            return f"{self.shown:%B} {self.shown.year}"
        first, last = self.days[0], self.days[-1]
        until = f"{last.day} {last:%B} {last.year}"
        return (
            f"{first.day} to {until}" if first.month == last.month else f"{first.day} {first:%B} to {until}"
        )

    def beside(self, step: int) -> str:
        """The address of the span before (-1) or after (1)."""
        if self.by_week:
            return f"week={self.shown + timedelta(days=7 * step)}"
        return f"month={(self.shown + timedelta(days=32 if step > 0 else -1)):%Y-%m}"


def _date(written: str) -> date | None:
    try:
        found = date.fromisoformat(written)
    except ValueError:
        return None
    return found if FIRST <= found < LAST else None


class _Calendar(View):
    """What all views of the calendar share."""

    post_admin: PostAdmin = None  # type: ignore[assignment]  # given to as_view()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.post_admin.has_view_permission(request):
            raise PermissionDenied("The calendar is for authors, approvers and operators.")
        return super().dispatch(request, *args, **kwargs)


class CalendarView(_Calendar):
    """A month, or a week; on a phone the days of one week."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        frame = self.post_admin.admin_site.each_context(request)
        now, today = situation_of(request).now, timezone.localdate()
        span = Span.asked(request, today)
        channels = list(Channel.objects.filter(active=True, connection__connected=True))
        chosen = next((one for one in channels if str(one.pk) == request.GET.get("channel")), None)
        page = _Page(span, today, now, chosen, channels, actor_of(request))
        days = page.days()
        by_date = {day.date: day for day in days}
        week = [by_date[each] for each in a_week_of(_in_view(span, today))]
        this_week = any(day.today for day in week)
        context = {
            **frame,
            "title": "Calendar",
            "is_fullwidth": "1",
            "span": span,
            "weeks": [Week(days[n : n + 7]) for n in range(0, len(days), 7)],
            "strip": week,
            "earlier": [day for day in week if day.past and this_week],
            "coming": [day for day in week if not (day.past and this_week)],
            "week_number": week[0].date.isocalendar().week,
            "before": {"wide": span.beside(-1), "phone": f"week={week[0].date - timedelta(days=7)}"},
            "after": {"wide": span.beside(1), "phone": f"week={week[0].date + timedelta(days=7)}"},
            "channels": channels,
            "chosen": chosen,
            "only": f"&channel={chosen.pk}" if chosen else "",
            "here": f"week={span.shown}" if span.by_week else f"month={span.shown:%Y-%m}",
            "as_month": f"month={span.shown:%Y-%m}",
            "as_week": f"week={_in_view(span, today)}",
            "now_here": f"week={today}" if span.by_week else f"month={today:%Y-%m}",
            "nothing": not any(day.total for day in days),
            "may_add": self.post_admin.has_add_permission(request),
            "clocks": bool(beside(now)),
        }
        return render(request, "social/calendar.html", context)


def _in_view(span: Span, today: date) -> date:
    """The day whose week stands above: today's, where it is shown."""
    return span.shown if span.by_week or today not in span.days else today


@dataclass
class _Page:
    """One request's posts, in four queries besides what they are drawn with."""

    span: Span
    today: date
    now: datetime
    chosen: Channel | None
    channels: Sequence[Channel]
    actor: Actor
    zone: ZoneInfo = field(default_factory=lambda: _zone())

    def days(self) -> list[Day]:
        entries, counts, full = self._entries(), self._counts(), self._full()
        quiet = planning.blackouts(self.starts, self.ends)
        return [self._day(each, entries, counts, full.get(each, ""), quiet) for each in self.span.days]

    @property
    def starts(self) -> datetime:
        return begins(self.span.days[0], self.zone)

    @property
    def ends(self) -> datetime:
        return begins(self.span.days[-1] + timedelta(days=1), self.zone)

    def _posts(self) -> QuerySet[Any]:
        """Those that have their time here, or went out here without one, each with its moment and day."""
        starts, ends = self.starts, self.ends
        timed = Q(scheduled_at__isnull=False, sort_at__gte=starts, sort_at__lt=ends)
        untimed = Q(scheduled_at=None, published_at__gte=starts, published_at__lt=ends)
        posts = Post.objects.filter(timed | untimed).exclude(revision=None)
        if self.chosen is not None:
            posts = posts.filter(revision__channels=self.chosen)
        at = Coalesce(F("scheduled_at"), F("published_at"))
        return posts.annotate(at=at, day=TruncDate(at, tzinfo=self.zone)).order_by()

    def _entries(self) -> Mapping[date, list[Entry]]:
        """The first of each day, as many as are drawn."""
        most = MANY if self.span.by_week else 2 * FEW
        number = Window(RowNumber(), partition_by=[F("day")], order_by=[F("at"), F("pk")])
        posts = (
            self._posts()
            .annotate(number=number)
            .filter(number__lte=most)
            .select_related("revision", "author", "token")
            .prefetch_related(
                "revision__channels",
                Prefetch("revision__revision_media", RevisionMedia.objects.order_by("position")),
                "deliveries",
            )
        )
        days: dict[date, list[Entry]] = defaultdict(list)
        for post in sorted(posts, key=lambda post: (post.at, post.pk)):
            days[post.day].append(Entry.of(post, self.actor.person, self.now))
        return days

    def _counts(self) -> Mapping[date, Mapping[str, int]]:
        """How many there are of each status on each day."""
        rows = self._posts().values("day", "status").annotate(number=Count("pk"))
        counts: dict[date, dict[str, int]] = defaultdict(dict)
        for row in rows.values_list("day", "status", "number"):
            counts[row[0]][row[1]] = row[2]
        return counts

    def _full(self) -> Mapping[date, str]:
        """The networks whose account takes no more post on a day."""
        limits = {
            channel.pk: (channel.network_name, limit)
            for channel in self.channels
            if (limit := networks.daily_limit(channel.network, channel.kind, settings.PUBLER_PLAN))
        }
        rows = self._posts().filter(status__in=planning.TAKES_A_SLOT, revision__channels__in=list(limits))
        counted = rows.values("day", "revision__channels").annotate(number=Count("pk"))
        names: dict[date, list[str]] = defaultdict(list)
        for day, pk, number in counted.values_list("day", "revision__channels", "number"):
            name, limit = limits[pk]
            if number >= limit:
                names[day].append(name)
        return {day: f"{', '.join(sorted(set(found)))} full" for day, found in names.items()}

    def _day(
        self,
        each: date,
        entries: Mapping[date, Sequence[Entry]],
        counts: Mapping[date, Mapping[str, int]],
        full: str,
        quiet: Iterable[Blackout],
    ) -> Day:
        there, found = counts.get(each, {}), entries.get(each, ())
        this_week = each in a_week_of(self.today)
        most = MANY if self.span.by_week else 2 * FEW if this_week else FEW
        if not self.span.by_week and not this_week and len(found) > most:
            found = found[: most - 1]  # the last line says how many more there are
        why, whole = self._quiet(each, quiet)
        past, total = each < self.today, sum(there.values())
        words = _words(there, total, each, self.today)
        if full and not past:
            words = full
        elif whole and not total:
            words = "quiet day"
        tone = "amber" if words == full and full else ""
        outside = not self.span.by_week and each.month != self.span.shown.month
        return Day(each, found, total, each == self.today, past, outside, words, tone, why, whole)

    def _quiet(self, each: date, quiet: Iterable[Blackout]) -> tuple[str, bool]:
        """What is kept free on a day, and why ("" where nothing is); whether that is all of it, for all that
        is shown."""
        starts, ends = begins(each, self.zone), begins(each + timedelta(days=1), self.zone)
        shown = [self.chosen.pk] if self.chosen else [channel.pk for channel in self.channels]
        told, whole = [], False
        for row in quiet:
            if not row.concerns(shown) or row.starts_at >= ends or row.ends_at <= starts:
                continue
            of_all = row.channel_id is None or self.chosen is not None
            all_day = row.starts_at <= starts and row.ends_at >= ends
            whole |= of_all and all_day
            where = "" if of_all or row.channel is None else f"{row.channel.network_name}: "
            told.append(where + row.reason + ("" if all_day else f", {self._part(row, starts, ends)}"))
        return "; ".join(told), whole

    def _part(self, row: Blackout, starts: datetime, ends: datetime) -> str:
        first, last = (at.astimezone(self.zone) for at in (row.starts_at, row.ends_at))
        if row.starts_at <= starts:
            return f"to {last:%H:%M}"
        return f"from {first:%H:%M}" if row.ends_at >= ends else f"{first:%H:%M} to {last:%H:%M}"


def _zone() -> ZoneInfo:
    return timezone.get_current_timezone()


def _words(there: Mapping[str, int], total: int, each: date, today: date) -> str:
    if not total:
        return "" if each < today else "today, free" if each == today else "free"
    if each == today:
        return f"today, {_number(total, 'post')}"
    waiting, out = there.get(S.PENDING, 0), sum(there.get(status, 0) for status in OUT)
    if each > today:
        return f"{waiting} to decide" if waiting else _number(total, "post")
    parts = [(out, "out"), (there.get(S.REJECTED, 0), "rejected"), (there.get(S.FAILED, 0), "failed")]
    told = [f"{number} {word}" for number, word in parts if number]
    rest = total - sum(number for number, _ in parts)
    if rest:
        told.append(f"{rest} not sent")
    return ", ".join(told)


def _number(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _moves(post: Post, rows: Iterable[Delivery], person: User) -> bool:
    """Whether it is worth offering: the verb itself tests again."""
    if post.status == S.DRAFT:
        return person.has_perm("social.change_post")
    if post.status == S.PENDING:
        return person.has_perm("social.approve_post")
    statuses = {row.status for row in rows}
    if post.status != S.APPROVED or D.QUEUED not in statuses or statuses & {*Delivery.IN_AIR, D.SCHEDULED}:
        return False
    own = post.author_id == person.pk and person.has_perm("social.change_post")
    return own or person.has_perm("social.publish_post")


# ------------------------------------------------------------------------------------------- moving
class CostView(_Calendar):
    """What it would cost to give a post this time, in words; changes nothing."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> JsonResponse:
        post = _post(request.GET.get("post", ""))
        try:
            at, note = _asked(post, request.GET)
            seen = foresee(post, actor_of(request), at)
        except Refusal as refusal:
            return JsonResponse({"refused": str(refusal)})
        local = timezone.localtime(at)
        return JsonResponse(
            {
                "at": at.astimezone(UTC).isoformat(),
                "day": local.date().isoformat(),
                "time": f"{local:%H:%M}{which(local)}",
                "local": f"{local:%Y-%m-%dT%H:%M}",
                "move": f"{_said(post.scheduled_at)} to {_said(at)}" if post.scheduled_at else _said(at),
                "shops": beside(at),
                "words": f"{note} {seen.words}".strip(),
                "meant": seen.cost or "",
            }
        )


class MoveView(_Calendar):
    """Give a post another time; 409 with the reason where it cannot have it."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> JsonResponse:
        post, form = _post(request.POST.get("post", "")), request.POST
        try:
            if not form.get("shown_hash"):
                raise Refusal("The page did not say what it showed you: load it again, and look once more.")
            at, _ = _asked(post, form)
            meant = Cost(form["meant"]) if form.get("meant") in set(Cost) else None
            cost = workflow.reschedule(
                post.pk, actor_of(request), at, meant=meant, shown_hash=form["shown_hash"]
            )
        except Refusal as refusal:
            return JsonResponse({"words": str(refusal)}, status=409)
        except DatabaseRefusal:
            log.exception("the database refused a move", post=post.pk)
            return JsonResponse({"words": DATABASE_WORDS}, status=503)
        theirs = beside(at)
        when = f"{moment(at)} ({theirs})" if theirs else moment(at)
        return JsonResponse({"words": f"“{post.name}” moved to {when}{MOVED[cost]}"})


def _post(pk: str) -> Post:
    posts = Post.objects.select_related("revision").exclude(revision=None)
    post = posts.filter(pk=int(pk)).first() if pk.isascii() and pk.isdecimal() and len(pk) < 19 else None
    if post is None:
        raise Http404("There is no such post.")
    return post


def _asked(post: Post, said: Mapping[str, Any]) -> tuple[datetime, str]:
    """To when, and what is to be said about it: on another day it keeps its time of the person's clock."""
    if said.get("slot"):
        return planning.free_slot_or_why(list(post.content().channels.all()), but=post.pk), ""
    if not said.get("day"):
        return time_of(str(said.get("at") or "")), ""
    day = _date(str(said["day"]))
    if day is None or post.scheduled_at is None:
        raise Refusal("It is not said to which day: load the page again.")
    return _kept(post.scheduled_at, day, timezone.get_current_timezone())


def _kept(was: datetime, day: date, zone: tzinfo) -> tuple[datetime, str]:
    wall = was.astimezone(zone).time()
    at = on_the_clock(day, wall, cast(ZoneInfo, zone))
    if is_left_out(datetime.combine(day, wall, zone)):
        return at, f"{wall:%H:%M} does not exist that night, so {at.astimezone(zone):%H:%M}."
    return at, ""


def _said(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}{which(local)}"
