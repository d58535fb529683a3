"""Many proposals in one call, each with its own outcome."""

from typing import Any

from social.models import Post
from tests.api.conftest import Program


def test_each_proposal_is_taken_or_refused_for_itself(agent: Program, proposal: dict[str, Any]) -> None:
    wrong = {**proposal, "channels": ["nobody"]}
    misspelt = {**proposal, "txt": "x"}
    answer = agent.post("posts/batch", {"posts": [proposal, wrong, misspelt, {**proposal, "submit": True}]})
    assert answer.status == 200
    rows = answer.body["items"]
    assert [row["status"] for row in rows] == [201, 422, 422, 201]
    assert list(rows[1]["problem"]["errors"]) == ["channels[0]"]
    assert rows[2]["problem"]["errors"] == {"txt": ["There is no such field."]}
    assert [rows[0]["post"]["status"], rows[3]["post"]["status"]] == ["draft", "pending"]
    assert (rows[0]["problem"], rows[1]["post"]) == (None, None)
    assert Post.objects.count() == 2


def test_a_row_that_is_no_object_is_refused_alone(agent: Program, proposal: dict[str, Any]) -> None:
    rows = agent.post("posts/batch", {"posts": ["words", proposal, None]}).body["items"]
    assert [row["status"] for row in rows] == [422, 201, 422]


def test_a_repeated_batch_makes_no_second_posts(agent: Program, proposal: dict[str, Any]) -> None:
    said = {"posts": [proposal, proposal]}
    first = agent.post("posts/batch", said, HTTP_IDEMPOTENCY_KEY="b")
    again = agent.post("posts/batch", said, HTTP_IDEMPOTENCY_KEY="b")
    assert first.raw == again.raw
    assert Post.objects.count() == 2


def test_a_batch_has_bounds(agent: Program, proposal: dict[str, Any]) -> None:
    assert agent.post("posts/batch", {"posts": []}).status == 422
    assert agent.post("posts/batch", {"posts": [proposal] * 51}).status == 422
    assert Post.objects.count() == 0


def test_a_batch_needs_the_right_to_write(new_program: Any, proposal: dict[str, Any]) -> None:
    assert new_program("posts:read").post("posts/batch", {"posts": [proposal]}).status == 403
