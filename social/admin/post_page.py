"""One post's own page: what became of it on each channel, what was decided, and what may be done now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseRefusal
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views import View

from social import workflow
from social.admin.moment_field import MomentField
from social.admin.post_actions import DATABASE_WORDS, actor_of, log
from social.admin.post_list import drawn, label_for
from social.admin.situation import situation_of
from social.admin.timeline import timeline
from social.admin.unsure import exact, unsure
from social.explain import Situation, delivery_waits, moment, span, waiting_for, what_stops_all
from social.models import Approval, Channel, Delivery, Post, Revision
from social.networks.failures import meaning
from social.networks.places import profile_url, provider_url
from social.networks.preview import Preview, previews_of
from social.wall_clock import beside
from social.worddiff import word_diff
from social.workflow import Actor, Refusal, planning, why_not
from social.workflow.expired import FATES, fates_for
from social.workflow.moving import may_approve
from social.workflow.rollup import TO_COME
from social.workflow.table import authors_of

if TYPE_CHECKING:
    from social.admin.posts import PostAdmin

S, D = Post.Status, Delivery.Status
SOON = 120
"""Seconds before its time from which a page follows a queued post."""


@dataclass(frozen=True)
class Button:
    """Something that this person may do to the post now. `asks`: what the browser asks first, "" nothing."""

    verb: str
    words: str
    tone: str = ""
    asks: str = ""


_BUTTONS = (
    Button("approve", "Approve", "hd-pri"),
    Button("reject", "Reject…", "hd-bad"),
    Button("submit", "Ask for approval"),
    Button("withdraw", "Withdraw"),
    Button("retry", "Try again", "hd-pri"),
    Button("publish", "Send now", "", "It goes out within seconds, ahead of its time."),
    Button("move", "Move…"),
    Button("duplicate", "Duplicate"),
    Button("recall", "Recall", "", "Publer takes off what it has for later. What is public stays."),
    Button("cancel", "Cancel post", "hd-bad", "What is not out yet does not go out. What is public stays."),
)


_TAKE_BACK = Button(
    "withdraw", "Take approval back", "", "It becomes a draft again; nothing more of it goes out as it is."
)

_ENDED: dict[str, str] = {
    S.PUBLISHED: "It is out: nothing of it can be changed from here.",
    S.CANCELLED: "It was cancelled: write a new post instead.",
}


@dataclass(frozen=True)
class Mend:
    """Where a failure is mended: a field of this page, the account, or Publer (`away`: in a new tab)."""

    words: str
    href: str
    away: bool = False


@dataclass(frozen=True)
class Fate:
    """What became of the post on one channel."""

    row: Delivery
    pill: str
    pill_words: str
    when: str
    waits: str
    sent_hash: str
    may_try: bool
    may_stop: bool
    mend: Mend | None

    @property
    def channel(self) -> Channel:
        return self.row.channel


@dataclass(frozen=True)
class Compared:
    """Approved, sent and live text of one channel, side by side."""

    row: Delivery
    text: str
    approved_by: str
    approved_at: datetime | None
    sent_at: datetime | None
    same: bool
    live: Any


# ------------------------------------------------------------------------------------------ drawing
def context(request: HttpRequest, post: Post) -> dict[str, Any]:
    """All that the page of a post shows beside the form."""
    actor = actor_of(request)
    locked = why_not("edit", post, actor)
    fate = fate_context(request, post)
    return {
        **fate,
        "locked": (_ENDED.get(post.status) or str(locked)) if locked else "",
        "asks_again": "" if locked else _asks_again(post),
        # A draft is there to be written: its form stands first, its history after.
        "form_first": not locked and post.status in (S.DRAFT, S.REJECTED) and not fate["fates"],
        "rejected": post.approvals.last() if post.status == S.REJECTED else None,
        "move_words": _move_words(post, actor),
        "slot": fate["slot"],
    }


def _asks_again(post: Post) -> str:
    """What an edit costs, before it is made."""
    if post.status not in (S.APPROVED, S.SCHEDULED, S.PARTLY_PUBLISHED, S.FAILED):
        return ""
    if any(row.status == D.SCHEDULED for row in post.deliveries.all()):
        return "Publer has it for later: an edit takes it off there first, and asks for a new approval."
    return "An edit takes the approval back: a new one will be needed."


def fate_context(request: HttpRequest, post: Post) -> dict[str, Any]:
    """What changes by itself while somebody looks: status, buttons, deliveries, timeline, receipt."""
    situation, actor = situation_of(request), actor_of(request)
    every, approvals = list(post.deliveries.all()), list(post.approvals.all())
    rows = [row for row in every if row.status != D.CANCELLED] or every[-6:]
    may_try, may_stop = why_not("retry", post, actor) is None, why_not("stop", post, actor) is None
    failed = any(row.status == D.FAILED for row in rows)
    may_edit = failed and why_not("edit", post, actor) is None
    fates = [_fate(row, situation, may_try, may_stop, may_edit) for row in rows]
    happened = timeline(post)
    return {
        "post": post,
        "pill": label_for(post, every, approvals[-1] if approvals else None, situation.now) or post.status,
        "waiting": waiting_for(post, every, situation),
        "pending": post.status == S.PENDING,
        "decide_by": planning.decide_by(post) if post.status == S.PENDING else None,
        "expired": fates_for(post, actor, situation.now),
        "slot": planning.slot_of(post),
        "buttons": _buttons(post, rows, actor),
        "not_mine": _not_mine(post, actor),
        "late": post.change.get("late", ""),
        "grounds": grounds_of(post),
        "fates": fates,
        "published": sum(row.status == D.PUBLISHED for row in rows),
        "open": sum(row.status in TO_COME for row in rows),
        "unsures": [unsure(row, situation) for row in rows if row.decide],
        "twice": [unsure(row, situation) for row in rows if row.status == D.PUBLISHED and row.candidates],
        "may_settle": why_not("settle", post, actor) is None,
        "compared": [_compared(row, post) for row in rows if row.first_stamped_at],
        "previews": _previews(post),
        "sent_previews": _previews(post, {row.channel.network for row in rows if row.decide}),
        "timeline": happened,
        "receipt": _receipt(post, rows),
        "moving": _moving(rows, situation),
        "seen": _seen(post, fates, happened.number),
    }


def _buttons(post: Post, rows: Sequence[Delivery], actor: Actor) -> list[Button]:
    failed = any(row.status == D.FAILED for row in rows)
    trying = any(row.status == D.QUEUED and row.problem for row in rows)
    queued = any(row.status == D.QUEUED for row in rows)
    handed = any(row.status == D.SCHEDULED and not row.recall for row in rows)
    sensible = {
        "retry": failed or trying,
        "publish": queued or handed,
        "move": queued or post.status in (S.DRAFT, S.PENDING),
        "recall": queued or handed,
        "submit": not post.change.get("submit"),
    }
    return [
        _TAKE_BACK if button.verb == "withdraw" and post.status != S.PENDING else button
        for button in _BUTTONS
        if sensible.get(button.verb, True) and _may(button.verb, post, actor)
    ]


def _may(verb: str, post: Post, actor: Actor) -> bool:
    if verb == "duplicate":
        return post.revision_id is not None and actor.person.has_perm("social.add_post")
    if verb == "move" and post.status in (S.DRAFT, S.PENDING):
        verb = "reschedule"
    return why_not(verb, post, actor, reason="-") is None


def _not_mine(post: Post, actor: Actor) -> str:
    """Why somebody who could approve may not approve this one."""
    if post.status != S.PENDING or not actor.person.has_perm("social.approve_post"):
        return ""
    refusal = why_not("approve", post, actor)
    return str(refusal) if refusal else ""


def _move_words(post: Post, actor: Actor) -> str:
    """What another time costs, before it is chosen."""
    if post.status in (S.DRAFT, S.PENDING):
        return "It is not approved yet: any time to come will do."
    far = span(settings.TIME_MOVE_KEEPS_APPROVAL_MINUTES * 60)
    rule = f"Up to {far} from the approved time, and on the same day, it keeps its approval"
    if may_approve(actor, authors_of(post)):
        return f"{rule}; beyond that, your press is a new one."
    return f"{rule}; beyond that it waits for a new one."


def _fate(row: Delivery, situation: Situation, may_try: bool, may_stop: bool, may_edit: bool) -> Fate:
    trying = row.status == D.QUEUED and bool(row.problem)
    return Fate(
        row=row,
        pill="trying_again" if trying else row.status,
        pill_words="",
        when=_when(row),
        waits=row.problem if row.status == D.PUBLISHED else delivery_waits(row, situation).words,
        sent_hash=row.approved_hash,
        may_try=may_try and (trying or (row.status == D.FAILED and row.retry_helps)),
        may_stop=may_stop and (trying or row.status == D.FAILED),
        mend=_mend(row, may_edit) if row.status == D.FAILED else None,
    )


_FIELDS = {
    "text": ("Edit the text", "#id_text"),
    "pictures": ("Change the pictures", "#hd-pictures"),
    "link": ("Change the link", "#id_link"),
    "channels": ("Change the channels", "#hd-channels"),
}


def _mend(row: Delivery, may_edit: bool) -> Mend | None:
    """Where to go with what failed, as far as it is known and this person may."""
    known = meaning(row.channel.network, row.provider_words)
    where = known.where if known else "" if row.retry_helps else "text"
    if where == "publer":
        return Mend("Open Publer", provider_url(row.connection), away=True)
    if where == "account":
        account = profile_url(row.channel)
        return Mend(f"Open {row.channel.network_name}", account, away=True) if account else None
    if where not in _FIELDS or not may_edit:
        return None
    words, href = _FIELDS[where]
    own = where == "text" and row.channel.network in row.revision.overrides
    return Mend(words, f"#id_own_{row.channel.network}" if own else href)


_NTH = ("no", "first", "second", "third", "fourth", "fifth")


def _when(row: Delivery) -> str:
    attempt = f"{_NTH[row.attempts]} try" if row.attempts < len(_NTH) else f"try {row.attempts}"
    if row.status == D.PUBLISHED and row.published_at:
        return f"{moment(row.published_at)}, {attempt}" if row.attempts else moment(row.published_at)
    if row.status in Delivery.IN_AIR and row.goes_at:
        return f"sent {exact(row.goes_at)}, {attempt}"
    if row.status == D.QUEUED and row.not_before and row.problem:
        return f"next try {moment(row.not_before)}" + (f", {attempt} was refused" if row.attempts else "")
    if row.status in (D.QUEUED, D.SCHEDULED):
        theirs = beside(row.due_at)
        return f"due {moment(row.due_at)}" + (f" ({theirs})" if theirs else "")
    if row.status == D.FAILED:
        return f"was due {moment(row.due_at)}" + (f", {attempt}" if row.attempts else "")
    return ""


def _moving(rows: Iterable[Delivery], situation: Situation) -> bool:
    """Whether something changes within seconds, so that the page looks again by itself."""
    held = what_stops_all(situation) is not None
    return any(
        (row.status in Delivery.IN_AIR and not row.decide)
        or bool(row.recall)
        or (row.decide and row.next_look_at is not None and row.next_look_at <= situation.now)
        or (
            row.status in (D.QUEUED, D.SCHEDULED)
            and not held
            and (row.due_at - situation.now).total_seconds() < SOON
            and (row.status == D.SCHEDULED or row.not_before is None or row.not_before <= situation.now)
        )
        for row in rows
    )


def _seen(post: Post, fates: Iterable[Fate], events: int) -> str:
    """A mark of all that the fragment shows: while it stays, the page is left as it is."""
    facts = [(post.status, post.revision_id, events)]
    shown = [
        (
            f.row.pk,
            f.row.status,
            f.when,
            f.waits,
            f.row.permalink,
            f.row.looks,
            f.row.decide,
            f.row.looked_from,
        )
        for f in fates
    ]
    return hashlib.sha256(repr((facts, shown)).encode()).hexdigest()[:16]


def _compared(row: Delivery, post: Post) -> Compared:
    approval = _approval_of(post, row.approved_hash)
    text = row.revision.text_for(row.channel.network)
    return Compared(
        row=row,
        text=text,
        approved_by=_name(approval),
        approved_at=approval.given_at if approval else None,
        sent_at=row.goes_at or row.first_stamped_at,
        same=row.revision.content_hash == row.approved_hash,
        live=word_diff(text, row.live_text) if row.live_text else "",
    )


def _approval_of(post: Post, content_hash: str) -> Approval | None:
    decided = [a for a in post.approvals.all() if a.decision == "approved" and a.content_hash == content_hash]
    return decided[-1] if decided else None


def _in_force(post: Post) -> Approval | None:
    """The approval of what stands there now; one that was taken back is none."""
    if post.revision is None or post.status in (S.DRAFT, S.PENDING, S.REJECTED):
        return None
    return _approval_of(post, post.revision.content_hash)


def _name(approval: Approval | None) -> str:
    return approval.by if approval else ""


def _previews(post: Post, only: Collection[str] | None = None) -> list[Preview]:
    """One a network, in the order of the channels; `only` these."""
    revision = post.revision
    if revision is None:
        return []
    due = moment(revision.scheduled_at) if revision.scheduled_at else "now"
    return [one for one in previews_of(revision, when=due) if only is None or one.network in only]


def _receipt(post: Post, rows: Sequence[Delivery]) -> dict[str, Any]:
    """What can be shown to somebody who asks what went out, and on whose word."""
    revision = post.revision
    approval = _in_force(post)
    sent = [row for row in rows if row.status == D.PUBLISHED]
    return {
        "revision": revision,
        "revisions": post.revisions.count(),
        "approval": approval,
        "approved_by": _name(approval),
        "jobs": sorted({row.submission.job_id for row in rows if row.submission and row.submission.job_id}),
        "links": [row for row in sent if row.permalink],
        "sent": len(sent),
        "of": len([row for row in rows if row.status != D.CANCELLED]),
    }


def grounds_of(post: Post) -> list[tuple[str, str]]:
    """On what grounds a program proposes it, as far as it says."""
    return [
        (key.replace("_", " ").capitalize(), ", ".join(map(str, said if isinstance(said, list) else [said])))
        for key, said in list(post.evidence.items())[:12]
    ]


# -------------------------------------------------------------------------------------------- doing
class _OfAPost(View):
    """A view of one post that the person may see."""

    post_admin: PostAdmin = None  # type: ignore[assignment]  # given to as_view()

    def the_post(self, request: HttpRequest, pk: int) -> Post:
        post = drawn(Post.objects.all()).filter(pk=pk).first()
        if post is None:
            raise Http404("There is no such post.")
        if not self.post_admin.has_view_or_change_permission(request, post):
            raise PermissionDenied
        return post


class FateView(_OfAPost):
    """The part of the page that follows the post while it is on its way; 204 while nothing changed."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        drawn_now = fate_context(request, self.the_post(request, pk))
        if request.GET.get("seen") == drawn_now["seen"]:
            return HttpResponse(status=204)
        return render(request, "social/post_fate.html", {**drawn_now, "polled": True})


class ReceiptView(_OfAPost):
    """The receipt as JSON, to keep."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        post = self.the_post(request, pk)
        answer = JsonResponse(receipt(post), json_dumps_params={"indent": 2, "ensure_ascii": False})
        answer.headers["Content-Disposition"] = f'attachment; filename="receipt-{post.pk}.json"'
        return answer


def receipt(post: Post) -> dict[str, Any]:
    """What went out, where, when, and on whose word."""
    revision: Revision | None = post.revision
    approval = _in_force(post)
    return {
        "post": post.pk,
        "name": post.name,
        "status": post.status,
        "revision": revision.number if revision else None,
        "content_hash": revision.content_hash if revision else None,
        "text": revision.text if revision else None,
        "approved_by": _name(approval) or None,
        "approved_at": approval.given_at.isoformat() if approval else None,
        **post.receipt,
        "deliveries": [
            {
                "network": row.channel.network,
                "channel": row.channel.account_id,
                "status": row.status,
                "attempts": row.attempts,
                "approved_hash": row.approved_hash,
                "permalink": row.permalink or None,
                "published_at": row.published_at.isoformat() if row.published_at else None,
            }
            for row in post.deliveries.all()
        ],
    }


class _Link(forms.Form):
    permalink = forms.URLField(required=False, max_length=2000, assume_scheme="https")


class Do(_OfAPost):
    """One verb on one post, by POST alone; then back to its page, with what came of it in words."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        post = self.the_post(request, pk)
        if request.POST.get("verb") == "duplicate":
            return self._duplicate(request, post)
        act = _VERBS.get(request.POST.get("verb", ""))
        if act is None:
            raise Http404("There is no such verb.")
        try:
            words = act(request, post.pk, actor_of(request))
        except Refusal as refusal:
            messages.warning(request, str(refusal))
        except DatabaseRefusal:
            log.exception("the database refused a verb", post=pk)
            messages.error(request, DATABASE_WORDS)
        else:
            post = self.the_post(request, pk)
            waits = waiting_for(post, post.deliveries.all(), situation_of(request)).words
            messages.success(request, f"{words} {waits}".strip())
        return HttpResponseRedirect(reverse("admin:social_post_change", args=[pk]))

    def _duplicate(self, request: HttpRequest, post: Post) -> HttpResponse:
        """Then to the copy."""
        goes_to = post.pk
        try:
            goes_to = workflow.duplicate(post.pk, actor_of(request)).pk
        except Refusal as refusal:
            messages.warning(request, str(refusal))
        except DatabaseRefusal:
            log.exception("the database refused a verb", post=post.pk)
            messages.error(request, DATABASE_WORDS)
        else:
            messages.success(request, f"This is a copy of “{post.name}”: a draft without a time.")
        return HttpResponseRedirect(reverse("admin:social_post_change", args=[goes_to]))


def _shown(request: HttpRequest) -> str:
    return request.POST.get("shown_hash", "")


def _number(request: HttpRequest, name: str) -> int:
    value = request.POST.get(name, "")
    if not value.isdecimal():
        raise Refusal("It is not said which channel: load the page again.")
    return int(value)


def _approve(request: HttpRequest, pk: int, actor: Actor) -> str:
    shown = _shown(request)
    if not shown:
        raise Refusal("The page did not say what it showed you: load it again, and look once more.")
    workflow.approve(pk, actor, shown_hash=shown)
    return "Approved."


def _reject(request: HttpRequest, pk: int, actor: Actor) -> str:
    workflow.reject(
        pk,
        actor,
        request.POST.get("reason", ""),
        changes_asked="changes_asked" in request.POST,
        shown_hash=_shown(request),
    )
    return "Changes asked." if "changes_asked" in request.POST else "Rejected."


def _retry(request: HttpRequest, pk: int, actor: Actor) -> str:
    delivery = _number(request, "delivery") if request.POST.get("delivery") else None
    workflow.retry(pk, actor, delivery_id=delivery)
    return "Queued again."


def _stop(request: HttpRequest, pk: int, actor: Actor) -> str:
    workflow.stop(pk, actor, _number(request, "delivery"))
    return "Stopped."


def _move(request: HttpRequest, pk: int, actor: Actor) -> str:
    if not _shown(request):
        raise Refusal("The page did not say what it showed you: load it again, and look once more.")
    at = _next_slot(pk) if "slot" in request.POST else time_of(request.POST.get("at", ""))
    cost = workflow.reschedule(pk, actor, at, shown_hash=_shown(request))
    return f"Moved to {moment(at)}{MOVED[cost]}"


MOVED: dict[workflow.Cost | None, str] = {
    None: ".",
    workflow.Cost.KEEPS: "; its approval holds.",
    workflow.Cost.APPROVES: ", by an approval of yours.",
    workflow.Cost.ASKS: ": it asks for a new approval.",
}
"""What a move did to the approval, after the time to which it moved; None: there was none yet."""


def time_of(written: str) -> datetime:
    """A moment as somebody wrote it; a `Refusal` says what is wrong with it."""
    try:
        return cast(datetime, MomentField().clean(written))
    except forms.ValidationError as refused:
        words = refused.messages[0] if written.strip() else "Say to when: a date and a time."
        raise Refusal(words) from None


def _next_slot(pk: int) -> datetime:
    post = Post.objects.select_related("revision").get(pk=pk)
    return planning.free_slot_or_why(list(post.content().channels.all()), but=pk)


def _expired_fate(request: HttpRequest, pk: int, actor: Actor) -> str:
    if not _shown(request):
        raise Refusal("The page did not say what it showed you: load it again, and look once more.")
    fate = request.POST.get("fate", "")
    if fate not in FATES:
        raise Refusal("It is not said what becomes of it: load the page again.")
    post = workflow.decide_expired(pk, actor, fate, shown_hash=_shown(request))
    if fate == "slot" and post.scheduled_at:
        return f"Moved to {moment(post.scheduled_at)}: it waits for approval."
    return {"now": "Approved, to go out within a minute.", "drop": "Dropped."}[fate]


def _settle(request: HttpRequest, pk: int, actor: Actor) -> str:
    outcome = request.POST.get("outcome", "")
    if outcome not in ("live", "again", "drop"):
        raise Refusal("It is not said what became of it: load the page again.")
    link = _Link(request.POST)
    if not link.is_valid():
        raise Refusal("This is not a link: copy it from the address line of the post, or leave it empty.")
    workflow.settle(
        pk,
        actor,
        _number(request, "delivery"),
        cast(Literal["live", "again", "drop"], outcome),
        permalink=link.cleaned_data["permalink"],
        not_these=request.POST.getlist("candidate"),
    )
    return {"live": "Marked as published.", "again": "Queued again.", "drop": "Dropped."}[outcome]


def _withdraw(request: HttpRequest, pk: int, actor: Actor) -> str:
    post = workflow.withdraw(pk, actor)
    return "It is a draft again." if post.status == S.DRAFT else "Publer is asked to take it off."


def _plain(verb: Callable[[int, Actor], Post], words: str) -> Callable[[HttpRequest, int, Actor], str]:
    def act(request: HttpRequest, pk: int, actor: Actor) -> str:
        verb(pk, actor)
        return words

    return act


_VERBS: dict[str, Callable[[HttpRequest, int, Actor], str]] = {
    "approve": _approve,
    "reject": _reject,
    "submit": _plain(workflow.submit, "Sent for approval."),
    "withdraw": _withdraw,
    "publish": _plain(workflow.publish, "Sent ahead of its time."),
    "recall": _plain(workflow.recall, "Recalled."),
    "cancel": _plain(workflow.cancel, "Cancelled."),
    "retry": _retry,
    "stop": _stop,
    "move": _move,
    "expired": _expired_fate,
    "settle": _settle,
}
