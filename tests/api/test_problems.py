"""Every error is a problem document."""

from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from social.api import posts, problems
from social.models import Post
from tests.api.conftest import Answer, Program

TYPES = "/api/v1/docs/problems/"


def is_problem(answer: Answer, status: int, name: str) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance"} <= set(answer.body)
    assert (answer.status, answer.body["status"], answer.body["type"]) == (status, status, TYPES + name)
    assert "Traceback" not in str(answer.body)


@pytest.mark.parametrize("path", ["nowhere", "", "posts/", "posts/abc", "posts/-1", "/api/", "/api/v2/posts"])
@pytest.mark.parametrize("debug", [True, False])
def test_an_unknown_address(agent: Program, settings: Settings, path: str, debug: bool) -> None:
    settings.DEBUG = debug
    answer = agent.get(path)
    is_problem(answer, 404, "not-found")
    assert answer.body["instance"] == (path if path.startswith("/") else f"/api/v1/{path}")


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "posts"), ("PUT", "posts/1"), ("GET", "posts/1/submit")]
)
def test_a_wrong_method_says_which_are_right(agent: Program, method: str, path: str) -> None:
    answer = agent.call(method, path)
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"text": NaN}',
        b'{"evidence": {"a": 1e999}}',
        b'{"text": "a", "text": "b"}',
        b'{"text": "\\u0000"}',
        b'{"text": "\\ud800"}',
        b'{"evidence": {"\\u0000": 1}}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_cannot_be_read(agent: Program, body: bytes) -> None:
    is_problem(agent.post("posts", body), 400, "malformed")


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"null"])
def test_a_body_that_is_no_object(agent: Program, body: bytes) -> None:
    answer = agent.post("posts", body)
    is_problem(answer, 422, "invalid")
    assert list(answer.body["errors"]) == ["body"]


def test_no_body(agent: Program) -> None:
    answer = agent.post("posts")
    is_problem(answer, 422, "invalid")
    assert answer.body["errors"] == {"body": ["Is required."]}


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_is_not_json(agent: Program, proposal: dict[str, Any], kind: str) -> None:
    is_problem(agent.post("posts", proposal, content_type=kind), 415, "unsupported-media-type")


def test_a_body_that_is_too_large(agent: Program, settings: Settings, proposal: dict[str, Any]) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    is_problem(agent.post("posts", {**proposal, "text": "x" * 1000}), 413, "too-large")


@pytest.fixture(params=[True, False])
def debug(request: pytest.FixtureRequest, settings: Settings) -> None:
    settings.DEBUG = request.param


def test_a_fault_tells_a_number_and_nothing_else(
    agent: Program, monkeypatch: pytest.MonkeyPatch, debug: None
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the inner words")

    monkeypatch.setattr(posts, "represent", broken)
    monkeypatch.setattr(posts, "_shown", broken)
    answer = agent.get("posts/1")
    is_problem(answer, 500, "fault")
    assert len(answer.body["reference"]) == 8
    assert b"inner words" not in answer.raw


def test_a_fault_at_the_door_is_a_problem_too(
    agent: Program, monkeypatch: pytest.MonkeyPatch, debug: None
) -> None:
    monkeypatch.setattr("social.api.auth._note_use", lambda token: 1 / 0)
    is_problem(agent.get("posts"), 500, "fault")


def test_a_fault_below_the_api_is_a_problem_too(
    agent: Program, monkeypatch: pytest.MonkeyPatch, debug: None
) -> None:
    monkeypatch.setattr(problems, "on_exception", lambda *_: 1 / 0)
    monkeypatch.setattr("ninja.operation.PathView._sync_view", lambda *_, **__: 1 / 0)
    answer = agent.get("posts")
    is_problem(answer, 500, "fault")
    assert b"division" not in answer.raw


def test_a_database_that_is_away_is_to_be_asked_again(
    agent: Program, monkeypatch: pytest.MonkeyPatch, debug: None
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("could not connect to server at 10.0.0.7")

    monkeypatch.setattr(Post.objects, "get_queryset", away)
    answer = agent.get("posts/1")
    is_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "30"
    assert b"10.0.0.7" not in answer.raw


@pytest.mark.parametrize("kind", problems.KINDS.values(), ids=problems.KINDS)
def test_each_type_leads_to_its_meaning(nobody: Program, kind: problems.Kind) -> None:
    answer = nobody.get(kind.type)
    assert answer.status == 200
    assert kind.meaning in answer.raw.decode()


def test_a_wrong_host_is_a_problem(agent: Program) -> None:
    answer = agent.get("posts", HTTP_HOST="elsewhere.example")
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")


def test_pages_outside_keep_their_own_errors(nobody: Program, db: None) -> None:
    assert "json" not in nobody.get("/nowhere").headers["Content-Type"]
