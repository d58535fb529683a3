"""Posts that say nearly the same on an account, so that followers do not read it twice by mistake."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import regex

from social import clock
from social.models import Channel, Post
from social.networks.normal_form import normal_form

NEAR = timedelta(days=14)
MOST = 200
"""So many posts around the time are compared."""
SHARE = 0.6
FEWEST = 4
"""Fewer words than that are like many others by chance."""
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]{2,}")


@dataclass(frozen=True)
class Alike:
    """A post that says nearly the same: `share` of the words, on these channels."""

    post: Post
    share: float
    channels: tuple[Channel, ...]


def words_of(text: str) -> frozenset[str]:
    """The different words of a text."""
    return frozenset(_WORD.findall(normal_form(text).casefold()))


def alike(
    text: str, channels: Sequence[Channel], at: datetime | None, *, but: Post | None = None
) -> Alike | None:
    """The post most like this text that one of these channels gets within two weeks of `at` (UTC, None is
    now), if six words of ten are the same. Two queries."""
    ours = words_of(text)
    if len(ours) < FEWEST or not channels:
        return None
    at = at or clock.now()
    S = Post.Status
    near = (
        Post.objects.filter(
            sort_at__range=(at - NEAR, at + NEAR),
            revision__channels__in=[channel.pk for channel in channels],
        )
        .exclude(status__in=[S.DRAFT, S.REJECTED, S.CANCELLED])
        .exclude(pk__in=[but.pk] if but else [])
        .select_related("revision")
        .prefetch_related("revision__channels")
        .distinct()
        .order_by("-sort_at", "-id")[:MOST]
    )
    best: Alike | None = None
    mine = {channel.pk for channel in channels}
    for post in near:
        theirs = words_of(post.content().text)
        share = len(ours & theirs) / max(len(ours | theirs), 1)
        if share >= SHARE and (best is None or share > best.share):
            on = tuple(channel for channel in post.content().channels.all() if channel.pk in mine)
            best = Alike(post, share, on)
    return best
