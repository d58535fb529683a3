"""Who is let in, and how often."""

import pytest

from tests.sandbox.caller import Caller, Clock, NewSandbox

EVERY_ANSWER = (
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Date",
    "X-HotDash-Sandbox",
)


@pytest.mark.parametrize("scheme", ["Bearer key", "Bearer-API", "key", ""])
def test_another_scheme_than_bearer_api_gets_401(caller: Caller, scheme: str) -> None:
    answer = caller("GET", "/users/me", headers={"Authorization": scheme})
    assert (answer.status_code, list(answer.json())) == (401, ["errors"])
    assert all(name in answer.headers for name in EVERY_ANSWER)


def test_only_the_key_of_the_environment_is_accepted_where_there_is_one(new_sandbox: NewSandbox) -> None:
    caller = new_sandbox(api_key="secret")
    assert caller("GET", "/users/me").status_code == 401
    assert caller("GET", "/users/me", headers={"Authorization": "Bearer-API secret"}).status_code == 200


def test_without_the_workspace_header_only_user_and_workspaces_answer(caller: Caller) -> None:
    key = {"Authorization": "Bearer-API key"}
    assert [caller("GET", path, headers=key).status_code for path in ("/users/me", "/workspaces")] == [
        200,
        200,
    ]
    assert [caller("GET", path, headers=key).status_code for path in ("/accounts", "/posts")] == [403, 403]


def test_another_workspace_is_refused(caller: Caller) -> None:
    answer = caller("GET", "/posts", headers=caller.headers | {"Publer-Workspace-Id": "f" * 24})
    assert answer.status_code == 403


def test_every_answer_tells_the_limit_and_where_the_feed_is(caller: Caller) -> None:
    for path in ("/users/me", "/accounts", "/posts?from=x", "/job_status/none", "/nowhere"):
        answer = caller("GET", path)
        assert all(name in answer.headers for name in EVERY_ANSWER)
        assert answer.headers["X-HotDash-Sandbox"] == f"{caller.url}/sandbox/"


def test_the_call_beyond_the_limit_gets_429_until_the_window_ends(
    new_sandbox: NewSandbox, clock: Clock
) -> None:
    caller = new_sandbox(limit=3, period=120)
    seen = [caller("GET", "/users/me").headers["X-RateLimit-Remaining"] for _ in range(3)]
    assert seen == ["2", "1", "0"]
    clock.now += 119
    refused = caller("GET", "/users/me")
    assert (refused.status_code, refused.json()) == (429, {"error": "Rate limit exceeded. Retry later."})
    assert "Retry-After" not in refused.headers
    assert int(refused.headers["X-RateLimit-Reset"]) == clock.now + 1
    clock.now += 1
    assert caller("GET", "/users/me").headers["X-RateLimit-Remaining"] == "2"


def test_all_keys_share_one_window(caller: Caller) -> None:
    caller("GET", "/users/me")
    other = caller("GET", "/users/me", headers={"Authorization": "Bearer-API other"})
    assert other.headers["X-RateLimit-Remaining"] == "98"


def test_one_connection_carries_many_calls(caller: Caller) -> None:
    caller.session.headers["Connection"] = "keep-alive"
    for _ in range(3):
        assert caller("POST", "/posts/schedule", json={}).status_code == 400
        assert caller("GET", "/posts").status_code == 200


def test_calls_are_counted_by_route_and_refused_ones_by_status(caller: Caller) -> None:
    caller("GET", "/posts")
    caller("GET", "/job_status/none")
    counts = caller.session.get(f"{caller.url}/sandbox/calls", timeout=10).json()
    assert counts == {
        "calls": {"GET /posts": 1, "GET /job_status/{id}": 1},
        "total": 2,
        "refused": {"404 GET /job_status/{id}": 1},
    }
