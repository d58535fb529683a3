"""Which listed post is which delivery. Pure: no database, no clock, no provider."""

import difflib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from integrations.publer.types import ListedPost
from social.networks.normal_form import normal_form

SLACK = timedelta(minutes=2)
"""How far the provider's clock may stand off ours."""
BEGINNING = 20
"""Characters that our text needs for its being the beginning of a listed one to prove anything (a signature
may be appended by Publer)."""
HALF = 0.5
LEFT_OUT = ("draft", "recycl", "recurring")


@dataclass(frozen=True)
class Sought:
    """A delivery that is looked for, as it was sent."""

    pk: int
    account_id: str
    text: str
    link: str
    since: datetime
    """Its first stamp; never stamped: the making of its revision."""
    minutes: frozenset[datetime] = frozenset()
    """Times for which it was handed over; empty where it was only ever sent as "now"."""
    sent_now: bool = True
    """Some attempt was "now", or there was none."""
    held_id: str = ""


@dataclass
class Matches:
    """`certain` and `probable` by delivery; `left_over`: certain for one that already has its post."""

    certain: dict[int, ListedPost] = field(default_factory=dict)
    probable: dict[int, list[ListedPost]] = field(default_factory=dict)
    left_over: dict[int, list[ListedPost]] = field(default_factory=dict)


def match(
    sought: Sequence[Sought],
    listed: Sequence[ListedPost],
    owners: Mapping[str, int],
    *,
    probably: bool = True,
) -> Matches:
    """One to one. `owners`: the deliveries that hold listed ids already, of all deliveries on these
    accounts. `probably`: say what is only probable, too."""
    found = Matches()
    by_id = {post.id: post for post in listed}
    for row in sought:  # 1. an id we hold is its delivery
        if row.held_id and row.held_id in by_id:
            found.certain[row.pk] = by_id[row.held_id]
    free: dict[str, list[ListedPost]] = defaultdict(list)
    alike_begun: dict[tuple[str, str], list[ListedPost]] = defaultdict(list)
    for post in listed:
        if post.id not in owners and not post.state.startswith(LEFT_OUT):
            free[post.account_id].append(post)
            alike_begun[post.account_id, _beginning(post.text)].append(post)
    # 3. a delivery whose id is gone takes its certain match first: ids may change when published
    seekers = sorted(
        (row for row in sought if row.pk not in found.certain),
        key=lambda row: (not row.held_id, row.since, row.pk),
    )
    pairs = [
        (not row.held_id, _not_exact(row, post), _distance(row, post), order, row, post)
        for order, row in enumerate(seekers)
        for post in alike_begun[row.account_id, _beginning(row.text)]
        if _in_window(row, post)
        and _words_certain(row, post, free[row.account_id])
        and _link_fits(row, post)
        and _time_fits(row, post)
    ]
    taken: set[str] = set()
    for *_, row, post in sorted(pairs, key=lambda pair: pair[:4]):
        if row.pk not in found.certain and post.id not in taken:
            found.certain[row.pk] = post
            taken.add(post.id)
    for *_, row, post in pairs:
        if row.pk in found.certain and post.id not in taken:
            found.left_over.setdefault(row.pk, []).append(post)
    for row in sought if probably else ():
        if row.pk in found.certain:
            continue
        alike = [
            post
            for post in free[row.account_id]
            if post.id not in taken and _in_window(row, post) and _alike(row, post)
        ]
        if alike:
            found.probable[row.pk] = alike
    return found


@lru_cache(maxsize=8192)
def _normal(text: str) -> str:
    """Each text is compared with many."""
    return normal_form(text)


def _beginning(text: str) -> str:
    """What two texts share, if one is certainly the other: so few pairs are compared whole."""
    return _normal(text)[:BEGINNING]


def _in_window(row: Sought, post: ListedPost) -> bool:
    """Same account, and not from before it was first sent. A post without a time may be ours."""
    if post.account_id != row.account_id:
        return False
    return post.scheduled_at is None or post.scheduled_at >= row.since - SLACK


def _words_certain(row: Sought, post: ListedPost, free: Sequence[ListedPost]) -> bool:
    ours, theirs = _normal(row.text), _normal(post.text)
    if not ours:
        return not theirs and sum(1 for other in free if _in_window(row, other)) == 1
    return ours == theirs or (len(ours) >= BEGINNING and theirs.startswith(ours))


def _not_exact(row: Sought, post: ListedPost) -> bool:
    return _normal(row.text) != _normal(post.text)


def _link_fits(row: Sought, post: ListedPost) -> bool:
    """Our link, where one is listed at all, with its query: a shop's links often differ in that alone."""
    return not row.link or not post.url or _plain(post.url) == _plain(row.link)


_HOST = re.compile(r"^\w+://[^/?#]*")


def _plain(url: str) -> str:
    """Scheme and host know no case; path and query do."""
    return _HOST.sub(lambda start: start[0].lower(), url.strip().rstrip("/"))


def _time_fits(row: Sought, post: ListedPost) -> bool:
    if post.scheduled_at is None:
        return row.sent_now
    minute = _minute(post.scheduled_at)
    return minute in {_minute(at) for at in row.minutes} or (
        row.sent_now and post.scheduled_at >= row.since - SLACK
    )


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _distance(row: Sought, post: ListedPost) -> float:
    if post.scheduled_at is None:
        return float("inf")
    return min(abs((post.scheduled_at - at).total_seconds()) for at in (row.minutes or {row.since}))


def _alike(row: Sought, post: ListedPost) -> bool:
    """Half alike, the same link, or no text on either side."""
    ours, theirs = _normal(row.text), _normal(post.text)
    if not ours or not theirs:
        return True
    if row.link and post.url and _plain(row.link) == _plain(post.url):
        return True
    compared = difflib.SequenceMatcher(None, ours.lower(), theirs.lower(), autojunk=False)
    # The first two are upper bounds of the third, and cheap.
    return all(r() >= HALF for r in (compared.real_quick_ratio, compared.quick_ratio, compared.ratio))
