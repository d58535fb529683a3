"""Reading the provider's list, so that what is not in it can be said to be absent."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel

from integrations.errors import BadAnswer, NotSent, ProviderError
from integrations.publer.client import PublerClient
from integrations.publer.types import ListedPost, PostPage
from social import clock

PAGE_TRIES = 3
"""A page that fails is read again; the look goes on."""
A_PAGE = 10
"""Posts on a page, as far as is known ahead."""
FIRST_PAGES = 5
"""So many pages of a list of several accounts are read beyond those that hold what is looked for; what is not
there is looked for by account."""

Enough = Callable[[Collection[ListedPost]], bool]


@dataclass(frozen=True)
class Look:
    """What was listed. Presence counts from any page; absence only from a `complete` look, as of `began`.

    `goes_on`: it was interrupted, and is to be taken up again where it stands.
    """

    began: datetime
    posts: tuple[ListedPost, ...]
    complete: bool
    goes_on: bool = False


class SoFar(BaseModel):
    """How far a look at one list has come. It is kept where the provider's limit ends it, and goes on from
    there: a list that needs more calls than one window allows is read over several, by the same rule."""

    accounts: tuple[str, ...]
    date_from: date
    date_to: date
    began: datetime | None = None
    """When the first page of the pass under way was asked for."""
    page: int = 0
    """The next one to be read."""
    pages: int = 1
    total: int | None = None
    ids: set[str] = set()
    """Of the pass under way."""
    before: set[str] | None = None
    """Of the whole pass before it, and when that one began."""
    before_began: datetime | None = None
    posts: dict[str, ListedPost] = {}
    """All that the pass under way and the one before have shown, as it was last read."""
    read: int = 0
    """Pages read in all."""

    def add(self, page: PostPage) -> bool:
        """Take one page in; False where the list has changed meanwhile, so that this pass proves nothing."""
        same = self.total in (None, page.total)
        self.total = page.total
        self.ids |= {post.id for post in page.posts}
        self.posts |= {post.id: post for post in page.posts}
        self.page, self.pages, self.read = self.page + 1, page.total_pages, self.read + 1
        return same and (self.page < self.pages or len(self.ids) == self.total)

    def at_the_end(self) -> bool:
        return self.page >= self.pages

    def next_pass(self) -> None:
        """This pass was whole: another one is to be equal."""
        self.before, self.before_began = self.ids, self.began
        self.posts = {post_id: post for post_id, post in self.posts.items() if post_id in self.ids}
        self._begin()

    def begin_anew(self) -> None:
        self.before = self.before_began = None
        self.posts = {}
        self._begin()

    def _begin(self) -> None:
        self.began, self.page, self.pages, self.total, self.ids = None, 0, 1, None, set()


def look(
    publer: PublerClient,
    accounts: Sequence[str],
    date_from: date,
    date_to: date,
    *,
    expected: int = 0,
    most: int = 1_000_000,
    enough: Enough = lambda posts: False,
) -> Look:
    """What the list's first pages show, `expected` posts and some more, but `most` pages; complete where that
    is one page, `goes_on` where there are more.

    Stops as soon as `enough` is satisfied. Raises the client's errors where not even one page could be read.
    """
    so_far = SoFar(accounts=tuple(accounts), date_from=date_from, date_to=date_to)
    pages = min(most, FIRST_PAGES + expected // A_PAGE)
    return look_through(publer, so_far, pages=pages, enough=enough, passes=1)


def look_through(
    publer: PublerClient,
    so_far: SoFar,
    *,
    pages: int,
    enough: Enough = lambda posts: False,
    passes: int = 2,
) -> Look:
    """Read the list on from where it stands, at most so many pages; where it has several pages, twice, since
    one pass can miss a post while it shifts.

    A pass is whole when the distinct ids are as many as `total`, which is the same on every page; complete is
    a list of one page read whole, or of two equal passes in a row, as of the beginning of the first of them.
    What was read counts as present in any case. Raises the client's errors where nothing could be read now.
    """
    until_now = so_far.read
    for _ in range(pages):
        so_far.began = so_far.began or clock.now()
        try:
            page = _page(publer, so_far)
        except ProviderError:
            if so_far.read == until_now:
                raise
            return _seen(so_far, goes_on=True)
        if not so_far.add(page):
            seen = _seen(so_far)
            so_far.begin_anew()
            return seen
        if so_far.at_the_end():
            if so_far.pages <= 1 or so_far.before == so_far.ids:
                return _seen(so_far, complete=True)
            differs = so_far.before is not None
            so_far.next_pass()
            if passes == 1 or differs:
                return _seen(so_far, goes_on=differs)
        if enough(so_far.posts.values()):
            return _seen(so_far)
    return _seen(so_far, goes_on=True)


def _seen(so_far: SoFar, *, complete: bool = False, goes_on: bool = False) -> Look:
    began = so_far.before_began or so_far.began
    return Look(began or clock.now(), tuple(so_far.posts.values()), complete, goes_on)


def _page(publer: PublerClient, so_far: SoFar) -> PostPage:
    for _ in range(PAGE_TRIES - 1):
        try:
            return _read(publer, so_far)
        except (BadAnswer, NotSent):
            continue
    return _read(publer, so_far)


def _read(publer: PublerClient, so_far: SoFar) -> PostPage:
    return publer.posts(
        page=so_far.page,
        date_from=so_far.date_from,
        date_to=so_far.date_to,
        account_ids=so_far.accounts,
    )
