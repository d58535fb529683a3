"""Chatwoot's client: what it asks, by Chatwoot's own contract, and what it makes of the answers."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses
from openapi_schema_validator import OAS30Validator

from integrations.chatwoot.client import ChatwootClient
from integrations.errors import BadAnswer, Held, NotSent, OutcomeUnknown, Refused, RefusedKind
from integrations.ratelimit import Priority, Wait
from integrations.retry import Retry

BASE = "http://chat.invalid"
V1, V2 = f"{BASE}/api/v1/accounts/1", f"{BASE}/api/v2/accounts/1"
META = {"mine_count": 2, "unassigned_count": 5, "assigned_count": 7, "all_count": 12}
MESSAGES = f"{V1}/conversations/42/messages"


@pytest.fixture
def chatwoot() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client(open_limiter: Any) -> ChatwootClient:
    return ChatwootClient(BASE + "/", "1", "planted-token", open_limiter, 2.0, 5.0)


@pytest.fixture(scope="session")
def valid_body(contracts_dir: Path) -> Callable[[str, object], None]:
    """Fail unless the body is what the contract asks of this call."""
    contract = json.loads((contracts_dir / "chatwoot-swagger.json").read_text())

    def check(path: str, body: object) -> None:
        content = contract["paths"][f"/api/v1/accounts/{{account_id}}{path}"]["post"]["requestBody"][
            "content"
        ]
        schema = content["application/json"]["schema"]
        validator = OAS30Validator({**schema, "components": contract["components"]})
        assert [error.message for error in validator.iter_errors(body)] == []

    return check


def sent(chatwoot: Any) -> tuple[str, dict[str, str], Any]:
    request = chatwoot.calls[-1].request
    parts = urlsplit(request.url or "")
    return parts.path, dict(parse_qsl(parts.query)), json.loads(request.body or "null")


def message(number: int, content: str = "Words", kind: int = 1, private: bool = False) -> dict[str, Any]:
    return {
        "id": number,
        "content": content,
        "message_type": kind,
        "private": private,
        "created_at": 1_795_000_000,
    }


# Reads -------------------------------------------------------------------------------------------------


def test_the_counts_are_asked_alone_with_the_header_that_nginx_lets_pass(
    client: ChatwootClient, chatwoot: Any, open_limiter: Any
) -> None:
    chatwoot.get(f"{V1}/conversations/meta", json={"meta": META})
    counts = client.counts()
    assert (counts.mine, counts.unassigned, counts.assigned, counts.all) == (2, 5, 7, 12)
    assert sent(chatwoot)[:2] == ("/api/v1/accounts/1/conversations/meta", {"status": "open"})
    headers = chatwoot.calls[-1].request.headers
    assert headers["Api-Access-Token"] == "planted-token"
    assert "api_access_token" not in headers
    assert open_limiter.asked_for == [(1, "conversations/meta")]


def test_the_headers_name_can_be_set(chatwoot: Any, open_limiter: Any) -> None:
    chatwoot.get(f"{V1}/conversations/meta", json={"meta": META})
    ChatwootClient(BASE, "1", "planted-token", open_limiter, 2.0, 5.0, "api_access_token").counts()
    assert chatwoot.calls[-1].request.headers["api_access_token"] == "planted-token"


def test_the_list_is_read_page_by_page(client: ChatwootClient, chatwoot: Any) -> None:
    conversation = {
        "id": 42,
        "status": "open",
        "labels": ["moss"],
        "unread_count": 2,
        "last_activity_at": 1_795_000_000,
        "waiting_since": 0,
        "priority": None,
        "meta": {"sender": {"name": "Clara"}, "assignee": None},
        "last_non_activity_message": {"content": "When?"},
    }
    body = {"data": {"meta": META, "payload": [conversation, {"id": 7}]}}
    chatwoot.get(f"{V1}/conversations", json=body)
    page = client.conversations(2, "pending", "unassigned")
    first, second = page.conversations
    assert sent(chatwoot)[1] == {"status": "pending", "assignee_type": "unassigned", "page": "2"}
    assert (first.contact, first.assignee, first.last_words, first.labels) == (
        "Clara",
        "",
        "When?",
        ("moss",),
    )
    assert (first.last_activity_at, first.waiting_since) == (datetime.fromtimestamp(1_795_000_000, UTC), None)
    assert (second.id, second.contact, page.counts.all) == (7, "", 12)


def open_page(*waits: int | None, all_of_them: int, active: int = 0) -> dict[str, Any]:
    """A page of conversations: since when each customer waits; each active a second before the one above."""
    payload = [
        {"id": number, "status": "open", "waiting_since": since or 0, "last_activity_at": active - number}
        for number, since in enumerate(waits, start=1)
    ]
    return {"data": {"meta": {"all_count": all_of_them}, "payload": payload}}


def test_the_longest_wait_takes_one_call_where_its_order_is_kept(
    client: ChatwootClient, chatwoot: Any
) -> None:
    page = open_page(100, 200, None, all_of_them=60, active=1000)
    page["data"]["payload"][0]["last_activity_at"] = 10  # long silent, yet first: no order of activity
    chatwoot.get(f"{V1}/conversations", json=page)
    wait = client.longest_wait()
    assert (wait.since, wait.complete) == (datetime.fromtimestamp(100, UTC), True)
    assert sent(chatwoot)[1]["sort_by"] == "waiting_since_asc"


@pytest.mark.parametrize("first", [(300, None, 200), (200, 300, None), (None, None, None)])
def test_the_longest_wait_is_looked_for_further_where_its_order_may_be_unknown(
    client: ChatwootClient, chatwoot: Any, first: tuple[int | None, ...]
) -> None:
    chatwoot.get(f"{V1}/conversations", json=open_page(*first, all_of_them=5, active=1000))
    chatwoot.get(f"{V1}/conversations", json=open_page(100, None, all_of_them=5, active=900))
    wait = client.longest_wait()
    assert (wait.since, wait.complete) == (datetime.fromtimestamp(100, UTC), True)


def test_the_longest_wait_of_very_many_may_be_longer_and_says_so(
    client: ChatwootClient, chatwoot: Any
) -> None:
    for number in range(2):
        page = open_page(500 - number, None, all_of_them=400, active=1000 - 10 * number)
        chatwoot.get(f"{V1}/conversations", json=page)
    wait = client.longest_wait(pages=2)
    assert (wait.since, wait.complete) == (datetime.fromtimestamp(499, UTC), False)


def test_where_nobody_waits_there_is_no_longest_wait(client: ChatwootClient, chatwoot: Any) -> None:
    chatwoot.get(f"{V1}/conversations", json=open_page(None, None, all_of_them=2))
    chatwoot.get(f"{V1}/conversations", json=open_page(all_of_them=0))
    assert client.longest_wait().since is None
    assert client.longest_wait().since is None


def test_messages_are_read_before_or_after_one(client: ChatwootClient, chatwoot: Any) -> None:
    chatwoot.get(
        MESSAGES, json={"meta": {}, "payload": [message(1), message(2) | {"sender": {"name": "Bob"}}]}
    )
    assert [(one.id, one.sender) for one in client.messages(42)] == [(1, ""), (2, "Bob")]
    assert sent(chatwoot)[1] == {}
    client.messages(42, before=9)
    assert sent(chatwoot)[1] == {"before": "9"}
    client.messages(42, after=0)
    assert sent(chatwoot)[1] == {"after": "0"}
    with pytest.raises(ValueError, match="Before one message or after one"):
        client.messages(42, before=1, after=1)


@pytest.mark.parametrize("told", [1_795_000_000, "2026-11-18T11:06:40.000Z", "2026-11-18T11:06:40"])
def test_a_time_may_come_in_any_form(client: ChatwootClient, chatwoot: Any, told: object) -> None:
    chatwoot.get(MESSAGES, json={"payload": [message(1) | {"created_at": told}]})
    assert client.messages(42)[0].created_at == datetime.fromtimestamp(1_795_000_000, UTC)


def test_people_are_found_by_words(client: ChatwootClient, chatwoot: Any, open_limiter: Any) -> None:
    found = {"id": 7, "name": "Clara", "email": None, "phone_number": "+49 30 1"}
    chatwoot.get(
        f"{V1}/contacts/search", json={"meta": {"count": 16, "current_page": "1"}, "payload": [found]}
    )
    page = client.contacts("clara@")
    assert (page.count, page.contacts[0].email, page.contacts[0].phone) == (16, "", "+49 30 1")
    assert sent(chatwoot)[1] == {"q": "clara@", "page": "1"}
    assert open_limiter.asked_for == [(1, "contacts/search")]


def test_a_report_is_asked_of_version_2_in_unix_seconds(
    client: ChatwootClient, chatwoot: Any, open_limiter: Any
) -> None:
    summary = {"conversations_count": 3, "avg_first_response_time": "61.5", "avg_resolution_time": None}
    chatwoot.get(f"{V2}/reports/summary", json=summary | {"previous": {"conversations_count": 2}})
    report = client.report(datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC))
    assert sent(chatwoot)[1] == {"type": "account", "since": "1795478400", "until": "1795564800"}
    assert (report.conversations, report.first_response, report.resolution) == (3, 61.5, None)
    assert report.previous is not None
    assert report.previous.conversations == 2
    assert open_limiter.asked_for == [(1, "reports/summary")]


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", '{"meta": {}}', '{"meta": {"all_count": "many"}}', "<html>"]
)
def test_an_answer_that_makes_no_sense_is_no_answer(client: ChatwootClient, chatwoot: Any, body: str) -> None:
    chatwoot.get(f"{V1}/conversations/meta", body=body)
    with pytest.raises(BadAnswer):
        client.counts()


def test_a_read_is_repeated_only_for_a_caller_that_may_wait(client: ChatwootClient, chatwoot: Any) -> None:
    chatwoot.get(f"{V1}/conversations/meta", status=502, body="<html>")
    with pytest.raises(BadAnswer):
        client.counts()
    chatwoot.get(f"{V1}/conversations/meta", json={"meta": META})
    assert client.patient(Retry(2, base=0)).counts().all == 12


# Refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (401, "auth", {"error": "Invalid Access Token"}, "Invalid Access Token"),
        (401, "auth", {"errors": ["You need to sign in"]}, "You need to sign in"),
        (401, "auth", {"error": "You are not authorized to do this action"}, "not authorized"),
        (402, "auth", {"error": "Please subscribe"}, "subscribe"),
        (403, "auth", {"errors": [{"field": "x", "message": "Access denied", "code": "c"}]}, "Access denied"),
        (404, "setup", {"error": "Resource could not be found"}, "could not be found"),
        (413, "setup", {"error": "Too large"}, "Too large"),
        (400, "permanent", {"message": "Account expired"}, "Account expired"),
        (
            422,
            "permanent",
            {"message": "Content can't be blank", "attributes": ["content"]},
            "can't be blank",
        ),
        (429, "rate_limited", {"error": "Too many"}, "Too many"),
    ],
)
def test_a_refusal_in_each_of_its_shapes(
    client: ChatwootClient, chatwoot: Any, status: int, kind: RefusedKind, body: Any, words: str
) -> None:
    chatwoot.get(f"{V1}/conversations/meta", status=status, json=body)
    with pytest.raises(Refused, match=words) as caught:
        client.counts()
    assert (caught.value.kind, caught.value.errors[0].count("attributes")) == (kind, 0)
    assert len(caught.value.errors) == 1


def test_retry_later_in_plain_text_is_a_refusal_for_the_limit(
    client: ChatwootClient, chatwoot: Any, open_limiter: Any
) -> None:
    chatwoot.post(
        f"{V1}/conversations/42/labels", status=429, body="Retry later\n", content_type="text/plain"
    )
    with pytest.raises(Refused) as caught:
        client.replace_labels(42, ["a"])
    assert caught.value.kind == "rate_limited"
    assert open_limiter.told == [("observe", "1", 429)]


@pytest.mark.parametrize(
    ("status", "content_type"), [(429, "text/html"), (401, "text/plain"), (404, "text/html")]
)
def test_a_foreign_page_is_nobodys_refusal(
    client: ChatwootClient, chatwoot: Any, status: int, content_type: str
) -> None:
    chatwoot.post(f"{V1}/conversations/42/labels", status=status, body="No", content_type=content_type)
    with pytest.raises(OutcomeUnknown):
        client.replace_labels(42, ["a"])


def test_calls_are_held_while_the_limit_is_used_up(client: ChatwootClient, open_limiter: Any) -> None:
    open_limiter.answer = Wait(12.0, "limit")
    with pytest.raises(Held):
        client.counts(priority=Priority.PERSON)
    with pytest.raises(Held):
        client.assign(42, 1)
    assert open_limiter.asked == [Priority.PERSON, Priority.BACKGROUND]


# Writes ------------------------------------------------------------------------------------------------


def test_labels_replace_all_others(
    client: ChatwootClient, chatwoot: Any, valid_body: Any, open_limiter: Any
) -> None:
    chatwoot.post(f"{V1}/conversations/42/labels", json={"payload": ["moss", "vase"]})
    assert client.replace_labels(42, ["moss", "vase"]) == ("moss", "vase")
    valid_body("/conversations/{conversation_id}/labels", sent(chatwoot)[2])
    assert open_limiter.asked_for == [(1, "conversations/{id}/labels")]


def test_labels_are_read(client: ChatwootClient, chatwoot: Any) -> None:
    chatwoot.get(f"{V1}/conversations/42/labels", json={"payload": ["moss"]})
    assert client.labels(42) == ("moss",)


def test_a_conversation_is_given_to_an_agent(client: ChatwootClient, chatwoot: Any, valid_body: Any) -> None:
    chatwoot.post(f"{V1}/conversations/42/assignments", json={"id": 3, "name": "Bob"})
    client.assign(42, 3)
    assert sent(chatwoot)[2] == {"assignee_id": 3}
    valid_body("/conversations/{conversation_id}/assignments", sent(chatwoot)[2])


def test_a_conversation_is_closed(client: ChatwootClient, chatwoot: Any, valid_body: Any) -> None:
    chatwoot.post(f"{V1}/conversations/42/toggle_status", json={"payload": {"success": True}})
    client.set_status(42, "resolved")
    valid_body("/conversations/{conversation_id}/toggle_status", sent(chatwoot)[2])


@pytest.mark.parametrize("call", [lambda c: c.assign(42, 1), lambda c: c.set_status(42, "open")])
def test_a_write_is_tried_once_even_for_the_patient(
    client: ChatwootClient, chatwoot: Any, call: Callable[[ChatwootClient], None]
) -> None:
    for action in ("assignments", "toggle_status"):
        chatwoot.add(responses.POST, f"{V1}/conversations/42/{action}", status=504, body="<html>")
    chatwoot.assert_all_requests_are_fired = False
    with pytest.raises(OutcomeUnknown):
        call(client.patient(Retry(5, base=0)))
    assert len(chatwoot.calls) == 1


# A message that is said once ----------------------------------------------------------------------------


def there(chatwoot: Any, *messages: dict[str, Any]) -> None:
    chatwoot.get(MESSAGES, json={"payload": list(messages)})


def test_the_newest_messages_number_is_where_looking_begins(client: ChatwootClient, chatwoot: Any) -> None:
    there(chatwoot, message(5), message(9), message(7))
    there(chatwoot)
    assert (client.last_message_id(42), client.last_message_id(42)) == (9, 0)


def test_a_message_is_sent_where_it_is_not_there_yet(
    client: ChatwootClient, chatwoot: Any, valid_body: Any
) -> None:
    there(chatwoot, message(10, "Words", kind=0), message(11, "Words", private=True), message(12, "Others"))
    chatwoot.post(MESSAGES, json=message(13))
    posted = client.post_message(42, "Words", after=9)
    assert (posted.message.id, posted.found) == (13, False)
    assert sent(chatwoot)[2] == {"content": "Words", "message_type": "outgoing", "private": False}
    valid_body("/conversations/{conversation_id}/messages", sent(chatwoot)[2])


def test_a_message_that_is_there_is_not_sent_again(client: ChatwootClient, chatwoot: Any) -> None:
    there(chatwoot, message(11, "Words\r\nof two lines ", private=True))
    posted = client.post_message(42, "Words\nof two lines", after=9, private=True)
    assert (posted.message.id, posted.found) == (11, True)
    assert [call.request.method for call in chatwoot.calls] == ["GET"]
    assert sent(chatwoot)[1] == {"after": "9"}


def test_it_is_looked_for_beyond_a_hundred_others(client: ChatwootClient, chatwoot: Any) -> None:
    there(chatwoot, *(message(number, "Others", kind=0) for number in range(10, 110)))
    there(chatwoot, message(110))
    assert client.post_message(42, "Words", after=9).found
    assert sent(chatwoot)[1] == {"after": "109"}


@pytest.mark.parametrize(
    "unknown",
    [
        {"body": requests.ConnectionError("reset")},
        {"status": 504, "body": "<html>"},
        {"status": 200, "body": "{}"},
        {"status": 422, "body": "<html>", "content_type": "text/html"},
    ],
)
def test_after_an_unknown_outcome_it_is_looked_for_and_found(
    client: ChatwootClient, chatwoot: Any, unknown: dict[str, Any]
) -> None:
    there(chatwoot)
    chatwoot.post(MESSAGES, **unknown)
    there(chatwoot, message(13))
    posted = client.post_message(42, "Words", after=9)
    assert (posted.message.id, posted.found) == (13, True)


def test_after_an_unknown_outcome_it_is_not_sent_again_on_a_hunch(
    client: ChatwootClient, chatwoot: Any
) -> None:
    there(chatwoot)
    chatwoot.post(MESSAGES, status=502, body="<html>")
    with pytest.raises(OutcomeUnknown):
        client.post_message(42, "Words", after=9)
    assert [call.request.method for call in chatwoot.calls] == ["GET", "POST", "GET"]


def test_a_look_that_fails_leaves_the_outcome_unknown(client: ChatwootClient, chatwoot: Any) -> None:
    there(chatwoot)
    chatwoot.post(MESSAGES, status=502, body="<html>")
    chatwoot.get(MESSAGES, status=401, json={"error": "Invalid Access Token"})
    with pytest.raises(OutcomeUnknown):
        client.post_message(42, "Words", after=9)


def test_without_a_look_nothing_is_sent(client: ChatwootClient, chatwoot: Any) -> None:
    chatwoot.get(MESSAGES, status=502, body="<html>")
    with pytest.raises(BadAnswer):
        client.post_message(42, "Words", after=9)
    assert [call.request.method for call in chatwoot.calls] == ["GET"]


def test_a_refused_message_is_a_refusal(client: ChatwootClient, chatwoot: Any) -> None:
    there(chatwoot)
    chatwoot.post(MESSAGES, status=422, json={"message": "Content is too long", "attributes": ["content"]})
    with pytest.raises(Refused) as caught:
        client.post_message(42, "Words", after=9)
    assert caught.value.kind == "permanent"


def test_a_server_that_is_away_was_not_asked(open_limiter: Any, nowhere: str) -> None:
    with pytest.raises(NotSent):
        ChatwootClient(f"http://{nowhere}", "1", "t", open_limiter, 2.0, 5.0).counts()
