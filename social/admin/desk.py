"""The desk, where staff decide: what waits, soonest first, one post after the other.

Names for scripts: a POST carries `post` (its id), `shown_hash` (what the page showed), `do` (`approve`,
`reject`, `undo`), `next` (the post that is shown then); a rejection `reason`, `quick` (any number) and
`changes_asked`; an approval that the forecast stands against, `go_on` (why all the same).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseRefusal
from django.db.models import (
    Case,
    F,
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
    Value,
    When,
    prefetch_related_objects,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views import View

from social import workflow
from social.admin.post_actions import DATABASE_WORDS, actor_of, log
from social.admin.post_form import changes
from social.admin.post_page import grounds_of
from social.explain import Situation
from social.forecast import Line, end_of, forecast
from social.models import Channel, Event, Post, Revision, RevisionMedia
from social.moments import day, moment, span
from social.networks import Problem
from social.networks.preview import Preview, previews_of
from social.publishing import connect
from social.workflow import Refusal, planning, why_not
from social.workflow.content import problems_of
from social.workflow.expired import Fate, fates_for

if TYPE_CHECKING:
    from social.admin.posts import PostAdmin

S = Post.Status

APPROVE = "social.approve_post"
UNDO = 10
"""Seconds for which the page offers to undo a decision."""
ON_ITS_WAY = 2
"""Seconds more for which nothing is sent: a press in the last moment has its way to go."""
SHOWN = 100
"""Posts that the queue lists; of the others it tells how many wait."""
COUNTED = 1_000
SOON = timedelta(hours=3)
QUICK = ("Fact is wrong", "Tone", "Picture", "Not now")
PART = "X-Hotdash-Part"
"""A request with this header gets what changes of the page, not the page."""
_TELLING = ("submit", "resubmit", "approve", "reject", "undo")
_TOLD = 60


# -------------------------------------------------------------------------------------------- queue
def decide_by(post: Post) -> datetime | None:
    """When somebody has to decide about one of `_drawn`."""
    return planning.decide_by(post, getattr(post, "lead", None) or 0)


def _drawn() -> QuerySet[Post]:
    """Posts with the longest lead of their channels."""
    leads = Revision.channels.through.objects.filter(revision=OuterRef("revision"))
    longest = leads.order_by("-channel__decide_lead").values("channel__decide_lead")[:1]
    posts = Post.objects.select_related("author", "token", "revision")
    return posts.annotate(lead=Subquery(longest))


@dataclass(frozen=True)
class Row:
    """One post of the queue: its clock in words."""

    post: Post
    clock: str
    soon: bool = False
    own: bool = False
    late: bool = False


@dataclass(frozen=True)
class Queue:
    """What waits, in the order in which it is decided; what was not decided in time comes last."""

    rows: Sequence[Row]
    late: Sequence[Row]
    more: int
    chosen: int | None

    @property
    def every(self) -> list[Row]:
        return [*self.rows, *self.late]

    @property
    def waiting(self) -> int:
        return len(self.rows) + self.more

    @property
    def all_waiting(self) -> str:
        """As the menu tells it."""
        count = self.waiting + len(self.late)
        return "99+" if count > 99 else str(count)

    @property
    def soon(self) -> int:
        return sum(row.soon for row in self.rows)

    @property
    def place(self) -> int:
        """Which it is, from 1; 0 for one that does not stand there."""
        return next((at for at, row in enumerate(self.every, 1) if row.post.pk == self.chosen), 0)

    def at(self, place: int) -> int | None:
        """The post at that place, from 1."""
        return self.every[place - 1].post.pk if 0 < place <= len(self.every) else None

    @property
    def before(self) -> int | None:
        return self.at(self.place - 1) if self.place else None

    @property
    def after(self) -> int | None:
        return self.at(self.place + 1) if self.place else self.first()

    @property
    def next_to_decide(self) -> int | None:
        """What is shown once the chosen one is decided: the next that is not one's own, from the top again
        after the last."""
        every = self.every
        around = [*every[self.place :], *every[: max(0, self.place - 1)]]
        return next((row.post.pk for row in around if not row.own and row.post.pk != self.chosen), None)

    def first(self) -> int | None:
        """The first that this person may decide about, else None."""
        return next((row.post.pk for row in self.every if not row.own), None)


def _pending(now: datetime) -> QuerySet[Post]:
    expired = Case(When(scheduled_at__lte=now, then=Value(1)), default=Value(0))
    rows = _drawn().filter(status=S.PENDING)
    return rows.order_by(expired, F("scheduled_at").asc(nulls_last=True), "id")


def _urgency(post: Post, now: datetime) -> tuple[bool, float, int]:
    """Soonest first; what has no time after what has one, and last what was not decided in time."""
    by, at = decide_by(post), post.scheduled_at
    return bool(at and at <= now), by.timestamp() if by else float("inf"), post.pk


def _row(post: Post, user: Any, now: datetime) -> Row:
    own, by = _is_own(post, user), decide_by(post)
    if by is None:
        clock = "once approved"
    elif post.scheduled_at and post.scheduled_at <= now:
        return Row(post, f"Expired {moment(post.scheduled_at)}", own=own, late=True)
    elif by <= now:
        clock = f"now: out {_when(post.scheduled_at or by)}"
    elif by - now < timedelta(hours=12):
        clock = f"within {left(by - now)}"
    else:
        clock = f"by {moment(by)}"
    if own:
        return Row(post, "Yours: someone else decides", own=True)
    return Row(post, clock, soon=by is not None and by - now < SOON)


def _is_own(post: Post, user: Any) -> bool:
    return bool(settings.REQUIRE_SECOND_PERSON) and post.author_id == user.pk


def left(span_of_time: timedelta) -> str:
    """A span as a clock tells it: "40 min", "2 h 10 min", "3 days"."""
    minutes = int(span_of_time.total_seconds() // 60)
    if minutes < 1:
        return "a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    return span(minutes * 60)


# --------------------------------------------------------------------------------------- what is shown
@dataclass(frozen=True)
class Check:
    """One thing to look at. `tone`: "ok", "warn" (needs eyes) or "stop" (cannot be approved, or only with a
    reason)."""

    tone: str
    name: str
    detail: str = ""
    words: str = ""


@dataclass(frozen=True)
class Changed:
    """What differs from what was up for a decision last. `said`: what was said then."""

    number: int
    said: str
    fields: Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Chosen:
    """The post that is decided about, with all that is needed for it."""

    post: Post
    asked_at: datetime | None
    checks: Sequence[Check]
    lines: Sequence[Line]
    changed: Changed | None
    refusal: str
    """Why this person cannot approve it, or ""."""
    may_reject: bool
    decided: str
    """Who was first, where it waits no more."""
    clock: str
    clock_more: str
    late: bool
    fates: frozenset[Fate]
    """What may become of it, where its time passed undecided."""
    slot: datetime | None
    """Its next free slot, where it may have one."""

    @property
    def needs_reason(self) -> bool:
        return any(line.blocks for line in self.lines)

    @property
    def eyes(self) -> int:
        return sum(check.tone != "ok" for check in self.checks)

    @property
    def fine(self) -> int:
        return len(self.checks) - self.eyes

    @property
    def worst(self) -> Check | None:
        ordered = sorted(self.checks, key=lambda check: ("stop", "warn", "ok").index(check.tone))
        return ordered[0] if ordered and ordered[0].tone != "ok" else None

    @property
    def day(self) -> str:
        return day(self.post.scheduled_at) if self.post.scheduled_at else "today"

    @property
    def grounds(self) -> list[tuple[str, str]]:
        return grounds_of(self.post)

    @property
    def previews(self) -> Sequence[Preview]:
        at = self.post.scheduled_at
        return previews_of(self.post.content(), when=moment(at) if at else "now")


def _chosen(post: Post, posts: Sequence[Post], request: HttpRequest, now: datetime) -> Chosen:
    """All about one post; what the queue shows of the others is read along with it."""
    events = list(post.events.filter(verb__in=_TELLING, delivery=None).order_by("-id")[:_TOLD])
    prefetch_related_objects([post], Prefetch("revisions", Revision.objects.order_by("number")))
    before, told = _last_seen(post, events)
    _with_what_is_shown([*(p.revision for p in posts if p.revision), *([before] if before else [])])
    actor, pending = actor_of(request), post.status == S.PENDING
    revision = post.content()
    channels, problems = revision.addressed(), problems_of(revision)
    limiter = _limiter(request)
    lines = forecast(channels, post.scheduled_at, now, post=post.pk, limiter=limiter)
    refusal = why_not("approve", post, actor) if pending else None
    clock, more, late = _clock(post, now)
    fates = fates_for(post, actor, now)
    asked = next((event.created_at for event in events if event.verb in ("submit", "resubmit")), None)
    return Chosen(
        post=post,
        asked_at=asked,
        checks=_checks(post, channels, problems, lines, now),
        lines=lines,
        changed=_changed(before, revision, told) if before else None,
        refusal=str(refusal or ""),
        may_reject=pending and why_not("reject", post, actor, reason="-") is None,
        decided="" if pending else workflow.how_it_came_to_be(post),
        clock=clock,
        clock_more=more,
        late=late,
        fates=fates,
        slot=planning.slot_of(post) if "slot" in fates else None,
    )


def _with_what_is_shown(revisions: Sequence[Revision]) -> None:
    """Channels and pictures of all of them: two queries."""
    channels = Channel.objects.select_related("connection__credential").order_by("network", "name", "id")
    media = RevisionMedia.objects.order_by("position")
    prefetch_related_objects(
        list(revisions), Prefetch("channels", channels), Prefetch("revision_media", media)
    )


def _limiter(request: HttpRequest) -> Any:
    known = getattr(getattr(request, "hotdash_bar", None), "situation", None)
    return known.limiter if isinstance(known, Situation) else connect.limiter_state()[0]


def _last_seen(post: Post, events: Sequence[Event]) -> tuple[Revision | None, Event | None]:
    """The revision that was up for a decision last, before this one, and what was said about it."""
    now = post.content()
    earlier = {one.number: one for one in post.revisions.all() if one.number < now.number}
    shown: dict[int, Event | None] = {}
    for event in events:
        number = event.data.get("revision")
        if number in earlier and (number not in shown or event.verb == "reject"):
            shown[number] = event
    # What an approver made of it in review stood there before, too.
    shown |= {one - 1: None for one in (now.number,) if now.in_review and one - 1 not in shown}
    last = max((number for number in shown if number in earlier), default=None)
    return (earlier[last], shown[last]) if last is not None else (None, None)


def _changed(before: Revision, after: Revision, told: Event | None) -> Changed | None:
    said = ""
    if told is not None and told.verb == "reject":
        said = f"{told.actor_name} said then: “{told.note}”"
    fields = changes(before, after)
    return Changed(before.number, said, fields) if fields or said else None


def _clock(post: Post, now: datetime) -> tuple[str, str, bool]:
    by, at = decide_by(post), post.scheduled_at
    if by is None or at is None:
        return "Goes out once it is approved", "it has no time of its own", False
    if at <= now:
        limit = timedelta(seconds=settings.LATE_AFTER_SECONDS)
        if now - at > limit:
            return (
                "Its time has passed",
                f"it was to go out {_when(at)}: approved, it waits for your word",
                True,
            )
        return "Its time has passed", f"it was to go out {_when(at)}: approved, it goes out at once", True
    if by <= now:
        return "Decide now", f"it was to be decided by {moment(by)}, and would go out {_when(at)}", False
    more = f"by {moment(by)}" + (f", so that it can go out {_when(at)}" if by != at else ", its time")
    return f"Decide within {left(by - now)}", more, False


def _when(at: datetime) -> str:
    words = moment(at)
    return f"at {words}" if len(words) == 5 else words


def _checks(
    post: Post,
    channels: Sequence[Channel],
    problems: Sequence[Problem],
    lines: Sequence[Line],
    now: datetime,
) -> list[Check]:
    """What needs eyes first, then what is fine."""
    revision = post.content()
    found = [Check("stop", "Does not fit", "", problem.message) for problem in problems]
    found += [
        Check("stop", line.words, line.figure, f"{_network(line.sign, channels)}: {line.words.lower()}.")
        for line in lines
        if line.blocks
    ]
    at = revision.scheduled_at
    if at is not None and at <= now:
        found.append(Check("warn", "Its time has passed", moment(at), _clock(post, now)[1] + "."))
    pictures = revision.pictures()
    told = sum(bool(picture.alt_text.strip()) for picture in pictures)
    fine = []
    if not problems:
        fine.append(Check("ok", "Fits its channels", f"{len(channels)} of {len(channels)}"))
    if revision.link:
        fine.append(Check("ok", "Link", urlsplit(revision.link).netloc.removeprefix("www.")))
    if pictures and told < len(pictures):
        words = "Somebody who cannot see the picture gets nothing of it."
        found.append(Check("warn", "Alt text is missing", f"{told} of {len(pictures)}", words))
    elif pictures:
        fine.append(Check("ok", "Alt text", f"{told} of {len(pictures)}"))
    ends = end_of(channels)
    if not any(line.blocks and line.sign == "publer" for line in lines) and all(c.active for c in channels):
        fine.append(Check("ok", "Connection holds", f"until {day(ends)}" if ends else ""))
    return [*found, *fine]


def _network(sign: str, channels: Sequence[Channel]) -> str:
    return next((channel.network_name for channel in channels if channel.network == sign), "Publer")


# -------------------------------------------------------------------------------------------- doing
@dataclass(frozen=True)
class Wrong:
    """Why something was not done, and what was typed meanwhile."""

    title: str
    words: str
    kept: str
    to_do: str
    typed: Mapping[str, Any]
    do: str = ""


class Desk(View):
    """GET draws, POST decides; with the header `PART` both answer with what changes of the page."""

    http_method_names = ["get", "head", "post"]
    post_admin: PostAdmin = None  # type: ignore[assignment]  # given to as_view()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm(APPROVE):
            raise PermissionDenied("Deciding about posts is for an approver.")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._draw(request, _id(request.GET.get("post", "")))

    def post(self, request: HttpRequest) -> HttpResponse:
        pk, do = _id(request.POST.get("post", "")), request.POST.get("do", "")
        after = _id(request.POST.get("next", ""))
        try:
            if pk is None or do not in _VERBS or not Post.objects.filter(pk=pk).exists():
                raise Refusal("The page did not say what is decided about which post: load it again.")
            said = _VERBS[do](request, pk)
        except Refusal as refusal:
            return self._draw(request, pk, wrong=_refused(request, do, refusal), status=409)
        except DatabaseRefusal:
            log.exception("the database refused a decision", post=pk)
            return self._draw(request, pk, wrong=_unwritten(request, do), status=503)
        if do == "undo":
            return self._draw(request, pk, said=said)
        undo = pk if do in _UNDONE else None
        return self._draw(request, after, said=said, undo=undo, after_decision=True)

    def _draw(
        self,
        request: HttpRequest,
        wanted: int | None,
        *,
        wrong: Wrong | None = None,
        said: str = "",
        undo: int | None = None,
        after_decision: bool = False,
        status: int = 200,
    ) -> HttpResponse:
        part = request.headers.get(PART) is not None
        frame = {} if part else self.post_admin.admin_site.each_context(request)  # reads the situation, too
        now = timezone.now()
        posts = list(_pending(now)[:SHOWN])
        more = 0
        if len(posts) == SHOWN:
            more = len(_pending(now).order_by().values_list("pk")[:COUNTED]) - SHOWN
        posts.sort(key=lambda post: _urgency(post, now))
        rows = [_row(post, request.user, now) for post in posts]
        queue = Queue(
            [row for row in rows if not row.late], [row for row in rows if row.late], more, chosen=wanted
        )
        post = self._wanted(queue, wanted, only_waiting=after_decision)
        queue = Queue(queue.rows, queue.late, more, chosen=post.pk if post else None)
        chosen = None
        if post is not None:
            listed = posts if post in posts else [*posts, post]
            chosen = _chosen(post, listed, request, now)
        else:
            _with_what_is_shown([one.revision for one in posts if one.revision])
        context = {
            **frame,
            "title": "Review",
            "is_fullwidth": "1",
            "queue": queue,
            "chosen": chosen,
            "wrong": wrong,
            "said": said,
            "undo": undo,
            "undo_seconds": UNDO,
            "quick": QUICK,
            "may_add": request.user.has_perm("social.add_post"),
            "today": _today(request.user, now) if chosen is None else None,
        }
        if part:  # its script reads what was refused from the part; a browser would log the status as a fault
            return render(request, "social/desk_part.html", context)
        return render(request, "social/desk.html", context, status=status)

    def _wanted(self, queue: Queue, wanted: int | None, *, only_waiting: bool) -> Post | None:
        listed = {row.post.pk: row.post for row in queue.every}
        if wanted in listed:
            return listed[wanted]
        if wanted is not None:
            rows = _drawn().exclude(revision=None)
            if only_waiting:
                rows = rows.filter(status=S.PENDING)
            if (post := rows.filter(pk=wanted).first()) is not None:
                return post
        first = queue.first()
        return listed[first] if first is not None else None


def _id(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else None


def _shown(request: HttpRequest) -> str:
    shown = request.POST.get("shown_hash", "")
    if not shown:
        raise Refusal("The page did not say what it showed you: load it again, and look once more.")
    return shown


def _approve(request: HttpRequest, pk: int) -> str:
    shown, actor = _shown(request), actor_of(request)
    reason = request.POST.get("go_on", "").strip()[:2000]
    post = Post.objects.select_related("revision").get(pk=pk)
    if not reason and post.status == S.PENDING and (stops := _stops(post, post.scheduled_at)):
        raise Refusal(f"{' '.join(stops)} Say why it goes on all the same.")
    post = workflow.approve(pk, actor, shown_hash=shown, reason=reason, undo_seconds=UNDO + ON_ITS_WAY)
    at = post.scheduled_at
    goes = f"goes out {_when(at)}" if at and at > timezone.now() else f"goes out in {UNDO} s"
    return f"“{post.name}” is approved, {goes}."


def _stops(post: Post, at: datetime | None) -> list[str]:
    """What of the forecast stands against it, at that time or at once."""
    revision = post.content()
    _with_what_is_shown([revision])
    channels = revision.addressed()
    lines = forecast(channels, at, timezone.now(), post=post.pk)
    return [f"{_network(line.sign, channels)}: {line.words.lower()}." for line in lines if line.blocks]


def _reject(request: HttpRequest, pk: int) -> str:
    quick = [one for one in QUICK if one in request.POST.getlist("quick")]
    typed = request.POST.get("reason", "").strip()
    named = ", ".join(one if not at else one.lower() for at, one in enumerate(quick))
    reason = f"{named}: {typed}" if named and typed else typed or (f"{named}." if named else "")
    asked = "changes_asked" in request.POST
    post = workflow.reject(pk, actor_of(request), reason, changes_asked=asked, shown_hash=_shown(request))
    return f"{post.proposer} is asked to change “{post.name}”." if asked else f"“{post.name}” is rejected."


def _undo(request: HttpRequest, pk: int) -> str:
    post = workflow.undo(pk, actor_of(request))
    return f"Undone: “{post.name}” waits for approval again. Nothing of it went out."


def _send_now(request: HttpRequest, pk: int) -> str:
    post = Post.objects.select_related("revision").get(pk=pk)
    if stops := _stops(post, at=None):
        raise Refusal(f"{' '.join(stops)} Give it another time, or drop it.")
    _decide_expired(request, pk, "now")
    return f"“{post.name}” is approved, goes out within a minute."


def _next_slot(request: HttpRequest, pk: int) -> str:
    post = _decide_expired(request, pk, "slot")
    at = f", {_when(post.scheduled_at)}," if post.scheduled_at else ""
    return f"“{post.name}” has another time{at} and waits for approval."


def _drop(request: HttpRequest, pk: int) -> str:
    return f"“{_decide_expired(request, pk, 'drop').name}” is dropped: it does not go out."


def _decide_expired(request: HttpRequest, pk: int, fate: Fate) -> Post:
    undo = UNDO + ON_ITS_WAY
    return workflow.decide_expired(pk, actor_of(request), fate, shown_hash=_shown(request), undo_seconds=undo)


_VERBS = {
    "approve": _approve,
    "reject": _reject,
    "undo": _undo,
    "now": _send_now,
    "slot": _next_slot,
    "drop": _drop,
}
_NOT = {
    "approve": "Not approved",
    "reject": "Not rejected",
    "undo": "Not undone",
    "now": "Not approved",
    "slot": "Not moved",
    "drop": "Not dropped",
}
_UNDONE = ("approve", "reject", "now")
"""What can be taken back for some seconds."""


def _typed(request: HttpRequest) -> dict[str, Any]:
    form = request.POST
    return {
        "reason": form.get("reason", ""),
        "quick": form.getlist("quick"),
        "changes_asked": "changes_asked" in form,
        "go_on": form.get("go_on", ""),
    }


def _refused(request: HttpRequest, do: str, refusal: Refusal) -> Wrong:
    typed = _typed(request)
    kept = "The post is as you see it now. Nothing was sent by this press."
    if typed["reason"] or typed["go_on"]:
        kept = "What you wrote stands below; the post is as you see it now."
    to_do = "Look at it as it is now, then decide, or go on with the next."
    return Wrong(_NOT.get(do, "Not done"), str(refusal), kept, to_do, typed, do)


def _unwritten(request: HttpRequest, do: str) -> Wrong:
    return Wrong(
        f"{_NOT.get(do, 'Not done')}: the database did not take it",
        DATABASE_WORDS,
        "The post still waits, and what you wrote stands below.",
        "Press again in a minute. It counts once, however often you press.",
        _typed(request),
        do,
    )


# ------------------------------------------------------------------------------- nothing to decide
@dataclass(frozen=True)
class Today:
    """What a person whose desk is empty is told."""

    decided: int
    last: datetime | None
    next: Sequence[Post]
    own: Sequence[Post]


def _today(user: Any, now: datetime) -> Today:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    mine = user.approvals.filter(kept_from=None, created_at__gte=midnight).order_by("-id")
    decided = list(mine.values_list("created_at", flat=True)[:COUNTED])
    ahead = Post.objects.filter(status__in=[S.APPROVED, S.SCHEDULED], scheduled_at__gt=now)
    ahead = ahead.select_related("author", "token", "revision").order_by("scheduled_at", "id")
    following = list(ahead[:4])
    _with_what_is_shown([post.revision for post in following if post.revision])
    own = Post.objects.filter(status=S.PENDING, author=user).select_related("revision")
    by_time = own.order_by(F("scheduled_at").asc(nulls_last=True), "id")[:3]
    return Today(len(decided), decided[0] if decided else None, following, list(by_time))
