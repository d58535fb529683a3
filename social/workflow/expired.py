"""What becomes of a post whose time passed undecided: a person says so, never the clock."""

from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction

from social import clock
from social.models import Post
from social.workflow.actors import Actor
from social.workflow.moving import reschedule
from social.workflow.planning import free_slot_or_why
from social.workflow.posts import approve, cancel, submit, withdraw
from social.workflow.refusals import WrongState
from social.workflow.table import held, how_it_came_to_be, why_not

Fate = Literal["now", "slot", "drop"]
FATES: tuple[Fate, ...] = ("now", "slot", "drop")


def is_expired(post: Post, now: datetime) -> bool:
    """Whether it waits for approval, and its own time has passed."""
    return post.status == Post.Status.PENDING and post.scheduled_at is not None and post.scheduled_at <= now


def fates_for(post: Post, actor: Actor, now: datetime) -> frozenset[Fate]:
    """What this person may decide about a post whose time passed undecided; empty where it did not."""
    if not is_expired(post, now):
        return frozenset()
    verbs: dict[Fate, tuple[str, ...]] = {
        "now": ("approve",),
        "slot": ("reschedule", "withdraw"),
        "drop": ("cancel",),
    }
    return frozenset(
        fate for fate, any_of in verbs.items() if any(why_not(verb, post, actor) is None for verb in any_of)
    )


def decide_expired(
    post_id: int, actor: Actor, fate: Fate, *, shown_hash: str, undo_seconds: float = 0
) -> Post:
    """Send it now (the press of a second person is the approval), give it the next free slot, for which it
    goes on waiting, or drop it. All of it or nothing: a `Refusal` tells why not.

    `shown_hash`: of the content that the page showed. `undo_seconds`: as for `approve`.
    """
    with transaction.atomic():
        post, now = held(post_id), clock.now()
        if not is_expired(post, now):
            raise WrongState(how_it_came_to_be(post), post.status)
        if shown_hash != post.content().content_hash:
            raise WrongState("It was changed after your page was drawn: look at it again.", post.status)
        if fate == "drop":
            return cancel(post_id, actor)
        if fate == "now":
            at = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
            reschedule(post_id, actor, at, shown_hash=shown_hash)
            # Only its time was changed, by this press and in this transaction: what was shown is approved.
            return approve(post_id, actor, undo_seconds=undo_seconds)
        slot = free_slot_or_why(list(post.content().channels.all()), after=now, but=post_id)
        if actor.person.has_perm("social.approve_post"):
            reschedule(post_id, actor, slot, shown_hash=shown_hash)
            return Post.objects.get(pk=post_id)
        # In review only an approver edits: its author withdraws it, and asks again.
        withdraw(post_id, actor)
        reschedule(post_id, actor, slot, shown_hash=shown_hash)
        return submit(post_id, actor)
