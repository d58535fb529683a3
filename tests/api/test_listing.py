"""The list of posts: filters, pages, and what it costs."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from social import workflow
from social.models import Channel, Post
from tests.api.conftest import Program, set_status


@pytest.fixture
def many(agent: Program, proposal: dict[str, Any]) -> list[int]:
    return [agent.post("posts", {**proposal, "text": f"Piece {n}"}).body["id"] for n in range(5)]


def ids(agent: Program, **query: Any) -> list[int]:
    answer = agent.get(f"posts?{urlencode(query)}")
    assert answer.status == 200, answer.body
    return [post["id"] for post in answer.body["items"]]


def test_newest_first(agent: Program, many: list[int]) -> None:
    assert ids(agent) == many[::-1]


def test_pages_lead_through_everything_once(agent: Program, many: list[int]) -> None:
    seen, cursor = [], None
    while True:
        answer = agent.get("posts?" + urlencode({"limit": 2} | ({"cursor": cursor} if cursor else {}))).body
        seen += [post["id"] for post in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == many[::-1]


def test_a_page_does_not_shift_when_posts_are_made_meanwhile(
    agent: Program, many: list[int], proposal: dict[str, Any]
) -> None:
    first = agent.get("posts?limit=2").body
    agent.post("posts", proposal)
    assert ids(agent, limit=2, cursor=first["next_cursor"]) == many[2:0:-1]


def test_posts_of_the_same_moment_are_told_apart(agent: Program, many: list[int]) -> None:
    Post.objects.update(created_at=timezone.now())
    first = agent.get("posts?limit=3").body
    assert ids(agent, cursor=first["next_cursor"]) == many[1::-1]


@pytest.mark.parametrize(
    "query",
    [
        *(
            "status=unknown",
            "limit=0",
            "limit=101",
            "limit=x",
            "cursor=x",
            "cursor=MjAyNg==",
            "from=yesterday",
        ),
        *("to=2026-13-01", "from=2026-11-24T12:00:00", "statuss=draft", "q=%00", "channel=%00"),
    ],
)
def test_a_wrong_filter_is_named(agent: Program, query: str) -> None:
    answer = agent.get(f"posts?{query}")
    assert (answer.status, list(answer.body["errors"])) == (422, [query.split("=")[0]])


def test_by_status(agent: Program, many: list[int]) -> None:
    set_status(many[1], "pending")
    assert ids(agent, status="pending") == [many[1]]


def test_by_channel(agent: Program, many: list[int], proposal: dict[str, Any]) -> None:
    made = agent.post("posts", {**proposal, "channels": ["acc-mastodon", "acc-twitter"]}).body["id"]
    assert ids(agent, channel="acc-mastodon") == [made]
    assert len(ids(agent, channel="acc-twitter")) == 6


def test_by_words_in_title_text_and_link(agent: Program, many: list[int], proposal: dict[str, Any]) -> None:
    titled = agent.post("posts", {**proposal, "title": "Vase"}).body["id"]
    linked = agent.post("posts", {**proposal, "link": "https://a.example/vase"}).body["id"]
    assert ids(agent, q="piece 3") == [many[3]]
    assert ids(agent, q="vase") == [linked, titled]


def test_by_time(agent: Program, many: list[int]) -> None:
    def at(day: int) -> datetime:
        return datetime.fromisoformat(f"2026-11-{day:02}T00:00:00+01:00")

    for n, post_id in enumerate(many):
        Post.objects.filter(pk=post_id).update(created_at=at(10 + n))
    assert ids(agent, **{"from": at(12).isoformat(), "to": at(14).isoformat()}) == [many[3], many[2]]
    assert ids(agent, **{"from": "2026-11-12", "to": "2026-11-14"}) == [many[3], many[2]]
    plus = agent.get("posts?from=2026-11-14T00:00:00+01:00")  # not encoded, as people type it
    assert [post["id"] for post in plus.body["items"]] == [many[4]]


@pytest.mark.parametrize(
    "moment",
    [
        "0382-04-30T09:34:38-21:03",
        "2026-11-25T05:09:17+23:59",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00",
        "0001-01-01",
        "9999-12-31",
    ],
)
def test_a_moment_far_away_or_of_a_strange_offset_is_a_moment(
    agent: Program, many: list[int], moment: str
) -> None:
    assert agent.get("posts?" + urlencode({"from": moment})).status == 200
    assert agent.get("posts?" + urlencode({"to": moment})).status == 200
    cursor = base64.urlsafe_b64encode(f"{moment} {many[0]}".encode()).decode()
    assert agent.get("posts?" + urlencode({"cursor": cursor})).status in (200, 422)


def test_a_longer_list_asks_the_database_no_more_often(
    agent: Program, channels: dict[str, Channel], bob: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    def make(number: int) -> None:
        for n in range(number):
            sent = {"text": f"Piece {n}", "channels": ["acc-twitter", "acc-mastodon"], "submit": True}
            workflow.approve(agent.post("posts", sent).body["id"], workflow.Actor(bob))

    make(2)
    agent.get("posts")
    with CaptureQueriesContext(
        connection,
    ) as few:
        agent.get("posts")
    make(8)
    with CaptureQueriesContext(connection) as many:
        answer = agent.get("posts")
    assert len(answer.body["items"]) == 10
    assert len(many) == len(few) <= 16


def test_a_list_reads_no_picture(
    agent: Program, proposal: dict[str, Any], ann: User, channels: dict[str, Channel]
) -> None:
    from social import pictures
    from social.demo.seed import PHOTOS

    media = pictures.keep((PHOTOS / "moss.jpg").read_bytes(), "moss.jpg", ann)
    actor = workflow.Actor(ann)
    workflow.create(
        actor, workflow.Content(text="x", channels=[channels["twitter"]], media=[(media, "Plates")])
    )
    with CaptureQueriesContext(connection) as asked:
        post = agent.get("posts").body["items"][0]
    assert post["media"] == [
        {
            "sha256": media.sha256,
            "content_type": "image/jpeg",
            "width": media.width,
            "height": media.height,
            "alt_text": "Plates",
        }
    ]
    assert not any('"content"' in query["sql"] for query in asked)


def test_a_post_of_yesterday_that_nobody_decided_is_expired(agent: Program, proposal: dict[str, Any]) -> None:
    at = (timezone.now() + timedelta(days=1)).isoformat()
    made = agent.post("posts", {**proposal, "scheduled_at": at, "submit": True}).body
    Post.objects.update(scheduled_at=timezone.now() - timedelta(hours=1))
    post = agent.get(f"posts/{made['id']}").body
    assert (post["status"], post["label"]) == ("pending", "Expired")
    assert "passed undecided" in post["waiting_for"]
