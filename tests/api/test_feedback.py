"""What a person changed in a proposal, and why, comes back to who made it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from social import workflow
from social.models import Post
from social.workflow import Actor, content_of
from tests.api.conftest import Program, person


def proposed(agent: Program, proposal: dict[str, Any], **more: Any) -> int:
    return int(agent.post("posts", {**proposal, "submit": True, **more}).body["id"])


def edited(post_id: int, by: User, **changes: Any) -> None:
    post = Post.objects.get(pk=post_id)
    workflow.edit(post_id, Actor(by), replace(content_of(post.content()), **changes))


@pytest.fixture
def carl(db: None) -> User:
    return person("carl", "Approver")


def test_an_approval_as_it_was_says_so(agent: Program, proposal: dict[str, Any], bob: User) -> None:
    post_id = proposed(agent, proposal)
    workflow.approve(post_id, Actor(bob))
    (item,) = agent.get(f"posts/{post_id}/feedback").body["items"]
    assert (item["outcome"], item["by"], item["fields"]) == ("approved", "Bob", [])


def test_what_a_person_changed_is_told_word_by_word(
    agent: Program, proposal: dict[str, Any], bob: User, carl: User
) -> None:
    post_id = proposed(agent, proposal, text="The moss plates are back.")
    edited(post_id, bob, text="The moss bowls are back.", link="https://kilnandlinen.example/moss")
    workflow.approve(post_id, Actor(carl))
    (item,) = agent.get(f"posts/{post_id}/feedback").body["items"]
    assert item["outcome"] == "approved_with_edits"
    assert (item["proposed_revision"], item["decided_revision"]) == (1, 2)
    text, link = item["fields"]
    assert (text["field"], text["proposed"], text["decided"]) == (
        "text",
        "The moss plates are back.",
        "The moss bowls are back.",
    )
    assert [(piece["kind"], piece["text"]) for piece in text["diff"]] == [
        ("same", "The moss "),
        ("removed", "plates"),
        ("added", "bowls"),
        ("same", " are back."),
    ]
    assert (link["field"], link["decided"], link["diff"]) == ("link", "https://kilnandlinen.example/moss", [])


def test_changes_that_are_asked_come_with_the_instructions(
    agent: Program, proposal: dict[str, Any], bob: User
) -> None:
    post_id = proposed(agent, proposal)
    workflow.reject(post_id, Actor(bob), "Say bowls, not plates.", changes_asked=True)
    agent.patch(f"posts/{post_id}", {"text": "Bowls."})
    agent.post(f"posts/{post_id}/submit")
    workflow.reject(post_id, Actor(bob), "Not this week.")
    first, second = agent.get(f"posts/{post_id}/feedback").body["items"]
    assert (first["outcome"], first["reason"]) == ("changes_asked", "Say bowls, not plates.")
    assert (second["outcome"], second["proposed_revision"]) == ("rejected", 2)


def test_a_token_hears_of_its_own_proposals_and_staff_of_all(
    agent: Program,
    new_program: Callable[..., Program],
    signed_in: Callable[[User], Program],
    proposal: dict[str, Any],
    bob: User,
) -> None:
    other = new_program(name="other-agent")
    mine, theirs = proposed(agent, proposal), proposed(other, proposal)
    for post_id in (mine, theirs):
        workflow.approve(post_id, Actor(bob))
    assert [item["post"] for item in agent.get("feedback").body["items"]] == [mine]
    assert [item["post"] for item in signed_in(bob).get("feedback").body["items"]] == [mine, theirs]


def test_feedback_is_read_in_pages_and_from_a_moment_on(
    agent: Program, proposal: dict[str, Any], bob: User
) -> None:
    posts = [proposed(agent, proposal) for _ in range(3)]
    for post_id in posts:
        workflow.approve(post_id, Actor(bob))
    page = agent.get("feedback?limit=2").body
    rest = agent.get(f"feedback?limit=2&cursor={page['next_cursor']}").body
    assert [item["post"] for item in page["items"] + rest["items"]] == posts
    assert rest["next_cursor"] is None
    since = rest["items"][0]["at"].replace("+", "%2B")
    assert [item["post"] for item in agent.get(f"feedback?since={since}").body["items"]] == posts[2:]
    assert agent.get("feedback?cursor=x").status == 422
    assert agent.get("feedback?sinse=2026-01-01").status == 422


def test_the_number_of_queries_does_not_grow(agent: Program, proposal: dict[str, Any], bob: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert agent.get("feedback").status == 200
        return len(seen)

    workflow.approve(proposed(agent, proposal), Actor(bob))
    agent.get("feedback")
    before = queries()
    for _ in range(4):
        workflow.approve(proposed(agent, proposal), Actor(bob))
    assert queries() == before + 1  # it is noted once that the agent was told of the new ones
    assert queries() == before
