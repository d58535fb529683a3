"""The whole way: Chatwoot's client and the real limiter, against the stand-in."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator

from integrations.chatwoot.client import ChatwootClient
from integrations.chatwoot.sandbox.server import Sandbox, Settings
from integrations.errors import BadAnswer, Held, OutcomeUnknown, Refused
from integrations.ratelimit import Limiter, Priority, limiter_for
from tests.integrations.standins import fault

TOKEN = "planted-token"


@pytest.fixture
def new_sandbox(running: Callable[[Sandbox], Sandbox]) -> Callable[..., Sandbox]:
    return lambda **limits: running(Sandbox(Settings(token=TOKEN, limits=limits)))


@pytest.fixture
def sandbox(new_sandbox: Callable[..., Sandbox]) -> Sandbox:
    return new_sandbox()


@pytest.fixture
def limiter() -> Limiter:
    return limiter_for("chatwoot", uuid.uuid4().hex)


@pytest.fixture
def client(sandbox: Sandbox, limiter: Limiter) -> ChatwootClient:
    return ChatwootClient(sandbox.url, "1", TOKEN, limiter, 2.0, 5.0)


def test_counts_and_pages_agree(client: ChatwootClient) -> None:
    counts = client.counts(priority=Priority.PERSON)
    first, second = client.conversations(1), client.conversations(2)
    every = first.conversations + second.conversations
    assert (len(first.conversations), len(every), first.counts) == (25, counts.all, counts)
    assert counts.unassigned == sum(not conversation.assignee for conversation in every)
    assert counts.assigned + counts.unassigned == counts.all
    assert {one.status for one in client.conversations(1, "resolved").conversations} == {"resolved"}
    mine = client.conversations(1, "open", "me").conversations
    assert {one.assignee for one in mine} == {"Bob Lindqvist"}
    assert first.conversations[0].last_words == "When is the Moss dinner set back?"


def test_the_longest_wait_is_found_in_one_call(client: ChatwootClient, sandbox: Sandbox) -> None:
    wait = client.longest_wait()
    every = client.conversations(1).conversations + client.conversations(2).conversations
    assert wait.since == min(one.waiting_since for one in every if one.waiting_since)
    assert (wait.complete, sandbox.calls["GET /conversations"]) == (True, 3)


def test_a_message_is_said_once_whatever_becomes_of_the_answer(
    client: ChatwootClient, sandbox: Sandbox
) -> None:
    conversation = client.conversations().conversations[0].id
    after = client.last_message_id(conversation)
    fault(sandbox, write="lose_after", count=1)
    lost = client.post_message(conversation, "On Thursday.", after)
    again = client.post_message(conversation, "On Thursday.", after)
    fault(sandbox, write="html", count=1)
    with pytest.raises(OutcomeUnknown):
        client.post_message(conversation, "At noon.", after)
    sent = client.post_message(conversation, "At noon.", after)
    assert (lost.found, again.found, sent.found) == (True, True, False)
    said = [message.content for message in client.messages(conversation, after=after)]
    assert said == ["On Thursday.", "At noon."]


def test_more_messages_than_a_page_are_read_both_ways(client: ChatwootClient, sandbox: Sandbox) -> None:
    conversation = client.conversations().conversations[0].id
    kept = sandbox.inbox.conversations[conversation]
    after = client.last_message_id(conversation)
    for number in range(130):
        sandbox.inbox.say(kept, f"Word {number}", sandbox.clock(), kind=0)
    sandbox.inbox.say(kept, "Already said", sandbox.clock(), agent=2)
    assert len(client.messages(conversation)) == 20
    assert len(client.messages(conversation, after=after)) == 100
    newest = client.last_message_id(conversation)
    assert [one.id for one in client.messages(conversation, before=newest)] == list(
        range(newest - 20, newest)
    )
    assert client.post_message(conversation, "Already said", after).found


def test_labels_status_and_agent_are_set(client: ChatwootClient) -> None:
    conversation = next(
        one for one in client.conversations().conversations if one.labels and not one.assignee
    )
    assert client.replace_labels(conversation.id, ["vase", "vip"]) == ("vase", "vip")
    assert client.labels(conversation.id) == ("vase", "vip")
    client.set_status(conversation.id, "resolved")
    client.set_status(conversation.id, "open")
    found = next(one for one in client.conversations().conversations if one.id == conversation.id)
    assert found.assignee == "Bob Lindqvist"  # opening assigns to the token's user
    client.assign(conversation.id, 1)
    found = next(one for one in client.conversations().conversations if one.id == conversation.id)
    assert (found.assignee, found.labels) == ("Ann Weber", ("vase", "vip"))


def test_people_and_a_report(client: ChatwootClient) -> None:
    page = client.contacts("mail.example")
    assert (len(page.contacts), page.count) == (15, 32)
    assert client.contacts("clara").contacts[0].name == "Clara Neumann"
    now = datetime.now(UTC)
    report = client.report(now - timedelta(days=1), now)
    assert report.incoming > report.outgoing > 0
    assert report.first_response == 900.0
    assert report.previous is not None


def test_each_refusal_has_its_shape(client: ChatwootClient, sandbox: Sandbox, limiter: Limiter) -> None:
    with pytest.raises(Refused, match="Invalid Access Token") as caught:
        ChatwootClient(sandbox.url, "1", "another", limiter, 2.0, 5.0).counts()
    assert caught.value.kind == "auth"
    with pytest.raises(Refused, match="sign in"):  # as behind an nginx, which drops this name
        ChatwootClient(sandbox.url, "1", TOKEN, limiter, 2.0, 5.0, "api_access_token").counts()
    with pytest.raises(Refused, match="could not be found") as caught:
        client.messages(999_999)
    assert caught.value.kind == "setup"
    with pytest.raises(Refused, match="can't be blank") as caught:
        client.post_message(client.conversations().conversations[0].id, " ", 10**9)
    assert caught.value.kind == "permanent"


def test_the_counts_window_is_used_without_a_refused_call(client: ChatwootClient, sandbox: Sandbox) -> None:
    for _ in range(30):
        client.counts(priority=Priority.PERSON)
    with pytest.raises(Held) as caught:
        client.counts(priority=Priority.PERSON)
    assert caught.value.reason == "limit"
    assert not sandbox.refused
    assert client.conversations().conversations  # the address has units left


def test_a_refusal_for_the_limit_is_plain_text_and_holds_everybody_until_the_window_ends(
    client: ChatwootClient, sandbox: Sandbox
) -> None:
    fault(sandbox, any="throttle", count=1)
    with pytest.raises(Refused) as refused:
        client.conversations()
    assert (refused.value.kind, refused.value.status) == ("rate_limited", 429)
    assert refused.value.body == "Retry later\n"
    calls: list[Callable[[], object]] = [client.conversations, client.counts]
    for call in calls:
        with pytest.raises(Held) as held:
            call()
        assert 0 < held.value.seconds <= 61


def test_the_sandbox_refuses_in_each_window(new_sandbox: Callable[..., Sandbox], open_limiter: Any) -> None:
    sandbox = new_sandbox(**{"meta": 2, "contacts": 1, "reports of a token": 1, "address": 8})
    client = ChatwootClient(sandbox.url, "1", TOKEN, open_limiter, 2.0, 5.0)
    now = datetime.now(UTC)
    moment = sandbox.clock()
    sandbox.clock = lambda: moment
    calls: list[Callable[[], object]] = [
        client.counts,
        lambda: client.contacts("a"),
        lambda: client.report(now, now),
    ]
    for call, allowed in zip(calls, (2, 1, 1), strict=True):
        for _ in range(allowed):
            call()
        with pytest.raises(Refused):
            call()
    client.conversations()
    with pytest.raises(Refused):
        client.conversations()
    sandbox.clock = lambda: moment + 60
    client.counts()


def test_a_hanging_and_a_broken_server_bring_nothing(client: ChatwootClient, sandbox: Sandbox) -> None:
    for mode in ("hang", "html"):
        fault(sandbox, any=mode, count=1, seconds=0.01)
        with pytest.raises(BadAnswer):
            client.counts()
    fault(sandbox, any="refuse", count=1)
    with pytest.raises(Refused):
        client.counts()


def test_what_the_sandbox_answers_is_what_the_contract_says(
    contracts_dir: Path, client: ChatwootClient, sandbox: Sandbox, monkeypatch: Any
) -> None:
    def null(part: dict[str, Any]) -> dict[str, Any]:
        """The document calls itself 3.0 and says `type: null` in one place, as 3.1 does."""
        return {"enum": [None]} if part == {"type": "null"} else part

    contract = json.loads((contracts_dir / "chatwoot-swagger.json").read_text(), object_hook=null)
    checked: list[str] = []
    routed = sandbox._routed

    def hold_against_the_contract(request: Any, version: str, path: str) -> Any:
        answer = routed(request, version, path)
        assert answer is not None
        route = f"/api/{version}/accounts/{{account_id}}" + "/".join(
            "{conversation_id}" if part.isdigit() else part for part in path.split("/")
        )
        said = contract["paths"][route][request.method.lower()]["responses"]["200"]["content"]
        validator = OAS30Validator(
            {**said["application/json"]["schema"], "components": contract["components"]}
        )
        assert [error.message for error in validator.iter_errors(json.loads(json.dumps(answer.body)))] == []
        checked.append(f"{request.method} {path.rpartition('/')[2]}")
        return answer

    monkeypatch.setattr(sandbox, "_routed", hold_against_the_contract)
    client.counts()
    for status in ("open", "resolved", "pending"):
        client.conversations(status=status)
    conversation = client.conversations().conversations[-1].id
    client.post_message(conversation, "Words", client.last_message_id(conversation))
    client.replace_labels(conversation, ["vase"])
    client.labels(conversation)
    client.assign(conversation, 1)
    client.set_status(conversation, "resolved")
    client.contacts("a")
    now = datetime.now(UTC)
    client.report(now - timedelta(days=1), now)
    assert len(set(checked)) == 10
