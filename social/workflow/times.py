"""How far a time may move under the approval that was given for it."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings

from social.models import Approval, Blackout, Post
from social.wall_clock import shop_zone


def standing_approval(post: Post) -> Approval | None:
    """The approval under which the post's current content goes out; one query."""
    rows = post.approvals.filter(
        decision=Approval.Decision.APPROVED, content_hash=post.content().content_hash
    )
    return rows.select_related("user", "revision", "kept_from__revision", "kept_from__user").last()


def far(approved: datetime, at: datetime) -> bool:
    """Whether a moment lies further from the approved one than `TIME_MOVE_KEEPS_APPROVAL_MINUTES`."""
    return abs(at - approved) > timedelta(minutes=settings.TIME_MOVE_KEEPS_APPROVAL_MINUTES)


def another_day(approved: datetime, at: datetime) -> bool:
    """Whether they lie on two days of the shop."""
    zone = shop_zone()
    return approved.astimezone(zone).date() != at.astimezone(zone).date()


def blackouts_at(at: datetime, channels: Collection[int]) -> list[Blackout]:
    """The blackouts that hold at this moment for these channels (their ids); one query."""
    rows = Blackout.objects.filter(starts_at__lte=at, ends_at__gt=at)
    return [row for row in rows if row.concerns(channels)]


def into_blackout(approved: datetime, at: datetime, blackouts: Iterable[Blackout]) -> Blackout | None:
    """The blackout into which it would move: one that did not hold at the approved time already."""
    return next((row for row in blackouts if row.holds(at) and not row.holds(approved)), None)


def keeps_approval(approved: datetime, at: datetime, blackouts: Iterable[Blackout] = ()) -> bool:
    """Whether the approval stands when a post goes out at this moment. `blackouts`: those of its channels.

    Measured from the time that the person approved, however often it was moved since: small moves do not add
    up to a large one.
    """
    return (
        not far(approved, at)
        and not another_day(approved, at)
        and into_blackout(approved, at, blackouts) is None
    )
