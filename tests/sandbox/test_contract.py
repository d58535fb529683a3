"""Answers against Publer's published description."""

from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from openapi_schema_validator import OAS31Validator

from tests.sandbox.caller import Caller, job_id, png


@pytest.fixture(scope="session")
def contract(contracts_dir: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((contracts_dir / "publer-openapi.yml").read_text())
    return document


@pytest.fixture
def check(contract: dict[str, Any], caller: Caller) -> Any:
    """`check(method, path, …)`: call, and hold the answer against what the contract says of its status.

    202 is documented in prose alone and has the body of 200; further errors have that of a 401.
    """

    def call(method: str, path: str, /, _of: str = "", **options: Any) -> requests.Response:
        answer = caller(method, path, **options)
        responses = contract["paths"][_of or path.partition("?")[0]][method.lower()]["responses"]
        status = {202: "200"}.get(answer.status_code, str(answer.status_code))
        schema = responses.get(status, responses["401"])["content"]["application/json"]["schema"]
        OAS31Validator({**schema, "components": contract["components"]}).validate(answer.json())
        return answer

    return call


def test_reading_answers_as_published(check: Any, caller: Caller) -> None:
    caller.publish("public", "twitter")
    caller.publish(
        "a link", "facebook", type="link", link={"url": "https://kilnandlinen.com", "title": "Shop"}
    )
    caller.schedule("later", "2026-11-24T12:00:00Z")
    caller.upload(png())
    for path in ("/users/me", "/workspaces", "/accounts", "/posts", "/posts?state[]=published&page=1"):
        assert check("GET", path).ok
    assert check("GET", "/media?types[]=photo&used[]=false").json()["media"]


def test_writing_answers_as_published(check: Any, caller: Caller) -> None:
    for number in range(4):
        bulk = {
            "bulk": {
                "state": "scheduled",
                "posts": [caller.entry("x" * (280 + number % 2), "twitter", "threads")],
            }
        }
        job = job_id(check("POST", "/posts/schedule/publish", json=bulk))
        assert check("GET", f"/job_status/{job}", "/job_status/{job_id}").ok
        caller.sandbox.publisher.work()
        assert check("GET", f"/job_status/{job}", "/job_status/{job_id}").ok
    entry = caller.entry("later", "twitter", at="2026-11-24T12:00:00Z")
    assert check("POST", "/posts/schedule", json={"bulk": {"state": "scheduled", "posts": [entry]}}).ok
    caller.sandbox.publisher.work()
    post = caller.posts()[-1]["id"]
    assert check("PUT", f"/posts/{post}", "/posts/{id}", json={"post": {"text": "edited"}}).ok
    assert check("DELETE", f"/posts?post_ids[]={post}").json() == {"deleted_ids": [post]}
    assert check("POST", "/media", files={"file": ("a.png", b"x", "image/png")}).ok
    media = {"type": "single", "media": [{"url": f"{caller.url}/media/none", "name": "a"}]}
    assert check("POST", "/media/from-url", json=media).ok


def test_errors_answer_as_published(check: Any, caller: Caller) -> None:
    assert check("GET", "/accounts", headers={}).status_code == 401
    assert check("GET", "/accounts", headers={"Authorization": "Bearer-API key"}).status_code == 403
    assert check("POST", "/posts/schedule", json={}).status_code == 400
    assert check("PUT", "/posts/none", "/posts/{id}", json={"post": {}}).status_code == 422


def test_what_our_own_tests_send_is_what_publer_takes(contract: dict[str, Any], caller: Caller) -> None:
    schema = contract["components"]["schemas"]["BulkPostsRequest"]
    bulk = {"bulk": {"state": "scheduled", "posts": [caller.entry("x", "twitter", "mastodon")]}}
    OAS31Validator({**schema, "components": contract["components"]}).validate(bulk)
