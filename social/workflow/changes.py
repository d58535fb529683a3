"""A change to a post that Publer already has: it is taken off there first, and only when that is sure changed
here.

What is wished stands on the post (`Post.change`) until nothing of it is with Publer any more. What went
public meanwhile stays as it is, and is told.
"""

from datetime import timedelta
from typing import Any

from social import clock
from social.models import Delivery, Post, Revision
from social.signals import work_to_do
from social.workflow.actors import SYSTEM, Actor
from social.workflow.content import content_of, put
from social.workflow.refusals import WrongState
from social.workflow.table import Request, change_waits, record

D = Delivery.Status

UNTIL_THEN = timedelta(days=365)
"""How long what is queued waits for it, at most: the change takes it back, or lets it go."""
HELD = "A change to it waits until Publer has let go of the rest"


def begin(request: Request, verb: str, **wish: Any) -> None:
    """Ask Publer to take off what it has, hold what is queued, and keep what is to be done then. The post is
    held, and what it has there can be recalled in time."""
    post, now = request.post, clock.now()
    handed_over = post.deliveries.filter(status=D.SCHEDULED)
    rows = list(handed_over.values_list("pk", flat=True))
    handed_over.update(recall=Delivery.Recall.CANCEL, next_look_at=now)
    post.deliveries.filter(status=D.QUEUED).update(not_before=now + UNTIL_THEN, hold=HELD)
    post.change = {"verb": verb, "by": request.actor.person.pk, "rows": rows, **wish}
    work_to_do.send(Post)


def revision_of(post: Post) -> Revision | None:
    """The revision that waits to take the post's place, if one does."""
    return Revision.objects.filter(pk=post.change["revision"]).first() if "revision" in post.change else None


def conclude(post: Post) -> bool:
    """Once nothing of it is with Publer any more, make the change that waits for that; whether it was made.

    The post is held, and saved here where it changes.
    """
    if not change_waits(post) or post.deliveries.filter(status__in=[D.SCHEDULED, *Delivery.IN_AIR]).exists():
        return False
    wish, before = post.change, post.status
    public = [
        str(row.channel) for row in post.deliveries.filter(status=D.PUBLISHED).select_related("channel")
    ]
    out = f"public on {', '.join(public)} before Publer had taken it off" if public else ""
    post.change = {"late": f"It was {out}."} if public else {}
    recalled = post.deliveries.filter(status=D.CANCELLED, pk__in=wish["rows"]).exists()
    if not recalled and not post.deliveries.filter(status__in=[D.QUEUED, D.FAILED]).exists():
        record(post, SYSTEM, "too late", note=out)
        post.save(update_fields=["change", "updated_at"])
        return False
    take_back(post)
    revision = Revision.objects.filter(pk=wish.get("revision")).first()
    if revision is not None:
        put(post, revision)
        post.title = wish.get("title", post.title)
    post.status = Post.Status.DRAFT
    number = f"revision {post.content().number}"
    record(post, SYSTEM, "changed", before=before, note=f"{number}; {out}" if out else number)
    if wish.get("submit") and not content_of(post.content()).problems():
        post.status = Post.Status.PENDING
        record(post, _who(wish), "submit", before=Post.Status.DRAFT, note=number)
    post.save()
    return True


def _who(wish: dict[str, Any]) -> Actor:
    from django.contrib.auth.models import User

    return Actor(User.objects.get(pk=wish["by"]))


def take_back(post: Post, statuses: list[str] | None = None) -> int:
    """Cancel what is queued (or failed): the status stands in the WHERE, so a stamp that was faster wins."""
    statuses = statuses or [D.QUEUED, D.FAILED]
    wanted = list(post.deliveries.filter(status__in=statuses).values_list("pk", flat=True))
    taken = post.deliveries.filter(pk__in=wanted, status__in=statuses).update(
        status=D.CANCELLED, hold="", not_before=None
    )
    if taken != len(wanted):
        raise WrongState("It was just sent to Publer: wait for the outcome.", post.status)
    return taken
