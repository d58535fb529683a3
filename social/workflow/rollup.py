"""What a post is, told from what its deliveries are."""

from collections.abc import Iterable

from social.models import Delivery, Post

TO_COME = {
    Delivery.Status.QUEUED,
    Delivery.Status.SENDING,
    Delivery.Status.UNCONFIRMED,
    Delivery.Status.ACCEPTED,
    Delivery.Status.SCHEDULED,
}
# The states in which the deliveries speak for the post.
ROLLED_UP = {
    Post.Status.APPROVED,
    Post.Status.SCHEDULED,
    Post.Status.PUBLISHED,
    Post.Status.PARTLY_PUBLISHED,
    Post.Status.FAILED,
}


def rolled_up(statuses: Iterable[str]) -> str:
    """The post's status, from those of its deliveries."""
    left = [status for status in statuses if status != Delivery.Status.CANCELLED]
    to_come = [status for status in left if status in TO_COME]
    if not left:
        return Post.Status.CANCELLED
    if not to_come:
        published = left.count(Delivery.Status.PUBLISHED)
        if published == len(left):
            return Post.Status.PUBLISHED
        return Post.Status.PARTLY_PUBLISHED if published else Post.Status.FAILED
    if all(status == Delivery.Status.SCHEDULED for status in to_come):
        return Post.Status.SCHEDULED
    return Post.Status.APPROVED


def label_of(
    post: Post, deliveries: Iterable[Delivery], *, expired: bool = False, changes_asked: bool = False
) -> str:
    """The word beside the status, or "": it never replaces the status.

    `expired`: the post waits for approval and its time has passed. `changes_asked`: the last decision
    rejected it with a wish for changes.
    """
    if post.status == Post.Status.REJECTED and changes_asked:
        return "Changes asked"
    if post.status == Post.Status.PENDING and expired:
        return "Expired"
    if post.status not in ROLLED_UP:
        return ""
    rows = [row for row in deliveries if row.status != Delivery.Status.CANCELLED]
    if any(row.status == Delivery.Status.UNCONFIRMED for row in rows):
        return "Not confirmed"
    to_come = [row for row in rows if row.status in TO_COME]
    if to_come and any(row.status == Delivery.Status.PUBLISHED for row in rows):
        return "Partly published"
    if any(row.status == Delivery.Status.QUEUED and row.problem for row in to_come):
        return "Trying again"
    return ""
