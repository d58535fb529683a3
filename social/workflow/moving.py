"""Another time for what is approved and not yet handed over, or none: move, resubmit, drop.

Sending late is a move of the time. Within the rule (`times`) the approval stands; beyond it, the press of one
who may approve the post is an approval of its own, and anybody else's sends it back to wait for one.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction

from social import clock
from social.models import Approval, Blackout, Delivery, Post, Revision
from social.moments import moment, span
from social.signals import work_to_do
from social.workflow.actors import Actor
from social.workflow.changes import take_back
from social.workflow.content import content_of, freeze
from social.workflow.posts import _approval
from social.workflow.refusals import Refusal, WrongState
from social.workflow.table import Request, apply, authors_of, held, rule_for, waiting_on, why_not
from social.workflow.times import (
    another_day,
    blackouts_at,
    far,
    into_blackout,
    keeps_approval,
    standing_approval,
)

D = Delivery.Status


class Cost(StrEnum):
    """What a move of the time does to the approval."""

    KEEPS = "keeps"
    """Within the rule: it stands."""
    APPROVES = "approves"
    """Beyond the rule, by one who may approve the post: the press is a new one."""
    ASKS = "asks"
    """Beyond the rule, by anybody else: the post waits for a new one, with that time."""


def cost_of(
    approved: datetime, at: datetime, *, may_approve: bool, blackouts: Iterable[Blackout] = ()
) -> Cost:
    """What it costs to send at this moment what a person approved for that one. `blackouts`: those of its
    channels."""
    if keeps_approval(approved, at, blackouts):
        return Cost.KEEPS
    return Cost.APPROVES if may_approve else Cost.ASKS


def reach(approved: datetime, at: datetime, blackouts: Iterable[Blackout] = ()) -> str:
    """How far it moves from the approved time, for people: "Another day"."""
    row = into_blackout(approved, at, blackouts)
    if row is not None:
        return f"Into “{row.reason}”"
    if another_day(approved, at):
        return "Another day"
    rule = span(settings.TIME_MOVE_KEEPS_APPROVAL_MINUTES * 60)
    return f"{'More than' if far(approved, at) else 'Within'} {rule} from its time"


def may_approve(actor: Actor, authors: set[int]) -> bool:
    """Whether this actor's press can be the second person's approval of a post by these authors."""
    if not actor.is_person or not actor.person.has_perm("social.approve_post"):
        return False
    return not settings.REQUIRE_SECOND_PERSON or actor.person.pk not in authors


def print_of(content_hash: str, rows: Iterable[Delivery]) -> str:
    """A mark of what a page shows of a waiting post: its content, and what of it is queued, and for when."""
    queued = sorted((row.pk, row.due_at.isoformat()) for row in rows if row.status == D.QUEUED)
    return hashlib.sha256(repr((content_hash, queued)).encode()).hexdigest()[:24]


def move(
    post_id: int,
    actor: Actor,
    at: datetime,
    *,
    meant: Cost | None = None,
    shown: str = "",
    shown_hash: str = "",
    since: datetime | None = None,
) -> Cost:
    """Give what is queued of an approved post another time, and say what that did to its approval.

    `meant`: what the page told that it would cost; `shown` or `shown_hash`: the `print_of`, or the content
    hash, that it carried; `since`: when it was drawn. Where one is not so any more, a `WrongState` tells why
    and nothing is changed.
    """
    at = at.replace(microsecond=0)
    with transaction.atomic():
        post = held(post_id)
        rule_for("move", post)
        _as_shown(post, shown, since)
        _to_come(post, at)
        standing = standing_approval(post)
        if standing is None:
            raise Refusal("Nobody approved what stands here: ask for approval.")
        quiet = blackouts_at(at, waiting_on(post))
        may = may_approve(actor, authors_of(post))
        cost = cost_of(standing.approved_time, at, may_approve=may, blackouts=quiet)
        _as_meant(post, meant, cost)
        if cost is Cost.ASKS:
            apply("resubmit", post_id, actor, _resubmit(at), shown_hash=shown_hash)
        else:
            apply("move", post_id, actor, _move(at, standing, cost), at=at, shown_hash=shown_hash)
    return cost


@dataclass(frozen=True)
class Foreseen:
    """What giving a post this time would do: `words` for people, without a full stop."""

    cost: Cost | None
    words: str


def foresee(post: Post, actor: Actor, at: datetime) -> Foreseen:
    """What `reschedule` would do now, to draw a page by; raises the `Refusal` that it would meet."""
    at = at.replace(microsecond=0)
    _to_come(post, at)
    if post.status in (Post.Status.DRAFT, Post.Status.PENDING):
        _unless(why_not("reschedule", post, actor))
        row = next(iter(blackouts_at(at, {one.pk for one in post.content().addressed()})), None)
        if row is not None:
            return Foreseen(None, f"Into “{row.reason}”, which is kept free")
        waits = "It goes on waiting, with that time" if post.status == Post.Status.PENDING else "A draft"
        return Foreseen(None, f"{waits}: no approval is touched")
    rule_for("move", post)
    standing = standing_approval(post)
    if standing is None:
        raise Refusal("Nobody approved what stands here: ask for approval.")
    approved, quiet = standing.approved_time, blackouts_at(at, waiting_on(post))
    cost = cost_of(approved, at, may_approve=may_approve(actor, authors_of(post)), blackouts=quiet)
    _unless(why_not("resubmit" if cost is Cost.ASKS else "move", post, actor, at=at))
    return Foreseen(cost, f"{reach(approved, at, quiet)}: {_FORESEEN[cost]}")


_FORESEEN = {
    Cost.KEEPS: "the approval holds",
    Cost.APPROVES: "a new approval, by your press",
    Cost.ASKS: "asks for a new approval",
}


def _unless(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refusal


def reschedule(
    post_id: int, actor: Actor, at: datetime, *, meant: Cost | None = None, shown_hash: str = ""
) -> Cost | None:
    """Give any post that is not out another time: what is approved by `move`; of what is not, only the time
    of its content changes, and who moves it becomes no author by it. None: there was no approval to cost.
    """
    status = Post.objects.values_list("status", flat=True).get(pk=post_id)
    if status not in (Post.Status.DRAFT, Post.Status.PENDING):
        return move(post_id, actor, at, meant=meant, shown_hash=shown_hash)
    at = at.replace(microsecond=0)

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        _to_come(request.post, at)
        before = request.post.scheduled_at
        in_review = request.post.status == Post.Status.PENDING
        revision = _at_another_time(request, at, in_review=in_review)
        return "", {**_from_to(before, at), "revision": revision.number}

    apply("reschedule", post_id, actor, effect, shown_hash=shown_hash)
    return None


def drop(post_id: int, actor: Actor, *, shown: str = "", since: datetime | None = None) -> Post:
    """Give up what is queued of a post: it does not go out. What is public or on its way there is not
    touched."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        rows = request.post.deliveries.filter(status=D.QUEUED).select_related("channel")
        names = ", ".join(row.channel.network_name for row in rows)
        return names, {"taken_back": take_back(request.post, statuses=[D.QUEUED])}

    with transaction.atomic():
        post = held(post_id)
        rule_for("drop", post)
        _as_shown(post, shown, since)
        return apply("drop", post_id, actor, effect)


# ------------------------------------------------------------------------------------- what must hold
def _as_shown(post: Post, shown: str, since: datetime | None) -> None:
    """What is decided about is what the person saw."""
    if shown and shown != print_of(post.content().content_hash, post.deliveries.all()):
        raise WrongState(_who_was_first(post, since), post.status)


_COSTS = {
    Cost.KEEPS: "would keep its approval",
    Cost.APPROVES: "would be a new approval of yours",
    Cost.ASKS: "would ask somebody else for a new approval",
}


def _as_meant(post: Post, meant: Cost | None, cost: Cost) -> None:
    if meant not in (None, cost):
        raise WrongState(f"This time {_COSTS[cost]} by now: look at it again.", post.status)


def _to_come(post: Post, at: datetime) -> None:
    if at < clock.now().replace(microsecond=0):
        raise Refusal("This time has passed: choose a later one.")
    if at == post.scheduled_at:
        raise Refusal("That is its time already.")


_DONE = {
    "move": "moved its time",
    "publish": "sent it at once",
    "edit": "edited it",
    "stop": "stopped one of its channels",
    "retry": "tried it again",
    "drop": "dropped it",
}


def _who_was_first(post: Post, since: datetime | None) -> str:
    """Who decided about it after the page was drawn, and what."""
    rows = post.events.filter(is_person=True, verb__in=_DONE)
    last = (rows.filter(created_at__gte=since) if since else rows).last()
    if last is None:
        return "It changed after your page was drawn: look at it again."
    to = f" to {moment(post.scheduled_at)}" if last.verb == "move" and post.scheduled_at else ""
    return f"{last.actor_name} {_DONE[last.verb]}{to}, at {moment(last.created_at)}."


# -------------------------------------------------------------------------------------------- effects
def _move(at: datetime, standing: Approval, cost: Cost) -> Any:
    own = standing.kept_from or standing

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        post, before = request.post, _time_of(request.post)
        revision = _at_another_time(request, at)
        if cost is Cost.APPROVES:
            why = "Given with the new time, by moving it."
            _approval(request, Approval.Decision.APPROVED, reason=why).save()
            note = "a new approval, by this press"
        else:
            _keep(post, revision, own, at)
            note = f"the approval of {own.by} stands"
        carried = {"revision": revision, "approved_hash": revision.content_hash}
        rows = post.deliveries.filter(status=D.QUEUED)
        if not rows.update(due_at=at, timed=True, at_once=False, not_before=None, hold="", **carried):
            raise WrongState("Nothing of it is waiting to be sent.", post.status)
        # What failed may be tried again: the approval stands for its words as well.
        post.deliveries.filter(status=D.FAILED).update(**carried)
        work_to_do.send(Post)
        return note, {**_from_to(before, at), "revision": revision.number, "cost": cost.value}

    return effect


def _keep(post: Post, revision: Revision, own: Approval, at: datetime) -> None:
    minutes = round(abs((at - own.approved_time).total_seconds()) / 60)
    Approval.objects.create(
        post=post,
        revision=revision,
        content_hash=revision.content_hash,
        decision=Approval.Decision.APPROVED,
        user=own.user,
        user_name=own.user_name,
        kept_from=own,
        reason=f"Kept: only the time moved, to {minutes} minutes from the one that was approved.",
    )


def _resubmit(at: datetime) -> Any:
    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        before = _time_of(request.post)
        taken_back = take_back(request.post)
        revision = _at_another_time(request, at)
        return "asks for a new approval", {
            **_from_to(before, at),
            "revision": revision.number,
            "taken_back": taken_back,
        }

    return effect


def _at_another_time(request: Request, at: datetime, *, in_review: bool = False) -> Revision:
    before = request.post.content()
    content, words = replace(content_of(before), scheduled_at=at), before.moved_from or before
    return freeze(request.post, content, request.actor, in_review=in_review, moved_from=words)


def _time_of(post: Post) -> datetime | None:
    """When what is queued of it was to go out."""
    return post.deliveries.filter(status=D.QUEUED).order_by("due_at").values_list("due_at", flat=True).first()


def _from_to(before: datetime | None, at: datetime) -> dict[str, Any]:
    return {"from": before.isoformat() if before else None, "to": at.isoformat()}
