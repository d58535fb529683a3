"""Publer's client: what it asks, by Publer's own contract, and what it makes of the answers."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses
import yaml
from openapi_schema_validator import OAS31Validator

from integrations.errors import BadAnswer, Held, OutcomeUnknown, Refused
from integrations.publer.client import PublerClient
from integrations.publer.content import BulkPost, Entry, envelope
from integrations.publer.types import Failure
from integrations.ratelimit import LimiterUnavailable, Priority, Wait

BASE = "http://publer.invalid/api/v1"
MOMENT = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)


@pytest.fixture
def publer() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client(open_limiter: Any) -> PublerClient:
    return PublerClient(BASE + "/", "secret-key", "w1", open_limiter, 2.0, 5.0)


@pytest.fixture(scope="session")
def contract(contracts_dir: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((contracts_dir / "publer-openapi.yml").read_text())
    return document


@pytest.fixture(scope="session")
def valid_body(contract: dict[str, Any]) -> Callable[[str, str, object], None]:
    """Fail unless the body is what the contract asks of this call."""

    def check(method: str, path: str, body: object) -> None:
        schema = contract["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
        validator = OAS31Validator({**schema, "components": contract["components"]})
        assert [error.message for error in validator.iter_errors(body)] == []

    return check


def sent(publer: responses.RequestsMock) -> tuple[str, list[tuple[str, str]], Any]:
    request = publer.calls[-1].request
    parts = urlsplit(request.url or "")
    return parts.path, parse_qsl(parts.query), request.headers


def post(network: str = "facebook", **parts: Any) -> BulkPost:
    return BulkPost((Entry("a1", network, **{"kind": "status", "text": "Words", **parts}),))


# What is sent ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "path"), [("me", "users/me"), ("workspaces", "workspaces")])
def test_who_and_where_are_asked_without_a_workspace(
    client: PublerClient, publer: Any, call: str, path: str
) -> None:
    publer.get(
        f"{BASE}/{path}",
        json={"id": "u1"} if call == "me" else [{"id": "w1", "name": "Shop", "plan": "business"}],
    )
    getattr(client, call)()
    _, _, headers = sent(publer)
    assert headers["Authorization"] == "Bearer-API secret-key"
    assert "Publer-Workspace-Id" not in headers


def test_everything_else_names_the_workspace(client: PublerClient, publer: Any) -> None:
    publer.get(f"{BASE}/accounts", json=[{"id": 1, "provider": "twitter", "name": None, "picture": None}])
    (account,) = client.accounts()
    assert (account.id, account.provider, account.name) == ("1", "twitter", "")
    assert sent(publer)[2]["Publer-Workspace-Id"] == "w1"


@pytest.mark.parametrize(
    ("call", "path"), [("schedule", "/posts/schedule"), ("publish", "/posts/schedule/publish")]
)
def test_a_handover_sends_the_envelope_as_it_is(
    client: PublerClient, publer: Any, valid_body: Any, call: str, path: str
) -> None:
    body = envelope([post(scheduled_at=MOMENT if call == "schedule" else None)])
    publer.post(BASE + path, json={"job_id": "j1"}, match=[responses.matchers.json_params_matcher(body)])
    job = getattr(client, call)(body, client.leave())
    valid_body("post", path, body)
    assert (job.job_id, job.status) == ("j1", 200)
    assert "j1" in job.body_excerpt


def test_the_list_is_asked_one_page_at_a_time(client: PublerClient, publer: Any) -> None:
    publer.get(f"{BASE}/posts", json=page([]))
    client.posts(2, date(2026, 9, 1), date(2026, 9, 3), ["a1", "a2"])
    assert sent(publer)[:2] == (
        "/api/v1/posts",
        [
            ("state", "all"),
            ("page", "2"),
            ("account_ids[]", "a1"),
            ("account_ids[]", "a2"),
            ("from", "2026-09-01"),
            ("to", "2026-09-03"),
        ],
    )


def test_one_date_alone_is_a_mistake_of_ours(client: PublerClient) -> None:
    with pytest.raises(ValueError, match="Both dates"):
        client.posts(date_from=date(2026, 9, 1))


def test_an_edit_is_what_the_contract_asks(client: PublerClient, publer: Any, valid_body: Any) -> None:
    body = {"post": {"text": "New", "title": "T"}}
    publer.put(
        f"{BASE}/posts/p%2F1", json={"id": "p/1"}, match=[responses.matchers.json_params_matcher(body)]
    )
    client.edit_post("p/1", "New", "T")
    valid_body("put", "/posts/{id}", body)


def test_a_removal_names_its_posts_with_brackets(client: PublerClient, publer: Any) -> None:
    publer.delete(f"{BASE}/posts", json={"deleted_ids": ["p1"]})
    assert client.delete_posts(["p1", "p2"]) == ("p1",)
    assert sent(publer)[1] == [("post_ids[]", "p1"), ("post_ids[]", "p2")]


def test_an_upload_is_a_form_with_a_file(client: PublerClient, publer: Any) -> None:
    publer.post(
        f"{BASE}/media", json={"id": "m1", "path": "https://cdn/m1.jpg", "type": "photo", "width": 10}
    )
    media = client.upload_media(b"\xff\xd8bytes", "mug.jpg", "image/jpeg")
    assert (media.id, media.path, media.width, media.height) == ("m1", "https://cdn/m1.jpg", 10, None)
    body = publer.calls[-1].request.body
    assert b'name="file"; filename="mug.jpg"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8bytes' in body
    assert b'name="direct_upload"' in body


def test_a_fetch_is_what_the_contract_asks(client: PublerClient, publer: Any, valid_body: Any) -> None:
    body = {"media": [{"url": "https://shop/mug.jpg", "name": "mug.jpg"}], "type": "single"}
    publer.post(
        f"{BASE}/media/from-url", json={"job_id": "j1"}, match=[responses.matchers.json_params_matcher(body)]
    )
    assert client.media_from_url("https://shop/mug.jpg", "mug.jpg").job_id == "j1"
    valid_body("post", "/media/from-url", body)


# What comes back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        {"job_id": "j1"},
        {"success": True, "data": {"job_id": "j1"}},
        {"job_id": None, "data": {"job_id": "j1"}},
    ],
)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_job_id_says_taken_over(client: PublerClient, publer: Any, status: int, answer: Any) -> None:
    publer.post(f"{BASE}/posts/schedule", status=status, json=answer)
    assert client.schedule({}, client.leave()).job_id == "j1"


@pytest.mark.parametrize(
    "answer",
    [
        "{}",
        "[]",
        "null",
        "",
        "<html>",
        '{"job_id": ""}',
        '{"job_id": null}',
        '{"data": {}}',
        '{"success": false, "job_id": "j1"}',
        '{"success": false, "errors": ["no"]}',
        '{"job_id": {"id": 1}}',
        '{"job_id": "j1"',
        "\xff",
    ],
)
def test_a_2xx_without_a_job_id_is_unknown(client: PublerClient, publer: Any, answer: str) -> None:
    publer.post(f"{BASE}/posts/schedule", status=200, body=answer.encode("latin-1"))
    with pytest.raises(OutcomeUnknown) as caught:
        client.schedule({}, client.leave())
    assert caught.value.status == 200


ENTRY = {"account_id": "a1", "account_name": "Shop", "provider": "twitter", "message": "Too long"}
FAILURE = Failure(account_id="a1", account_name="Shop", provider="twitter", message="Too long")


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ([], ()),
        ({}, ()),
        (None, ()),
        ([ENTRY], (FAILURE,)),
        ({"anything": [ENTRY]}, (FAILURE,)),
        ({"0": [ENTRY], "1": [ENTRY]}, (FAILURE, FAILURE)),
        ({"a1": ENTRY}, (FAILURE,)),
        (["Too long"], (Failure(message="Too long"),)),
        (
            [{**ENTRY, "account_id": 7, "provider": None}],
            (Failure(account_id="7", account_name="Shop", message="Too long"),),
        ),
    ],
)
@pytest.mark.parametrize("word", ["complete", "completed"])
@pytest.mark.parametrize(
    "envelop",
    [
        lambda status, failures: {"status": status, "payload": {"failures": failures}},
        lambda status, failures: {
            "success": True,
            "data": {"status": status, "payload": {"failures": failures}},
        },
        lambda status, failures: {
            "success": True,
            "data": {
                "status": status,
                "result": {"status": status, "payload": {"failures": failures}, "plan": {"rate": "business"}},
            },
        },
    ],
)
def test_every_envelope_of_a_job_tells_its_failures(
    client: PublerClient, publer: Any, envelop: Any, word: str, failures: Any, expected: Any
) -> None:
    publer.get(f"{BASE}/job_status/j1", json=envelop(word, failures))
    job = client.job_status("j1")
    assert (job.state, job.failures) == ("complete", expected)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"status": "working"}, "working"),
        ({"status": "failed"}, "failed"),
        ({"data": {"status": "complete", "result": {"status": "failed"}}}, "failed"),
        ({"data": {"status": "complete", "result": {"status": "working"}}}, "working"),
        ({"success": True, "data": {"status": "complete"}}, "complete"),
    ],
)
def test_a_job_is_as_far_as_its_most_careful_word(
    client: PublerClient, publer: Any, answer: Any, state: str
) -> None:
    publer.get(f"{BASE}/job_status/j1", json=answer)
    assert client.job_status("j1").state == state


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        None,
        {"status": "resting"},
        {"status": 3},
        {"success": False, "status": "complete"},
        {"data": {"status": "complete", "result": {"status": "resting"}}},
    ],
)
def test_a_job_that_says_nothing_we_know_is_a_bad_answer(
    client: PublerClient, publer: Any, answer: Any
) -> None:
    publer.get(f"{BASE}/job_status/j1", json=answer)
    with pytest.raises(BadAnswer):
        client.job_status("j1")


def test_a_job_that_is_not_known_is_refused_as_setup(client: PublerClient, publer: Any) -> None:
    publer.get(f"{BASE}/job_status/j1", status=404, json={"errors": ["Job not found"]})
    with pytest.raises(Refused) as caught:
        client.job_status("j1")
    assert caught.value.kind == "setup"


def page(posts: Any, **parts: Any) -> dict[str, Any]:
    return {"posts": posts, "total": len(posts or ()), "page": 0, "per_page": 10, "total_pages": 1, **parts}


def test_a_listed_post_is_read_as_far_as_it_is_told(client: PublerClient, publer: Any) -> None:
    told = {
        "id": 5,
        "text": None,
        "account_id": 7,
        "scheduled_at": "2026-09-01T12:00:00.000+02:00",
        "new_field": 1,
    }
    publer.get(
        f"{BASE}/posts",
        json=page([told, {"id": "p2", "scheduled_at": "soon"}], total=12, per_page=10, total_pages=None),
    )
    listed = client.posts()
    assert (listed.total, listed.page, listed.per_page, listed.total_pages) == (12, 0, 10, 2)
    first, second = listed.posts
    assert (first.id, first.text, first.account_id, first.scheduled_at) == ("5", "", "7", MOMENT)
    assert (second.scheduled_at, second.state) == (None, "")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        None,
        page(None),
        page({}),
        page([{"text": "no id"}]),
        page([{"id": ""}]),
        page(["odd"]),
        page([], total="many"),
        page([], total=-1),
        page([], total=None, total_pages=None),
        page([], per_page=0, total_pages=None),
        {"success": False, **page([])},
    ],
)
def test_a_page_that_makes_no_sense_is_a_bad_answer_not_an_empty_one(
    client: PublerClient, publer: Any, answer: Any
) -> None:
    publer.get(f"{BASE}/posts", json=answer)
    with pytest.raises(BadAnswer):
        client.posts()


@pytest.mark.parametrize("answer", [{}, {"deleted_ids": None}, {"success": False, "deleted_ids": []}, ["p1"]])
def test_a_removal_that_names_nothing_is_unknown(client: PublerClient, publer: Any, answer: Any) -> None:
    publer.delete(f"{BASE}/posts", json=answer)
    with pytest.raises(OutcomeUnknown):
        client.delete_posts(["p1"])


def test_the_stand_in_says_where_its_feed_is(client: PublerClient, publer: Any) -> None:
    assert client.sandbox_feed_url == ""
    publer.get(f"{BASE}/workspaces", json=[], headers={"X-HotDash-Sandbox": "http://127.0.0.1:9/feed"})
    publer.get(f"{BASE}/accounts", json=[])
    client.workspaces()
    assert client.sandbox_feed_url == "http://127.0.0.1:9/feed"
    client.accounts()
    assert client.sandbox_feed_url == ""


# The limiter's leave -----------------------------------------------------------------------------------


def test_a_read_asks_for_leave_with_its_priority(
    client: PublerClient, publer: Any, open_limiter: Any
) -> None:
    publer.get(f"{BASE}/workspaces", json=[])
    client.workspaces(Priority.PERSON)
    assert open_limiter.asked == [Priority.PERSON]
    assert open_limiter.told == [("observe", "1", 200)]


@pytest.mark.parametrize("reason", ["limit", "paused"])
def test_without_leave_nothing_is_called(
    client: PublerClient, publer: Any, open_limiter: Any, reason: Any
) -> None:
    open_limiter.answer = Wait(41.5, reason)
    for ask in (client.me, client.leave, lambda: client.delete_posts(["p1"])):
        with pytest.raises(Held) as caught:
            ask()
        assert (caught.value.seconds, caught.value.reason) == (41.5, reason)
    assert not publer.calls


def test_a_store_that_is_down_holds_every_call(
    client: PublerClient, publer: Any, open_limiter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise LimiterUnavailable

    monkeypatch.setattr(open_limiter, "acquire", down)
    with pytest.raises(Held) as caught:
        client.leave()
    assert caught.value.reason == "store"
    assert not publer.calls


def test_a_limiter_that_cannot_be_told_does_not_change_the_outcome(
    client: PublerClient, publer: Any, open_limiter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise LimiterUnavailable

    for report in ("observe", "give_back", "lost"):
        monkeypatch.setattr(open_limiter, report, down)
    publer.post(f"{BASE}/posts/schedule", json={"job_id": "j1"})
    leave = client.leave()
    assert client.schedule({}, leave).job_id == "j1"
    client.give_back(leave)


def test_leave_that_is_not_used_is_given_back(client: PublerClient, open_limiter: Any) -> None:
    client.give_back(client.leave())
    assert open_limiter.told == [("give_back", "1")]


def test_each_write_waits_under_its_own_name(client: PublerClient, publer: Any, open_limiter: Any) -> None:
    publer.put(f"{BASE}/posts/p1", json={})
    publer.delete(f"{BASE}/posts", json={"deleted_ids": ["p1"]})
    publer.post(f"{BASE}/media", json={"id": "m1", "path": "/m/1", "type": "photo"})
    publer.post(f"{BASE}/media/from-url", json={"job_id": "j1"})
    client.edit_post("p1", "Words")
    client.delete_posts(["p1"])
    client.upload_media(b"x", "x.jpg", "image/jpeg")
    client.media_from_url("https://shop.example/x.jpg", "x")
    client.leave()
    routes = [route for _, route in open_limiter.asked_for]
    assert routes == ["posts/{post_id}", "posts", "media", "media/from-url", "posts/schedule"]
