"""The documents: complete, true to the answers, and readable under the site's content policy."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.api.conftest import Answer, Program

Schema = dict[str, Any]


@pytest.fixture
def document(db: None, nobody: Program) -> Schema:
    answer = nobody.get("openapi.json")
    assert answer.status == 200
    document: Schema = answer.body
    return document


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_promised_call_is_documented_and_no_other(document: Schema) -> None:
    assert {(method.upper(), path) for path, method, _ in operations(document)} == {
        ("POST", "/api/v1/posts"),
        ("POST", "/api/v1/posts/batch"),
        ("GET", "/api/v1/posts"),
        ("GET", "/api/v1/posts/{post_id}"),
        ("PATCH", "/api/v1/posts/{post_id}"),
        ("POST", "/api/v1/posts/{post_id}/submit"),
        ("POST", "/api/v1/posts/{post_id}/cancel"),
        ("POST", "/api/v1/posts/{post_id}/retry"),
        ("POST", "/api/v1/posts/{post_id}/publish"),
        ("GET", "/api/v1/posts/{post_id}/events"),
        ("GET", "/api/v1/posts/{post_id}/feedback"),
        ("GET", "/api/v1/feedback"),
        ("GET", "/api/v1/agent"),
        ("GET", "/api/v1/channels"),
        ("GET", "/api/v1/dashboard"),
        ("GET", "/api/v1/rate-limits"),
    }
    assert "approve" not in " ".join(document["paths"])


def test_every_call_declares_its_doors_and_its_errors(document: Schema) -> None:
    for path, method, operation in operations(document):
        assert operation["security"] == [{"Token": []}, {"Session": []}], path
        expected = {"401", "403", "422"} | ({"404"} if "{" in path else set())
        if method != "get":
            expected |= {"400", "409", "413", "415"}
            names = [parameter["name"] for parameter in operation["parameters"]]
            assert "Idempotency-Key" in names, path
        assert expected <= {str(status) for status in operation["responses"]}, path
        for status, response in operation["responses"].items():
            if status in (304, "304"):
                assert "content" not in response, path
                continue
            kind = "application/problem+json" if int(status) >= 400 else "application/json"
            assert list(response["content"]) == [kind], (path, status)


def test_what_may_be_sent_is_closed(document: Schema) -> None:
    for name in ("PostIn", "PostPatch", "MediaIn", "OwnWords", "Nothing"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


def conforms(document: Schema, path: str, method: str, answer: Answer) -> None:
    response = document["paths"][path][method]["responses"][str(answer.status)]
    kind = answer.headers["Content-Type"].split(";")[0]
    schema = {**response["content"][kind]["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(answer.body)


def test_answers_are_what_the_document_says(
    document: Schema, agent: Program, approved: Callable[..., int], proposal: dict[str, Any], bob: User
) -> None:
    post_id = approved()
    one = "/api/v1/posts/{post_id}"
    for path, method, answer in (
        ("/api/v1/posts", "get", agent.get("posts")),
        ("/api/v1/posts", "get", agent.get("posts?limit=0")),
        ("/api/v1/posts", "post", agent.post("posts", proposal)),
        ("/api/v1/posts", "post", agent.post("posts", {})),
        (one, "get", agent.get(f"posts/{post_id}")),
        (one, "get", agent.get("posts/0")),
        (one, "patch", agent.patch(f"posts/{post_id}", {"text": "x"})),
        (f"{one}/publish", "post", agent.post(f"posts/{post_id}/publish")),
        (f"{one}/submit", "post", agent.post(f"posts/{post_id}/submit")),
        (f"{one}/events", "get", agent.get(f"posts/{post_id}/events")),
        ("/api/v1/agent", "get", agent.get("agent")),
        ("/api/v1/channels", "get", agent.get("channels")),
        ("/api/v1/dashboard", "get", agent.get("dashboard")),
        ("/api/v1/rate-limits", "get", agent.get("rate-limits")),
    ):
        conforms(document, path, method, answer)


def test_the_readable_documents_run_nothing_from_elsewhere(nobody: Program, db: None) -> None:
    page = nobody.get("docs")
    html = page.raw.decode()
    assert page.status == 200
    assert not re.search(r"(src|href)=.https?:", html)
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
