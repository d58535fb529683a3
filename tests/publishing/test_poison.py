"""What one row, one word or one answer brings costs that post alone."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError

from integrations.publer.types import ListedPost
from social import workflow
from social.models import Delivery, Submission
from social.publishing import batching, connect, matching, reconciliation
from tests.publishing.conftest import Clock, Engineer, MakePost, only
from tests.publishing.provider import FakePubler, Listed
from tests.publishing.test_scenarios import GRACE, W, status

pytestmark = pytest.mark.django_db
D = Delivery.Status
JSON = {"Content-Type": "application/json"}


def too_large(body: dict[str, Any], at_most: int) -> Any:
    posts = body["bulk"]["posts"]
    return (413, JSON, '{"errors": ["Too large"]}') if len(posts) > at_most else None


@pytest.mark.parametrize("at_most", [1, 2])
def test_a_request_that_is_too_large_goes_in_smaller_ones(
    engine: Engineer, provider: FakePubler, approved: MakePost, at_most: int
) -> None:
    posts = [
        approved(f"On {network}.", network) for network in ("facebook", "twitter", "linkedin", "threads")
    ]
    takes = provider.replies["POST /posts/schedule/publish"]
    provider.replies["POST /posts/schedule/publish"] = lambda request: (
        too_large(json.loads(request.body), at_most) or takes(request)
    )
    engine.run(30)
    assert {status(post) for post in posts} == {"published"}
    assert connect.current().trouble == ""  # type: ignore[union-attr]
    assert all(only(post).attempts == 1 for post in posts)


def test_a_post_that_is_too_large_alone_fails_alone_and_says_so(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = [(413, JSON, '{"errors": ["Too large"]}')]
    large, small = approved("Large."), approved("Small.")
    engine.run(30)
    assert (status(large), status(small)) == ("failed", "published")
    assert "too large" in only(large).problem
    assert not only(large).retry_helps


def test_letters_that_no_database_keeps_cost_nothing(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    """A NUL, and half of a surrogate pair, as JSON can carry them."""
    provider.change_words = lambda words: f"{words}\x00\ud83d and more of it, appended by somebody"
    provider.next_writes = ["lost", "lost"]
    first = approved("Three bowls, one shelf, each inside the next.", "twitter")
    second = approved("Another bowl, on another shelf, in another room.", "linkedin")
    engine.run(GRACE * 2)
    assert (status(first), status(second)) == ("published", "published")
    assert "appended by somebody" in only(first).live_text


def test_a_refusal_with_such_letters_is_kept(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = [(422, JSON, '{"errors": ["Bad \\u0000 words \\ud83d"]}')]
    post = approved()
    engine.run(10)
    assert status(post) == "failed"
    assert "Bad  words" in only(post).problem


def test_an_id_that_is_too_long_to_keep_comes_to_a_person_and_stops_no_other(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["lost"]
    first, second = approved("With a long id.", "twitter"), approved("With a short one.", "linkedin")
    engine.dispatch()
    long = next(post for post in provider.posts if post.account_id == "acc-twitter")
    long.id = "p" * 300
    engine.run(GRACE * 2)
    assert status(second) == "published"
    assert only(first).decide
    assert "id" in only(first).problem
    assert len(provider.bodies) == 1


def test_a_job_whose_id_is_too_long_to_keep_is_looked_for(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = [(200, JSON, json.dumps({"job_id": "j" * 300}))]
    post = approved()
    engine.dispatch()
    assert only(post).status == D.UNCONFIRMED
    assert Submission.objects.get().state == Submission.State.UNKNOWN


def test_one_row_that_cannot_be_concluded_stops_no_other(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.next_writes = ["lost"]
    poisoned, good = approved("Poisoned.", "twitter"), approved("Good.", "linkedin")
    adopts = reconciliation._adopt

    def refuses_one(row: Delivery, *rest: Any) -> bool:
        if row.post_id == poisoned.pk:
            raise DataError("value too long for type character varying(100)")
        return adopts(row, *rest)

    monkeypatch.setattr(reconciliation, "_adopt", refuses_one)
    engine.run(GRACE * 2)
    assert status(good) == "published"
    assert only(poisoned).status == D.UNCONFIRMED
    assert only(poisoned).next_look_at > engine.clock.now() - timedelta(seconds=60)  # type: ignore[operator]


def test_a_row_that_can_never_be_concluded_comes_to_a_person_after_a_day(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.next_writes = ["lost"]
    post = approved()
    engine.dispatch()

    def refuses(*_: Any) -> bool:
        raise DataError("invalid byte sequence")

    monkeypatch.setattr(reconciliation, "_adopt", refuses)
    engine.run(GRACE * 2)
    assert not only(post).decide
    for _ in range(30):
        engine.clock.tick(3000)
        engine.follow_up()
    assert only(post).decide
    assert len(provider.bodies) == 1


def test_a_row_that_cannot_be_read_fails_alone_and_the_rest_of_the_batch_goes(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned, good = approved("Poisoned.", "twitter"), approved("Good.", "linkedin")
    builds = batching.entry_of

    def breaks(row: Delivery, *rest: Any) -> Any:
        if row.post_id == poisoned.pk:
            raise TypeError("what is stored makes no sense")
        return builds(row, *rest)

    monkeypatch.setattr("social.publishing.submission.entry_of", breaks)
    engine.run(10)
    assert (status(poisoned), status(good)) == ("failed", "published")
    assert "cannot be put into Publer's form" in only(poisoned).problem
    assert provider.calls.count("POST posts/schedule/publish") == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("https://shop.example/Bowl?Size=L", "HTTPS://Shop.Example/Bowl?Size=L", True),
        ("https://shop.example/Bowl?Size=L", "https://shop.example/bowl?Size=L", False),
        ("https://shop.example/bowl?size=L", "https://shop.example/bowl?size=l", False),
        ("https://shop.example/bowl", "https://shop.example/bowl/", True),
        ("https://Shop.example?v=A", "https://shop.example?v=a", False),
    ],
)
def test_of_a_link_only_scheme_and_host_know_no_case(ours: str, theirs: str, same: bool) -> None:
    now = Clock().now()
    row = matching.Sought(1, "acc", "Three bowls, one shelf.", ours, now)
    post = ListedPost(id="p", account_id="acc", text="Three bowls, one shelf.", state="published", url=theirs)
    assert bool(matching.match([row], [post], {}).certain) is same


def test_a_candidate_is_kept_though_its_words_hold_a_nul(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["never"]
    post = approved("Three bowls, one shelf.")
    engine.dispatch()
    provider.posts.append(
        Listed("theirs", "acc-twitter", "Four bowls,\x00 one shelf.", "published", engine.clock.now())
    )
    engine.run(W)
    assert only(post).candidates[0]["text"] == "Four bowls, one shelf."
    with pytest.raises(workflow.Refusal):
        workflow.settle(post.pk, workflow.Actor(post.author), only(post).pk, "again")
