"""The list: what a row tells, and that it costs the same whatever there is."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from social import clock
from social.admin import post_list
from social.models import ApiToken, Post
from tests.admin_posts.made import MakePost, SignIn
from tests.admin_posts.said import LIST, words

pytestmark = pytest.mark.django_db


def queries(client: Any, address: str = LIST) -> int:
    client.get(address)  # what a process remembers is remembered now
    with CaptureQueriesContext(database) as seen:
        client.get(address)
    return len(seen)


def test_the_number_of_queries_does_not_grow_with_the_posts(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    states = ("draft", "pending", "rejected", "approved", "failed", "published", "decide", "scheduled")
    client = sign_in(bob)
    for state in states:
        make_post(state, text=f"First {state}", on=["twitter", "facebook"])
    few = queries(client)
    for i in range(2):
        for state in states:
            make_post(state, text=f"Round {i} {state}", on=["bluesky", "facebook"])

    assert queries(client) == few
    assert few <= 40


def test_no_count_goes_through_all_rows(
    sign_in: SignIn, bob: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_list, "COUNTED", 3)
    for i in range(5):
        make_post("draft", text=f"Draft {i}")

    with CaptureQueriesContext(database) as seen:
        said = words(sign_in(bob).get(LIST))

    counts = [q["sql"] for q in seen if "COUNT(" in q["sql"] and "social_posts" in q["sql"]]
    assert counts
    assert [sql for sql in counts if "LIMIT" not in sql] == []
    assert "more than 3 posts" in said
    assert "Drafts 3+" in said


def test_a_row_says_what_it_waits_for(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    make_post("pending", title="Advent candle", scheduled_at=clock.now() + timedelta(hours=30))
    make_post("failed", title="Two mugs", text="Mugs")

    said = words(sign_in(bob).get(LIST))

    assert "Waiting for approval Needs a second person before" in said
    assert "in 30 h" in said
    assert "X did not take it. Nothing was posted." in said
    assert "approved by Bob Lindqvist" in said


def test_an_outcome_nobody_knows_is_shown_as_such(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    make_post("decide")

    said = words(sign_in(bob).get(LIST))

    assert "Not confirmed 1" in said
    assert "Publer took it and has not said what became of it. Look at X, then say." in said


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("status__exact=pending", {"Waiting one"}),
        ("status__exact=pending&status__exact=draft", {"Waiting one", "Only a draft", "By Bob"}),
        ("label=unconfirmed", {"Unsure one"}),
        ("q=marmalade", {"Only a draft"}),
        ("q=Only", {"Only a draft"}),
        ("q=example.com/moss", {"Waiting one"}),
        ("q=content-agent", {"By a program"}),
        ("q=Lindqvist", {"By Bob"}),
        ("when=tomorrow", {"Waiting one"}),
    ],
)
def test_posts_are_found(
    query: str, finds: set[str], sign_in: SignIn, bob: User, ann: User, make_post: MakePost
) -> None:
    token, _ = ApiToken.issue(user_id=ann.pk, name="content-agent", scopes=["posts:write"])
    tomorrow = clock.now() + timedelta(days=1)
    make_post(
        "pending", title="Waiting one", text="w", link="https://example.com/moss", scheduled_at=tomorrow
    )
    make_post("draft", title="Only a draft", text="Orange marmalade")
    make_post("decide", title="Unsure one", text="u")
    make_post("published", title="By a program", text="p", token=token)
    make_post("draft", title="By Bob", text="b", by=bob)

    page = words(sign_in(bob).get(f"{LIST}?{query}"))

    titles = {post.title for post in Post.objects.all()}
    assert {title for title in titles if title in page} == finds


def test_posts_are_found_by_channel_and_author(
    sign_in: SignIn, bob: User, ann: User, make_post: MakePost, channels: dict[str, Any]
) -> None:
    make_post("draft", title="On Facebook", on=["facebook"])
    make_post("draft", title="On X", on=["twitter"], by=bob)
    client = sign_in(bob)

    by_channel = words(client.get(f"{LIST}?channel={channels['facebook'].pk}"))
    by_author = words(client.get(f"{LIST}?author=person-{bob.pk}"))

    assert "On Facebook" in by_channel
    assert "On X" not in by_channel
    assert "On X" in by_author
    assert "On Facebook" not in by_author


@pytest.mark.parametrize("query", ["channel=x", "author=person-x", "when=never", "p=0", "label=nothing"])
def test_a_query_that_means_nothing_is_no_error(
    query: str, sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    make_post("draft")

    answer = sign_in(bob).get(f"{LIST}?{query}", follow=True)

    assert answer.status_code == 200


def test_an_empty_list_says_what_is_true_and_what_comes_next(sign_in: SignIn, ann: User) -> None:
    assert "No posts yet" in words(sign_in(ann).get(LIST))
    assert "No post fits" in words(sign_in(ann).get(f"{LIST}?q=nothing"))


def test_words_from_outside_stay_words(sign_in: SignIn, bob: User, make_post: MakePost) -> None:
    make_post("draft", title="<script>alert(1)</script>", text='"><img src=x onerror=alert(1)>')

    body = sign_in(bob).get(LIST).content.decode()

    assert "<script>alert(1)" not in body
    assert "<img src=x" not in body


def test_who_may_not_see_posts_sees_none(sign_in: SignIn, nobody: User, make_post: MakePost) -> None:
    make_post("draft")

    assert sign_in(nobody).get(LIST).status_code == 403
