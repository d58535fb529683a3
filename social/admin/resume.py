"""The resume plan: what elapsed in a pause or an outage, what becomes of each post, and how it goes out.

Names for scripts, one of each a post (`ID`): `do_ID` (`send`, `move`, `drop`), `at_ID` (the time to move to,
`2026-11-24T12:00`, in the person's zone), `shown_ID` and `means_ID` (what the page showed, and what that
would cost); `drawn` (when); the buttons `all` (`proposed`, `send`, `move`, `drop`) and `go`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseRefusal
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import localtime
from django.views import View

from integrations.connections import Connection
from integrations.pausing import Pausable
from social import workflow
from social.admin.post_actions import DATABASE_WORDS, actor_of, log
from social.admin.situation import situation_of
from social.explain import Situation, moment, pause_words, span, what_stops_all
from social.models import Channel
from social.publishing import outbox, resuming
from social.publishing.resuming import Choice, Do, Item, Plan
from social.workflow import Cost, Refusal
from social.workflow.moving import reach
from social.workflow.pausing import PERMISSION, What

if TYPE_CHECKING:
    from social.admin.posts import PostAdmin

DECIDE = "social.publish_post"
"""Who may say what becomes of what is late."""
FRESH = timedelta(minutes=15)
"""An older page is drawn again before anything is done: its times are over."""
DOS: tuple[Do, ...] = ("send", "move", "drop")
_TIME = "%Y-%m-%dT%H:%M"


class ResumePlan(View):
    """GET and any POST but `go` only draw; `go` does what the page showed, post by post."""

    http_method_names = ["get", "post"]
    post_admin: PostAdmin = None  # type: ignore[assignment]  # given to as_view()

    def get(self, request: HttpRequest) -> HttpResponse:
        page = _Page(self.post_admin, request)
        return page.draw(page.elapsed_now(), {})

    def post(self, request: HttpRequest) -> HttpResponse:
        page = _Page(self.post_admin, request)
        if "go" not in request.POST:
            return page.draw(page.elapsed_now(), page.choices())
        if page.too_old():
            messages.warning(
                request, "The times on this page were over: look at the new ones, then press again."
            )
            return page.draw(page.elapsed_now(), page.choices())
        return page.go()


@dataclass(frozen=True)
class Row:
    """One post as the page shows it: `out` what becomes of it, `why` what that means for its approval."""

    item: Item
    late: str
    out: str
    why: str
    amber: bool
    at: str
    means: str


class _Page:
    """One request: who asks, what is to be resumed, and what the form says."""

    def __init__(self, post_admin: PostAdmin, request: HttpRequest) -> None:
        if not post_admin.has_view_permission(request) or not request.user.has_perm(DECIDE):
            raise PermissionDenied("Saying what becomes of what is late is for an approver or an operator.")
        self.site, self.request, self.actor = post_admin.admin_site, request, actor_of(request)
        self.frame = self.site.each_context(request)  # reads the situation, too
        self.situation: Situation = situation_of(request)
        self.now = self.situation.now
        self.what = _named(request)
        self.paused = self.target.is_paused(self.now)

    @property
    def target(self) -> Pausable:
        return self.situation.engine if self.what is None else self.what

    # ------------------------------------------------------------------------------- what is asked
    def elapsed_now(self) -> tuple[list[int], bool]:
        """The posts to decide about, and whether there are more than one page takes."""
        held = self.paused or what_stops_all(self.situation) is not None
        return resuming.posts_of(resuming.elapsed(self.now, self.what, held=held))

    def choices(self) -> dict[int, Choice]:
        """What the form says, of what can be understood. "All as proposed" says nothing."""
        form, chosen = self.request.POST, {}
        every = form.get("all", "")
        for key, said in form.items():
            pk = _number(key)
            if pk is None or every == "proposed":
                continue
            do = every or str(said)
            if do in DOS:
                chosen[pk] = Choice(do, _time(form.get(f"at_{pk}", "")) if do == "move" else None)
        return chosen

    def too_old(self) -> bool:
        drawn = self.drawn_at()
        return drawn is None or self.now - drawn > FRESH

    def drawn_at(self) -> datetime | None:
        try:
            return parse_datetime(self.request.POST.get("drawn", ""))
        except ValueError:
            return None

    # -------------------------------------------------------------------------------- what is done
    def go(self) -> HttpResponse:
        """Decide about each post as the page showed it; then let go on what is held, if nothing is left."""
        choices = self.choices()
        names = {post.pk: post.name for post in resuming.named_posts(list(choices)[: resuming.MOST])}
        ids = list(names)
        plan = resuming.plan(ids, choices, self.actor, self.now)
        done, left = _Done(), {}
        with outbox.one_nudge():
            for pk, item in {**dict.fromkeys(ids), **{item.post.pk: item for item in plan.items}}.items():
                try:
                    self._decide(pk, choices[pk], item, done)
                except Refusal as refusal:
                    left[pk] = str(refusal)
                except DatabaseRefusal:
                    log.exception("the database refused a decision", post=pk)
                    left[pk] = DATABASE_WORDS
        self._tell(done, {names[pk]: words for pk, words in left.items()})
        return self._after(bool(left))

    def _decide(self, pk: int, choice: Choice, item: Item | None, done: _Done) -> None:
        form, since = self.request.POST, self.drawn_at()
        shown = form.get(f"shown_{pk}", "")
        if not shown:
            raise Refusal("The page did not say what it showed you: look once more.")
        if choice.do == "drop":
            workflow.drop(pk, self.actor, shown=shown, since=since)
            done.dropped += 1
            return
        at = item.at if item is not None and choice.do == "send" else choice.at
        if choice.do == "move" and at is None:
            raise Refusal("Say to when it is moved: a date and a time.")
        # Of a post that waits no more, the verb says who was first.
        cost = workflow.move(pk, self.actor, at or self.now, meant=self._meant(pk), shown=shown, since=since)
        done.note(choice.do, cost, at or self.now)

    def _meant(self, pk: int) -> Cost:
        try:
            return Cost(self.request.POST.get(f"means_{pk}", ""))
        except ValueError:
            raise Refusal("The page did not say what that would cost: look once more.") from None

    def _tell(self, done: _Done, left: Mapping[str, str]) -> None:
        if done.words():
            messages.success(self.request, done.words())
        for name, words in list(left.items())[:10]:
            messages.warning(self.request, f"Left alone: “{name}”: {words}")
        if len(left) > 10:
            messages.warning(self.request, f"{len(left) - 10:,} more were left alone: they are listed again.")

    def _after(self, left: bool) -> HttpResponse:
        here = reverse("admin:social_post_resume") + resuming.named(self.what)
        if not self.paused:
            return HttpResponseRedirect(here if left else reverse("admin:index"))
        if not self.request.user.has_perm(PERMISSION):
            messages.info(self.request, f"{self.name} stays paused: an approver or an operator resumes it.")
            return HttpResponseRedirect(here)
        still = left and resuming.elapsed(self.now, self.what, held=True).exists()
        if still or self._more():
            messages.info(self.request, f"{self.name} stays paused until these are decided, too.")
            return HttpResponseRedirect(here)
        try:
            resuming.let_go(self.actor.person, self.what)
        except Refusal as refusal:
            messages.info(self.request, str(refusal))
        else:
            outbox.nudge()  # the calls go only now, where they were held
            messages.success(self.request, f"{self.name} goes on.")
        return HttpResponseRedirect(reverse("admin:index"))

    def _more(self) -> bool:
        """Whether there was more than one page takes, which nobody was shown."""
        drawn = self.drawn_at() or self.now
        rows = resuming.elapsed(drawn, self.what, held=True)
        return "more" in self.request.POST and rows.exists()

    # ----------------------------------------------------------------------------------- what is drawn
    @property
    def name(self) -> str:
        """What is held, as the page calls it."""
        if isinstance(self.what, Channel):
            return str(self.what)
        return self.what.get_provider_display() if isinstance(self.what, Connection) else "Publishing"

    def draw(self, elapsed: tuple[Sequence[int], bool], choices: Mapping[int, Choice]) -> HttpResponse:
        ids, more = elapsed
        request = self.request
        every = cast(Do, request.POST.get("all", "")) if request.method == "POST" else ""
        if every in DOS:
            choices = {pk: Choice(every) for pk in ids}
        plan = resuming.plan(ids, _timed(choices, ids, self.now), self.actor, self.now)
        others = set(self.situation.held) - ({self.what.pk} if isinstance(self.what, Channel) else set())
        rows = [_row(item, self.now, others) for item in plan.items]
        context = {
            **self.frame,
            "title": f"Resume {self._resumes}" if self.paused else "What is late",
            "is_fullwidth": "1",
            "paused": self.paused,
            "pause": pause_words("", self.target).removeprefix(" paused ").strip() if self.paused else "",
            "what": self.what,
            "here": reverse("admin:social_post_resume") + resuming.named(self.what),
            "rows": rows,
            "plan": plan,
            "sum": _sum(plan),
            "more": more,
            "lanes": chart(plan, self.now),
            "apart": span(resuming.apart().total_seconds()),
            "found": resuming.looked_for(self.situation.engine, self.now),
            "drawn": self.now.isoformat(),
            "all": every or ("" if choices else "proposed"),
            "stop": None if self.paused else what_stops_all(self.situation),
            "resume_form": self._resume_address,
            "may_resume": request.user.has_perm(PERMISSION),
        }
        part = bool(request.headers.get("HX-Request"))
        template = "social/resume_plan.html" if part else "social/resume.html"
        return render(request, template, {**context, "part": part})

    @property
    def _resumes(self) -> str:
        return "publishing" if self.what is None else self.name

    @property
    def _resume_address(self) -> str:
        """Where it is resumed when nothing has to be decided."""
        if isinstance(self.what, Channel):
            return reverse("admin:integrations_connection_resume_channel", args=[self.what.pk])
        if isinstance(self.what, Connection):
            return reverse("admin:integrations_connection_resume", args=[self.what.provider])
        return reverse("admin:resume_publishing")


def _named(request: HttpRequest) -> What | None:
    """What is to be resumed: everything, or what the address names."""
    for key, model in (("channel", Channel), ("connection", Connection)):
        pk = request.GET.get(key, "")
        if pk:
            rows: Any = model._default_manager.select_related("paused_by")
            found = (
                rows.filter(pk=int(pk)).first() if pk.isascii() and pk.isdecimal() and len(pk) < 19 else None
            )
            if found is None:
                raise Http404(f"There is no such {key}.")
            return cast(What, found)
    return None


def _number(key: str) -> int | None:
    """The post of a field's name."""
    pk = key.removeprefix("do_")
    return int(pk) if pk != key and pk.isascii() and pk.isdecimal() and len(pk) < 19 else None


def _time(said: str) -> datetime | None:
    try:
        at: datetime | None = forms.DateTimeField(required=False).clean(said)
    except forms.ValidationError:
        return None
    return at


def _timed(choices: Mapping[int, Choice], ids: Sequence[int], now: datetime) -> dict[int, Choice]:
    """A move without a time gets the one that is proposed; a choice about another post is none."""
    due = resuming.due_of([pk for pk in ids if pk in choices])
    return {
        pk: replace(choices[pk], at=resuming.next_time(due[pk], now))
        if choices[pk].do == "move" and choices[pk].at is None
        else choices[pk]
        for pk in due
    }


@dataclass
class _Done:
    """What was done, to be told."""

    sent: int = 0
    moved: int = 0
    dropped: int = 0
    asked: int = 0
    approved: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def note(self, do: Do, cost: Cost, at: datetime) -> None:
        self.asked += cost is Cost.ASKS
        self.approved += cost is Cost.APPROVES
        if do == "move":
            self.moved += 1
            return
        self.sent += 1
        if cost is not Cost.ASKS:
            self.first, self.last = min(self.first or at, at), max(self.last or at, at)

    def words(self) -> str:
        parts = []
        if self.sent:
            when = ""
            if self.first and self.last:
                when = f" at {moment(self.first)}"
                if self.last != self.first:
                    when = f" between {moment(self.first)} and {moment(self.last)}"
            parts.append(f"{self.sent} to be sent{when}")
        if self.moved:
            parts.append(f"{self.moved} moved")
        if self.dropped:
            parts.append(f"{self.dropped} dropped")
        if not parts:
            return ""
        words = f"{', '.join(parts)}."
        if self.approved:
            words += f" {self.approved} of them by your approval."
        if self.asked:
            words += f" {self.asked} wait{'s' if self.asked == 1 else ''} for a new approval."
        return words[0].upper() + words[1:]


# --------------------------------------------------------------------------------------------- words
def _sum(plan: Plan) -> str:
    words = [f"{do} {plan.number_of(do)}" for do in DOS if plan.number_of(do)]
    return ", ".join(words).capitalize()


def _row(item: Item, now: datetime, held: Collection[int]) -> Row:
    out, why, amber = _what_becomes(item, now, held)
    return Row(
        item=item,
        late=f"{_span((now - item.due_at).total_seconds())} late",
        out=out,
        why=why,
        amber=amber,
        at=localtime(item.at).strftime(_TIME) if item.do == "move" and item.at else "",
        means=item.cost.value if item.cost else "",
    )


def _span(seconds: float) -> str:
    """As people read lateness: "1 h 50 min"."""
    minutes = round(seconds / 60)
    if 60 <= minutes < 24 * 60 and minutes % 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return span(seconds)


def _what_becomes(item: Item, now: datetime, held: Collection[int]) -> tuple[str, str, bool]:
    """What becomes of it, what that means, and whether somebody should look twice. `held`: channels for which
    nothing goes out after this either."""
    if item.do == "drop":
        return "not sent", "It ends here; what is public elsewhere stays", False
    if item.at is None:
        return "Choose a time", "Say to when it is moved", True
    stays = next((channel for channel in item.channels if channel.pk in held), None)
    if stays is not None:
        return moment(item.at), f"{stays.network_name} is paused: not before it goes on", True
    if item.at <= now:
        return moment(item.at), "This time has passed: choose a later one", True
    rule = span(settings.TIME_MOVE_KEEPS_APPROVAL_MINUTES * 60)
    if item.cost is Cost.KEEPS:
        return moment(item.at), f"Within {rule} of its time: the approval holds", False
    what = reach(item.approved, item.at, item.blackouts)
    if item.cost is Cost.APPROVES:
        return moment(item.at), f"{what}: asks for a new approval, given by your press", True
    return moment(item.at), f"{what}: asks for a new approval by somebody else", True


# --------------------------------------------------------------------------------------------- lanes
STEPS = tuple(timedelta(minutes=minutes) for minutes in (10, 20, 30, 60, 120, 180, 360, 720, 1440, 2880))
TICKS = 7


@dataclass(frozen=True)
class Mark:
    """Something on a lane: `x` per cent from the left; `number` of a row of this plan, 0 what is there."""

    x: str
    number: int
    at: str


@dataclass(frozen=True)
class LaneDrawn:
    channel: Channel
    marks: Sequence[Mark]
    label: str


@dataclass(frozen=True)
class Lanes:
    """The picture: ticks (`x` in per cent, and the time), and one lane a channel."""

    ticks: Sequence[tuple[str, str]]
    lanes: Sequence[LaneDrawn]


def chart(plan: Plan, now: datetime) -> Lanes | None:
    """How what is sent goes out, beside what has its time already; None where nothing is sent."""
    sends = [item for item in plan.items if item.do == "send" and item.at is not None]
    if not sends:
        return None
    last = max(item.at for item in sends if item.at)
    step = next((step for step in STEPS if _floor(now, step) + TICKS * step > last + step / 4), STEPS[-1])
    start = _floor(now, step)
    end = max(start + TICKS * step, last + step)
    places = [start + number * step for number in range(TICKS)]

    def x(at: datetime) -> str:
        return f"{100 * ((at - start) / (end - start)):.2f}"

    channels = {channel.pk: channel for item in sends for channel in item.channels}
    drawn = []
    for channel in sorted(channels.values(), key=lambda channel: (channel.network_name, channel.name)):
        ours = [
            Mark(x(item.at), item.number, moment(item.at))
            for item in sends
            if item.at and any(row.channel_id == channel.pk for row in item.rows)
        ]
        there = [
            Mark(x(at), 0, moment(at))
            for at in plan.lanes[channel.pk].times
            if start <= at <= end and at > now
        ]
        label = "; ".join(f"{mark.number} at {mark.at}" for mark in ours)
        if there:
            label += f"; already scheduled: {', '.join(mark.at for mark in there)}"
        drawn.append(LaneDrawn(channel, [*there, *ours], f"{channel}: {label}"))
    return Lanes([(x(at), _tick(at, step)) for at in places], drawn)


def _floor(at: datetime, step: timedelta) -> datetime:
    local = localtime(at)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + ((local - midnight) // step) * step


def _tick(at: datetime, step: timedelta) -> str:
    local = localtime(at)
    return f"{local.day} {local:%b}" if step >= timedelta(days=1) else f"{local:%H:%M}"
