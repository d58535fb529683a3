"""A poll that finds nothing new costs little, and no edit is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from social import workflow
from social.api import dashboard
from social.models import Delivery, Post
from social.workflow import Actor
from tests.api.conftest import Program


@pytest.mark.parametrize("path", ["posts", "posts/{id}", "posts/{id}/events", "channels"])
def test_what_has_not_changed_is_not_sent_again(agent: Program, proposal: dict[str, Any], path: str) -> None:
    path = path.format(id=agent.post("posts", proposal).body["id"])
    first = agent.get(path)
    again = agent.get(path, HTTP_IF_NONE_MATCH=first.headers["ETag"])
    assert (first.status, again.status, again.raw) == (200, 304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_a_dashboard_on_which_only_the_clock_moved_is_not_sent_again(
    agent: Program, approved: Callable[..., int], proposal: dict[str, Any]
) -> None:
    approved()
    Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=2))  # its age grows
    first = agent.get("dashboard")
    assert first.headers["ETag"].startswith('W/"')
    again = agent.get("dashboard", HTTP_IF_NONE_MATCH=first.headers["ETag"])
    assert (again.status, again.raw) == (304, b"")
    agent.post("posts", proposal)
    now = agent.get("dashboard", HTTP_IF_NONE_MATCH=first.headers["ETag"])
    assert (now.status, now.body["counts"]["draft"]) == (200, 1)


def test_many_who_poll_at_once_are_told_what_was_read_once(
    agent: Program, proposal: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "HOLDS", 3600.0)
    monkeypatch.setattr(dashboard, "_read", {})
    first = agent.get("dashboard")
    agent.post("posts", proposal)
    assert agent.get("dashboard").raw == first.raw
    assert agent.get("dashboard", HTTP_COOKIE="timezone=Asia/Tokyo").body["counts"]["draft"] == 1
    monkeypatch.setattr(dashboard, "HOLDS", 0.0)
    assert agent.get("dashboard").body["counts"]["draft"] == 1


def test_what_has_changed_is_sent(agent: Program, proposal: dict[str, Any]) -> None:
    post_id = agent.post("posts", proposal).body["id"]
    before = agent.get(f"posts/{post_id}").headers["ETag"]
    agent.post(f"posts/{post_id}/submit")
    now = agent.get(f"posts/{post_id}", HTTP_IF_NONE_MATCH=before)
    assert (now.status, now.body["status"]) == (200, "pending")
    assert now.headers["ETag"] != before


def test_one_of_several_tags_is_enough_and_a_weak_one_counts(
    agent: Program, proposal: dict[str, Any]
) -> None:
    post_id = agent.post("posts", proposal).body["id"]
    tag = agent.get(f"posts/{post_id}").headers["ETag"]
    assert agent.get(f"posts/{post_id}", HTTP_IF_NONE_MATCH=f'"other", W/{tag}').status == 304


def test_an_edit_that_began_from_an_older_version_is_refused(
    agent: Program, proposal: dict[str, Any]
) -> None:
    made = agent.post("posts", proposal)
    path, tag = f"posts/{made.body['id']}", made.headers["ETag"]
    mine = agent.patch(path, {"text": "Mine."}, HTTP_IF_MATCH=tag)
    theirs = agent.patch(path, {"text": "Theirs."}, HTTP_IF_MATCH=tag)
    assert mine.status == 200
    assert (theirs.status, theirs.body["type"]) == (412, "/api/v1/docs/problems/changed")
    assert agent.get(path).body["text"] == "Mine."
    on_that = agent.patch(path, {"text": "Both."}, HTTP_IF_MATCH=mine.headers["ETag"])
    assert (on_that.status, on_that.body["text"]) == (200, "Both.")


def test_a_decision_meanwhile_counts_as_a_change(agent: Program, proposal: dict[str, Any], bob: Any) -> None:
    made = agent.post("posts", {**proposal, "submit": True})
    workflow.reject(made.body["id"], Actor(bob), "Other words, please.")
    answer = agent.patch(f"posts/{made.body['id']}", {"text": "Mine."}, HTTP_IF_MATCH=made.headers["ETag"])
    assert (answer.status, answer.body["state"]) == (412, "rejected")


def test_any_version_will_do_for_a_star(agent: Program, proposal: dict[str, Any]) -> None:
    post_id = agent.post("posts", proposal).body["id"]
    assert agent.patch(f"posts/{post_id}", {"text": "New."}, HTTP_IF_MATCH="*").status == 200


def test_a_repeated_call_brings_the_tag_of_the_first(agent: Program, proposal: dict[str, Any]) -> None:
    first = agent.post("posts", proposal, HTTP_IDEMPOTENCY_KEY="k")
    again = agent.post("posts", proposal, HTTP_IDEMPOTENCY_KEY="k")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert Post.objects.count() == 1
