"""What a look proves, and which listed post is whose: without a database, without a provider."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from integrations.errors import BadAnswer, Held
from integrations.publer.types import ListedPost, PostPage
from social import clock
from social.publishing.looking import FIRST_PAGES, Look, SoFar, look, look_through
from social.publishing.matching import Matches, Sought, match

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WORDS = "Three bowls, one shelf, and a lid."


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


class Pages:
    """A provider that answers these pages, one after the other: ids, total, number of pages."""

    def __init__(self, *pages: tuple[str, int, int] | Exception) -> None:
        self.pages = list(pages)

    def posts(self, **_: Any) -> PostPage:
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        ids, total, pages = page
        return PostPage(
            posts=tuple(ListedPost(id=one) for one in ids), total=total, page=0, per_page=2, total_pages=pages
        )


def look_at(*pages: tuple[str, int, int] | Exception, left: SoFar | None = None, at_most: int = 99) -> Look:
    so_far = left or anew()
    return look_through(Pages(*pages), so_far, pages=at_most)  # type: ignore[arg-type]


def anew() -> SoFar:
    return SoFar(accounts=("acc",), date_from=date.min, date_to=date.max)


def test_one_page_that_holds_all_is_a_complete_look() -> None:
    assert look_at(("ab", 2, 1)).complete


def test_a_page_that_holds_less_than_the_total_proves_no_absence() -> None:
    assert not look_at(("ab", 3, 1)).complete


def test_several_pages_are_complete_only_when_read_twice_alike() -> None:
    assert look_at(("ab", 3, 2), ("c", 3, 2), ("ab", 3, 2), ("c", 3, 2)).complete
    assert not look_at(("ab", 3, 2), ("c", 3, 2), ("ab", 3, 2), ("d", 3, 2)).complete


def test_a_post_on_two_pages_hides_another() -> None:
    assert not look_at(("ab", 4, 2), ("bc", 4, 2), ("ab", 4, 2), ("bc", 4, 2)).complete


def test_a_total_that_changes_on_the_way_proves_no_absence() -> None:
    assert not look_at(("ab", 4, 2), ("c", 3, 2), ("ab", 3, 2), ("c", 3, 2)).complete


def test_a_page_that_fails_is_read_again_and_the_look_goes_on() -> None:
    failure = BadAnswer("No answer came.", provider="publer")
    assert look_at(failure, failure, ("ab", 2, 1)).complete


def test_the_beginning_of_a_list_is_a_complete_look_only_where_it_is_all() -> None:
    few = look(Pages(("ab", 2, 1)), ["acc", "other"], date.min, date.max)  # type: ignore[arg-type]
    assert few.complete
    many = Pages(*[("ab", 99, 50)] * 50)
    assert not look(many, ["acc", "other"], date.min, date.max).complete  # type: ignore[arg-type]
    assert len(many.pages) == 50 - FIRST_PAGES


def later(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def kept(so_far: SoFar) -> SoFar:
    """As the database keeps it."""
    return SoFar.model_validate(so_far.model_dump(mode="json"))


def test_a_look_that_was_left_goes_on_by_the_same_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    so_far = anew()
    first = look_at(("ab", 5, 3), left=so_far, at_most=1)
    assert (first.complete, first.goes_on) == (False, True)
    later(NOW + timedelta(minutes=2), monkeypatch)
    held = Held("The limit.", provider="publer", seconds=60, reason="limit")
    second = look_at(("cd", 5, 3), ("e", 5, 3), ("ab", 5, 3), held, left=(so_far := kept(so_far)))
    assert (second.complete, second.goes_on) == (False, True)
    assert {post.id for post in second.posts} == set("abcde")
    later(NOW + timedelta(minutes=4), monkeypatch)
    third = look_at(("cd", 5, 3), ("e", 5, 3), left=kept(so_far))
    assert (third.complete, third.goes_on) == (True, False)
    assert third.began == NOW  # the first page of the first of two equal passes
    assert {post.id for post in third.posts} == set("abcde")


def test_a_list_that_changed_while_the_look_was_left_proves_nothing() -> None:
    so_far = anew()
    look_at(("ab", 5, 3), left=so_far, at_most=1)
    changed = look_at(("cd", 6, 3), left=so_far)
    assert (changed.complete, changed.goes_on) == (False, False)
    assert (so_far.began, so_far.page, so_far.before, so_far.posts) == (None, 0, None, {})


def test_a_pass_that_differs_from_the_one_before_is_compared_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    so_far = anew()
    look_at(("ab", 3, 2), ("c", 3, 2), left=so_far, at_most=2)
    later(NOW + timedelta(minutes=2), monkeypatch)
    assert look_at(("ab", 3, 2), ("d", 3, 2), left=so_far).goes_on
    later(NOW + timedelta(minutes=4), monkeypatch)
    seen = look_at(("ab", 3, 2), ("d", 3, 2), left=so_far)
    assert seen.complete
    assert seen.began == NOW + timedelta(minutes=2)
    assert {post.id for post in seen.posts} == set("abd")


def test_the_same_ids_with_another_total_are_no_equal_pass() -> None:
    assert not look_at(("ab", 3, 2), ("c", 3, 2), ("ab", 4, 2), ("c", 4, 2)).complete


def sought(pk: int = 1, **fields: Any) -> Sought:
    values: dict[str, Any] = {"account_id": "acc", "text": WORDS, "link": "", "since": NOW}
    return Sought(pk=pk, **{**values, **fields})


def listed(number: str = "p", **fields: Any) -> ListedPost:
    values: dict[str, Any] = {"account_id": "acc", "text": WORDS, "state": "published", "scheduled_at": NOW}
    told = {**values, **fields}
    told["scheduled_at"] = told["scheduled_at"].isoformat()  # as the wire has it
    return ListedPost(id=number, **told)


def told(rows: Sequence[Sought], posts: Sequence[ListedPost], **owners: int) -> Matches:
    return match(rows, posts, owners)


def test_the_same_words_are_certain() -> None:
    assert told([sought()], [listed()]).certain[1].id == "p"


@pytest.mark.parametrize(
    "other",
    [
        {"account_id": "another"},
        {"scheduled_at": NOW - timedelta(minutes=3)},
        {"state": "draft_private"},
        {"state": "recycling"},
        {"state": "recurring"},
        {"text": "Something quite different: 15% off."},
    ],
    ids=str,
)
def test_what_cannot_be_ours_is_neither_certain_nor_probable(other: dict[str, Any]) -> None:
    found = told([sought()], [listed(**other)])
    assert not found.certain
    assert not found.probable


def test_the_providers_clock_may_stand_two_minutes_off() -> None:
    assert told([sought()], [listed(scheduled_at=NOW - timedelta(seconds=119))]).certain


def test_what_another_delivery_has_is_not_taken() -> None:
    found = told([sought()], [listed()], p=2)
    assert not found.certain
    assert not found.probable


@pytest.mark.parametrize(
    ("theirs", "certain"),
    [
        ("https://shop.example/bowl?v=2", False),
        ("https://shop.example/bowl?v=1", True),
        ("", True),
    ],
)
def test_a_link_counts_with_its_query_where_it_is_listed(theirs: str, certain: bool) -> None:
    found = told([sought(link="https://shop.example/bowl?v=1")], [listed(url=theirs)])
    assert bool(found.certain) is certain
    assert bool(found.probable) is not certain


@pytest.mark.parametrize(("minutes", "certain"), [(0, True), (1, False)])
def test_what_was_for_later_is_known_by_its_minute(minutes: int, certain: bool) -> None:
    row = sought(minutes=frozenset({NOW + timedelta(hours=1)}), sent_now=False)
    at = NOW + timedelta(hours=1, minutes=minutes, seconds=40)
    assert bool(told([row], [listed(scheduled_at=at)]).certain) is certain


def test_our_words_may_be_the_beginning_only_where_they_are_many() -> None:
    assert told([sought()], [listed(text=WORDS + " — the shop")]).certain
    assert not told([sought(text="New bowls")], [listed(text="New bowls — the shop")]).certain


def test_without_words_only_a_sole_candidate_is_certain() -> None:
    row = sought(text="")
    assert told([row], [listed(text="")]).certain
    assert not told([row], [listed("a", text=""), listed("b", text="")]).certain


def test_an_id_we_hold_is_its_delivery_whatever_it_says_now() -> None:
    found = told([sought(held_id="p")], [listed(text="Edited at Publer.")], p=1)
    assert found.certain[1].id == "p"


def test_a_delivery_whose_id_is_gone_takes_its_match_first() -> None:
    twins = [sought(1), sought(2, held_id="gone", since=NOW - timedelta(hours=1))]
    assert set(told(twins, [listed("new")]).certain) == {2}


def test_what_is_left_over_though_certain_is_told() -> None:
    found = told([sought()], [listed("a"), listed("b")])
    assert len(found.left_over[1]) == 1


def test_a_taken_post_is_probable_for_nobody() -> None:
    found = told([sought(1), sought(2)], [listed()])
    assert (len(found.certain), found.probable) == (1, {})
