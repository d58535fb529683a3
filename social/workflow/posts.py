"""The verbs: what people and programs do to a post. Each applies one row of the table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import transaction

from social import clock, networks
from social.models import Approval, Channel, Delivery, Post, Revision
from social.signals import work_to_do
from social.workflow import changes
from social.workflow.actors import Actor
from social.workflow.changes import take_back
from social.workflow.content import Content, content_of, freeze, put, write
from social.workflow.deliveries import receipt_of
from social.workflow.refusals import InvalidContent, NotAllowed, Refusal, WrongState
from social.workflow.table import (
    Request,
    apply,
    apply_to_all,
    by_a_second_person,
    can_be_recalled,
    change_waits,
    handed_over,
    record,
)
from social.workflow.times import far, standing_approval

D = Delivery.Status

FRESH = timedelta(minutes=2)
"""A look that shows nothing of a post allows a person to send it again for so long."""
CAN_BE_UNDONE = "The approval can still be undone"


def create(
    actor: Actor,
    content: Content,
    *,
    title: str = "",
    source: str = Post.Source.STAFF,
    evidence: dict[str, Any] | None = None,
    copied_from: Post | None = None,
) -> Post:
    """Make a draft; `copied_from`: the post whose words it repeats."""
    with transaction.atomic():
        now = clock.now()
        post = Post.objects.create(
            author=actor.person,
            token=actor.token,
            title=title.strip(),
            source=source,
            evidence=evidence or {},
            sort_at=now,
        )
        freeze(post, content, actor)
        post.save()
        note = "" if actor.token is None else f"for {actor.person.get_username()}"
        data: dict[str, Any] = {}
        if copied_from is not None:
            note, data = f"a copy of “{copied_from.name}”", {"copied_from": copied_from.pk}
        record(post, actor, "create", note=note, data=data)
    return post


def duplicate(post_id: int, actor: Actor) -> Post:
    """A draft of this person with the words, pictures and channels of a post, and without its time.

    Channels that are no longer connected are left out.
    """
    post = Post.objects.select_related("revision").get(pk=post_id)
    if not actor.is_person or not actor.person.has_perm("social.add_post"):
        raise NotAllowed("Writing posts is for an author or an approver.")
    content = content_of(post.content())
    connected = [one for one in content.channels if one.active and one.connection.connected]
    content = replace(content, scheduled_at=None, channels=connected)
    title = f"{post.title[:190]} (copy)" if post.title else ""
    return create(actor, content, title=title, copied_from=post)


def edit(
    post_id: int, actor: Actor, content: Content, *, title: str | None = None, shown_hash: str = ""
) -> Post:
    """Make a new revision. An approval is void by it; what was queued is taken back, and what Publer has for
    later is taken off there first: until that is sure, the new revision waits (`changes`).

    `shown_hash` is that of the content which the edit began from; given, it must still be the post's.

    A post that waits for approval stays waiting when an approver edits it; an author withdraws it first.
    Where nothing public changes, only the name for us is written and the approval stands.
    """
    post, content = Post.objects.get(pk=post_id), content.as_kept()
    if post.revision and post.revision.content_hash == content.hash:
        if title is not None and title.strip() != post.title:
            Post.objects.filter(pk=post_id).update(title=title.strip())
            post.refresh_from_db()
        return post

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        if request.post.status == Post.Status.PENDING and (problems := content.problems()):
            raise InvalidContent(problems)  # what waits for approval could be submitted, and stays so
        if handed_over(request.post):
            revision = write(request.post, content, actor)
            name = {} if title is None else {"title": title.strip()}
            changes.begin(request, "edit", revision=revision.pk, **name)
            return f"revision {revision.number}, once Publer has let go of it", {"revision": revision.number}
        voided = take_back(request.post)
        if title is not None:
            request.post.title = title.strip()
        before = request.post.revision
        revision = freeze(request.post, content, actor, in_review=request.post.status == Post.Status.PENDING)
        note = f"revision {revision.number}" + ("; the approval is void" if voided else "")
        return note, {
            "revision": revision.number,
            "was": before.number if before else None,
            "taken_back": voided,
        }

    return apply("edit", post_id, actor, effect, shown_hash=shown_hash)


def submit(post_id: int, actor: Actor) -> Post:
    """Ask for approval: of what stands there, or of the change that waits until Publer has let go of it."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        revision = request.post.content()
        if change_waits(request.post):
            request.post.change["submit"] = True
            revision = changes.revision_of(request.post) or revision
        return f"revision {revision.number}", {"revision": revision.number}

    return apply("submit", post_id, actor, effect)


def withdraw(post_id: int, actor: Actor) -> Post:
    """Back to a draft: out of review, or with its approval taken back. What Publer has for later is taken off
    there first."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        if handed_over(request.post):
            changes.begin(request, "withdraw")
            return "once Publer has let go of it", {}
        return "", {"taken_back": take_back(request.post)}

    return apply("withdraw", post_id, actor, effect)


def approve(
    post_id: int, actor: Actor, *, shown_hash: str = "", reason: str = "", undo_seconds: float = 0
) -> Post:
    """Approve exactly the content that the person saw, and queue it on its channels.

    `shown_hash` is the content hash that the page carried; where it is given, it must still be the post's.
    `reason`: why it goes on in spite of what the page warned of. For `undo_seconds` (and for `UNDO_SECONDS`)
    nothing of it is sent, so that it can be undone.
    """
    hold = max(undo_seconds, settings.UNDO_SECONDS)
    return apply(
        "approve",
        post_id,
        actor,
        lambda request: _approve([request], hold=hold, reason=reason.strip())[0],
        shown_hash=shown_hash,
    )


def approve_all(shown: Mapping[int, str], actor: Actor) -> dict[int, Refusal]:
    """Approve many posts, each decided by itself, written together; answers why some were left as they were.

    `shown`: by the post's id, the content hash that the page carried for it, or "". A few hundred at most:
    all of them are held until the end.
    """
    facts = {pk: {"shown_hash": shown_hash} for pk, shown_hash in shown.items()}
    return apply_to_all("approve", facts, actor, _approve)


def _approve(
    requests: Sequence[Request], *, hold: float | None = None, reason: str = ""
) -> list[tuple[str, dict[str, Any]]]:
    Approval.objects.bulk_create(
        _approval(request, Approval.Decision.APPROVED, reason=reason) for request in requests
    )
    _queue([request.post for request in requests], settings.UNDO_SECONDS if hold is None else hold)
    revisions = [request.post.content() for request in requests]
    why = f": “{reason}”" if reason else ""
    return [
        (f"revision {one.number}{why}", {"content_hash": one.content_hash, "revision": one.number})
        for one in revisions
    ]


def undo(post_id: int, actor: Actor) -> Post:
    """Take one's own decision back at once, before anything came of it: the post waits for approval again."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        undone = request.post.status
        return f"{undone} no more", {"taken_back": take_back(request.post, statuses=[D.QUEUED])}

    return apply("undo", post_id, actor, effect)


def reject(
    post_id: int, actor: Actor, reason: str, *, changes_asked: bool = False, shown_hash: str = ""
) -> Post:
    """Reject with a reason that the author reads."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        _approval(
            request, Approval.Decision.REJECTED, reason=reason.strip(), changes_asked=changes_asked
        ).save()
        return reason.strip(), {"changes_asked": changes_asked, "revision": request.post.content().number}

    return apply("reject", post_id, actor, effect, reason=reason, shown_hash=shown_hash)


def cancel(post_id: int, actor: Actor) -> Post:
    """End a post that is not out: what was queued is taken back, what Publer has for later is recalled there,
    what is public stays."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        post, now = request.post, clock.now()
        post.change = {}
        data = {"taken_back": take_back(post)}
        asked = post.deliveries.filter(status=D.SCHEDULED).update(
            recall=Delivery.Recall.CANCEL, next_look_at=now
        )
        if asked:
            work_to_do.send(Post)
            return "once Publer has let go of it", {**data, "asked_at_publer": asked}
        return _back_to_what_is_public(post), data

    return apply("cancel", post_id, actor, effect)


def _back_to_what_is_public(post: Post) -> str:
    """A later version that is given up leaves the post as people see it. Returns the event's note."""
    public = post.deliveries.filter(status=D.PUBLISHED).select_related("revision")
    shown = public.order_by("revision__number").last()
    if shown is None or shown.revision_id == post.revision_id:
        return ""
    given_up = post.content().number
    put(post, shown.revision)
    return f"revision {given_up} is given up; revision {shown.revision.number} is public"


def stop(post_id: int, actor: Actor, delivery_id: int) -> Post:
    """Give up one channel: what waits or failed there does not go out. The others go on."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        rows = request.post.deliveries.filter(pk=delivery_id, status__in=[D.QUEUED, D.FAILED])
        row = rows.select_related("channel").first()
        if row is None or not rows.update(status=D.CANCELLED, hold="", not_before=None):
            raise WrongState("It does not wait any more: look at it again.", request.post.status)
        return str(row.channel), {"delivery": delivery_id}

    return apply("stop", post_id, actor, effect)


def retry(post_id: int, actor: Actor, *, delivery_id: int | None = None) -> Post:
    """Send again what failed for certain (nothing of it is public), and at once what waits for its next
    try."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        rows = request.post.deliveries.filter(**({"pk": delivery_id} if delivery_id else {}))
        again, now = 0, clock.now()
        failed = rows.filter(status=D.FAILED, approved_hash=request.post.content().content_hash)
        # Of many, those that will be refused again are left; one by itself is as whoever asks for it wills.
        for row in failed if delivery_id else failed.filter(retry_helps=True):
            again += rows.filter(pk=row.pk, status=D.FAILED).update(
                status=D.QUEUED,
                attempts=0,
                at_once=False,
                # A person says by it that it still goes out; a program does not.
                due_at=max(row.due_at, now) if actor.is_person else row.due_at,
                problem="",
                provider_words="",
                retry_helps=True,
                not_before=None,
                hold="",
                provider_post_id="",
                former_ids=[*row.former_ids, *([row.provider_post_id] if row.provider_post_id else [])],
            )
        sooner = rows.filter(status=D.QUEUED).exclude(problem="").update(not_before=None, hold="")
        if not again and not sooner:
            useless = failed.first()
            words = f"Trying again cannot help: {useless.problem}" if useless else "Nothing of it has failed."
            raise WrongState(words, request.post.status)
        work_to_do.send(Post)
        return f"{again + sooner} of its channels", {"again": again, "sooner": sooner}

    return apply("retry", post_id, actor, effect)


def recall(post_id: int, actor: Actor) -> Post:
    """Take back what is not public: at once what is queued, at Publer (and then surely) what was handed
    over."""

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        taken_back = take_back(request.post, statuses=[D.QUEUED])
        now = clock.now()
        handed_over = request.post.deliveries.filter(status=D.SCHEDULED, recall="")
        asked = handed_over.filter(can_be_recalled(now)).update(
            recall=Delivery.Recall.CANCEL, next_look_at=now
        )
        if not taken_back and not asked:
            if handed_over.exists():
                raise WrongState(
                    "Too late to recall it: Publer sends it within a minute.", request.post.status
                )
            raise WrongState(
                "Nothing of it can be recalled: it is public, on its way, or already being recalled.",
                request.post.status,
            )
        work_to_do.send(Post)
        return "", {"taken_back": taken_back, "asked_at_publer": asked}

    return apply("recall", post_id, actor, effect)


def publish(post_id: int, actor: Actor) -> Post:
    """Send an approved post at once, ahead of its time or late.

    A move of the time beyond `TIME_MOVE_KEEPS_APPROVAL_MINUTES` asks for a new approval: the one who presses
    must be one who may approve the post, and the press is an approval, shown as such.
    """

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        now = clock.now()
        rows = list(request.post.deliveries.filter(status__in=[D.QUEUED, D.SCHEDULED], recall=""))
        if not rows and request.post.deliveries.filter(status__in=Delivery.IN_AIR, decide=False).exists():
            return "already on its way", {}
        if not rows:
            raise WrongState("Nothing of it is waiting to be sent.", request.post.status)
        standing = standing_approval(request.post)
        if standing is None or far(standing.approved_time, now):
            if not actor.is_person or not actor.person.has_perm("social.approve_post"):
                raise NotAllowed(
                    f"Its time is more than {settings.TIME_MOVE_KEEPS_APPROVAL_MINUTES} minutes away: "
                    "an approver has to send it."
                )
            by_a_second_person(request)
            approval = _approval(
                request, Approval.Decision.APPROVED, reason="sent at once by this press", for_time=now
            )
            approval.save()
        pks = [row.pk for row in rows]
        sooner = request.post.deliveries.filter(pk__in=pks, status=D.QUEUED).update(
            due_at=now, timed=False, at_once=actor.is_person, not_before=None, hold=""
        )
        # What Publer already has is recalled first, and sent only when that is sure.
        handed_over = request.post.deliveries.filter(pk__in=pks, status=D.SCHEDULED)
        sooner += handed_over.filter(can_be_recalled(now)).update(
            recall=Delivery.Recall.REQUEUE,
            due_at=now,
            timed=False,
            at_once=actor.is_person,
            next_look_at=now,
        )
        if not sooner:
            raise WrongState("Publer has it, and sends it within a minute.", request.post.status)
        work_to_do.send(Post)
        return "at once", {}

    return apply("publish", post_id, actor, effect)


def settle(
    post_id: int,
    actor: Actor,
    delivery_id: int,
    outcome: Literal["live", "again", "drop"],
    *,
    permalink: str = "",
    not_these: Collection[str] = (),
) -> Post:
    """A person says what became of a delivery whose outcome cannot be established.

    "again" needs a fresh and complete look that shows nothing of it: nothing, or only posts that the person
    was shown and judged (`not_these`, their ids at the provider).
    """

    def effect(request: Request) -> tuple[str, dict[str, Any]]:
        rows = request.post.deliveries.filter(pk=delivery_id, status=D.UNCONFIRMED, decide=True)
        row = rows.first()
        if row is None:
            raise WrongState("Its outcome is established by now: look at it again.", request.post.status)
        now = clock.now()
        listed = {str(candidate["id"]): candidate for candidate in row.candidates}
        if outcome == "again" and not (_looked_just_now(row, now) and set(listed) <= set(not_these)):
            raise _NeedsALook(
                "Sent again only after a fresh look that shows nothing of it. That look is being taken: "
                "come back in a minute or two."
            )
        row.items.filter(open=True).update(open=False)
        common = {"decide": False, "candidates": [], "next_look_at": None, "problem": "", "hold": ""}
        link = permalink
        if outcome == "live":
            if len(listed) == 1:  # the one that the person was shown is the one that is live
                (only,) = listed.values()
                if not _taken(row, only["id"]):
                    common |= {"provider_post_id": only["id"]}
                link = permalink or only.get("link") or ""
            rows.update(status=D.PUBLISHED, permalink=link, published_at=now, **common)
            request.post.receipt = receipt_of(request.post)
            request.post.published_at = request.post.published_at or now
        elif outcome == "again":
            held = [row.provider_post_id] if row.provider_post_id else []
            common |= {"former_ids": [*row.former_ids, *held, *listed], "provider_post_id": ""}
            rows.update(status=D.QUEUED, due_at=now, timed=False, not_before=None, was_unknown=True, **common)
        else:
            rows.update(status=D.CANCELLED, **common)
        work_to_do.send(Post)
        said = {"live": "It is live", "again": "Send it again", "drop": "Drop"}[outcome]
        return f"{row.channel}: {said}", {"delivery": row.pk, "outcome": outcome, "permalink": link}

    try:
        with transaction.atomic():
            post = apply("settle", post_id, actor, effect)
            changes.conclude(post)
            return post
    except _NeedsALook:
        with transaction.atomic():
            Delivery.objects.filter(pk=delivery_id, decide=True).update(next_look_at=clock.now())
            work_to_do.send(Post)
        raise


class _NeedsALook(Refusal):
    """The last look is too old, or shows something that may be the post."""


def _taken(row: Delivery, post_id: str) -> bool:
    """Whether another delivery has this post of the provider."""
    others = Delivery.objects.filter(connection=row.connection_id, provider_post_id=post_id)
    return others.exclude(provider_post_id="").exclude(pk=row.pk).exists()  # so says the index, too


def _looked_just_now(row: Delivery, now: datetime) -> bool:
    """Whether the last complete look is fresh, and began when what had left could not turn up any more."""
    looked, over = row.looked_from, timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    return (
        looked is not None
        and looked >= now - FRESH
        and (row.quiet_from is None or looked > row.quiet_from + over)
    )


def _approval(
    request: Request,
    decision: Approval.Decision,
    reason: str = "",
    changes_asked: bool = False,
    for_time: datetime | None = None,
) -> Approval:
    """The row that says so, not yet written."""
    revision = request.post.content()
    return Approval(
        post=request.post,
        revision=revision,
        content_hash=revision.content_hash,
        decision=decision,
        user=request.actor.person,
        user_name=request.actor.name[:200],
        reason=reason,
        changes_asked=changes_asked,
        for_time=for_time,
    )


def _queue(posts: Sequence[Post], hold: float) -> None:
    """Queue the approved revision of each on each of its channels that has no delivery of this post; none is
    sent before so many seconds have passed."""
    now = clock.now()
    send_from = now + timedelta(seconds=hold)
    rows = Delivery.objects.filter(post__in=posts).exclude(status=D.CANCELLED)
    taken = set(rows.values_list("post_id", "channel_id"))
    Delivery.objects.bulk_create(
        Delivery(
            post=post,
            channel=channel,
            connection_id=channel.connection_id,
            revision=revision,
            approved_hash=revision.content_hash,
            fingerprint=fingerprint,
            due_at=revision.scheduled_at or send_from,
            timed=revision.scheduled_at is not None,
            not_before=send_from if hold else None,
            hold=CAN_BE_UNDONE if hold else "",
        )
        for post, revision in ((post, post.content()) for post in posts)
        for channel, fingerprint in _fingerprints(revision)
        if (post.pk, channel.pk) not in taken
    )
    work_to_do.send(Post)


def _fingerprints(revision: Revision) -> list[tuple[Channel, str]]:
    """Each channel, with that of the text which it gets; most get the same."""
    channels = [(channel, revision.text_for(channel.network)) for channel in revision.addressed()]
    known = {text: networks.fingerprint(text) for text in {text for _, text in channels}}
    return [(channel, known[text]) for channel, text in channels]
