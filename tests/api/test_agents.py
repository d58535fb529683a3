"""A program's quota, its stop switch, what it is told about itself, and its record."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from social import agents, workflow
from social.models import ApiToken, Approval, Channel, Post, Told
from social.workflow import Actor, Content
from tests.api.conftest import Program, person

TYPES = "/api/v1/docs/problems/"


@pytest.fixture
def limited(agent: Program) -> Program:
    """The agent, which may make two proposals a day."""
    ApiToken.objects.update(daily_quota=2)
    return agent


# -------------------------------------------------------------------------------------------- quota
def test_a_token_without_a_quota_has_no_limit_and_hears_of_none(
    agent: Program, proposal: dict[str, Any]
) -> None:
    answers = [agent.post("posts", proposal) for _ in range(5)]
    assert {answer.status for answer in answers} == {201}
    assert not any(name.lower().startswith("ratelimit") for name in answers[0].headers)


def test_each_answer_says_what_is_left(limited: Program, proposal: dict[str, Any]) -> None:
    assert limited.get("channels").headers["RateLimit-Policy"] == '"proposals";q=2;w=86400'
    answer = limited.post("posts", proposal)
    assert answer.headers["RateLimit"].startswith('"proposals";r=1;t=')
    assert limited.post("posts", {}).headers["RateLimit"].startswith('"proposals";r=1;t=')
    assert limited.get("nowhere").status == 404


def test_beyond_the_quota_nothing_is_written_and_the_answer_says_until_when(
    limited: Program, proposal: dict[str, Any]
) -> None:
    for _ in range(2):
        limited.post("posts", proposal)
    answer = limited.post("posts", proposal)
    assert (answer.status, answer.body["type"]) == (429, f"{TYPES}quota-used-up")
    assert 0 < int(answer.headers["Retry-After"]) <= 25 * 3600
    assert answer.headers["RateLimit"].startswith('"proposals";r=0;')
    assert datetime.fromisoformat(answer.body["resets_at"]) > timezone.now()
    assert Post.objects.count() == 2


def test_a_batch_goes_as_far_as_the_quota(limited: Program, proposal: dict[str, Any]) -> None:
    rows = limited.post("posts/batch", {"posts": [proposal] * 3}).body["items"]
    assert [row["status"] for row in rows] == [201, 201, 429]
    assert Post.objects.count() == 2
    assert limited.post("posts/batch", {"posts": [proposal]}).status == 429


def test_what_is_sent_again_under_its_key_costs_nothing(limited: Program, proposal: dict[str, Any]) -> None:
    for _ in range(4):
        assert limited.post("posts", proposal, HTTP_IDEMPOTENCY_KEY="one").status == 201
    answer = limited.post("posts", proposal, HTTP_IDEMPOTENCY_KEY="two")
    assert (answer.status, answer.headers["RateLimit"][:15]) == (201, '"proposals";r=0')


def test_an_answer_to_what_a_person_asked_for_costs_nothing(
    limited: Program, proposal: dict[str, Any]
) -> None:
    first, _ = limited.post("posts", proposal), limited.post("posts", proposal)
    assert limited.patch(f"posts/{first.body['id']}", {"text": "Moss is back, twice."}).status == 200
    assert limited.post(f"posts/{first.body['id']}/submit").status == 200


def test_the_quota_comes_back_with_the_shops_next_day(
    limited: Program, proposal: dict[str, Any], settings: Any
) -> None:
    settings.SHOP_TIME_ZONE = "Europe/Berlin"
    with time_machine.travel(datetime(2026, 11, 24, 22, 59, 30, tzinfo=UTC), tick=False):
        for _ in range(2):
            limited.post("posts", proposal)
        answer = limited.post("posts", proposal)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "30")
    with time_machine.travel(datetime(2026, 11, 24, 23, 0, 30, tzinfo=UTC), tick=False):
        assert limited.post("posts", proposal).status == 201


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_no_more_pass_than_the_quota(limited: Program, proposal: dict[str, Any]) -> None:
    together, statuses = threading.Barrier(6), []

    def propose() -> None:
        try:
            other = Program(Client(raise_request_exception=False), limited.secret)
            together.wait()
            statuses.append(other.post("posts", proposal).status)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=propose) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 201, 429, 429, 429, 429]
    assert Post.objects.count() == 2


def test_staff_have_no_quota(signed_in: Any, limited: Program, proposal: dict[str, Any]) -> None:
    browser = signed_in(person("olga", "Author"))
    browser.client.cookies["csrftoken"] = "a" * 32
    for _ in range(3):
        assert browser.post("posts", proposal, HTTP_X_CSRFTOKEN="a" * 32).status == 201


# --------------------------------------------------------------------------------------------- stop
def test_a_stopped_agent_is_told_who_stopped_it_and_why(
    agent: Program, bob: User, proposal: dict[str, Any]
) -> None:
    ApiToken.objects.update(
        stopped_at=timezone.now(), stopped_by=bob, stop_reason="It plans sales we do not hold."
    )
    for answer in (agent.get("posts"), agent.post("posts", proposal), agent.get("feedback")):
        assert (answer.status, answer.body["type"]) == (403, f"{TYPES}agent-stopped")
        assert "Bob" in answer.body["detail"]
        assert "It plans sales we do not hold." in answer.body["detail"]
    assert not Post.objects.exists()


@pytest.mark.parametrize("change", [{"stopped_at": timezone.now()}, {"revoked_at": timezone.now()}])
def test_what_is_stopped_while_it_writes_writes_nothing(
    agent: Program, proposal: dict[str, Any], monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    from social.api import proposals

    def stopped_meanwhile(media: Any) -> list[Any]:
        ApiToken.objects.update(**change)
        return []

    monkeypatch.setattr(proposals, "fetched", stopped_meanwhile)
    assert agent.post("posts", proposal).status in (401, 403)
    assert not Post.objects.exists()


# ------------------------------------------------------------------------------------------ oneself
def test_an_agent_learns_who_it_is_and_what_is_expected_of_it(limited: Program) -> None:
    ApiToken.objects.update(
        purpose="Proposes from the shop",
        instructions="Prices from the shop.\n\nNo hurry.\n",
        notes="Watch it.",
    )
    answer = limited.get("agent")
    assert answer.body["instructions"] == ["Prices from the shop.", "No hurry."]
    assert (answer.body["name"], answer.body["owner"]) == ("content-agent", "agents")
    assert (answer.body["quota"]["limit"], answer.body["quota"]["remaining"]) == (2, 2)
    assert "Watch it." not in str(answer.body)


def test_staff_are_told_who_they_are(signed_in: Any, ann: User) -> None:
    answer = signed_in(ann).get("agent")
    assert (answer.status, answer.body["name"], answer.body["quota"]) == (200, "Ann", None)


def test_what_an_agent_was_told_is_noted_once(
    agent: Program, new_program: Callable[..., Program], approved: Callable[..., int]
) -> None:
    post_id = approved()
    assert not Told.objects.exists()
    new_program(name="other").get(f"posts/{post_id}/feedback")  # not about its own
    assert not Told.objects.exists()
    agent.get("feedback")
    first = Told.objects.get()
    agent.get(f"posts/{post_id}/feedback")
    assert Told.objects.get().at == first.at


# ------------------------------------------------------------------------------------------- record
@pytest.fixture
def decided(channels: dict[str, Channel], agent: Program, bob: User) -> Callable[..., Approval]:
    """`decided("approved" | "edited" | "rejected", reason)`: a decision about a proposal of the agent's."""

    def make(how: str, reason: str = "Fact is wrong.") -> Approval:
        assert agent.token is not None
        token = ApiToken.objects.select_related("user").get(pk=agent.token.pk)
        actor = Actor(token.user, token)
        content = Content(text="Each plate is €48.", channels=[channels["twitter"]])
        post = workflow.create(actor, content, source=Post.Source.API)
        workflow.submit(post.pk, actor)
        if how == "rejected":
            workflow.reject(post.pk, Actor(bob), reason)
        else:
            if how == "edited":
                better = Content(text="Each plate is €52.", channels=[channels["twitter"]])
                workflow.edit(post.pk, Actor(bob), better)
            workflow.approve(post.pk, Actor(bob))
        return Approval.objects.latest("pk")

    return make


def test_a_record_counts_what_feedback_tells(agent: Program, decided: Callable[..., Approval]) -> None:
    for how in ("approved", "approved", "edited", "rejected"):
        decided(how)
    told = [row["outcome"] for row in agent.get("feedback").body["items"]]
    assert sorted(told) == ["approved", "approved", "approved_with_edits", "rejected"]
    token = ApiToken.objects.get()
    record = agents.records([token], timezone.now())[token.pk]
    assert (record.as_it_was, record.with_edits, record.rejected, record.share) == (2, 1, 1, 50)
    assert agents.weeks(token, timezone.now())[-1] == record


def test_a_record_looks_back_thirty_days(agent: Program, decided: Callable[..., Approval]) -> None:
    decided("approved")
    token = ApiToken.objects.get()
    assert agents.records([token], timezone.now() + timedelta(days=31)) == {}


def test_rejections_are_counted_by_their_reason(agent: Program, decided: Callable[..., Approval]) -> None:
    for reason in ("Fact is wrong.", "fact is wrong\nIt is €52.", "Too long"):
        decided("rejected", reason)
    assert agents.reasons([ApiToken.objects.get()], timezone.now()) == [("Fact is wrong", 2), ("Too long", 1)]


def test_the_last_words_are_those_of_the_last_decision_that_has_some(
    agent: Program, decided: Callable[..., Approval]
) -> None:
    decided("rejected", "First.")
    last = decided("rejected", "Second.")
    decided("approved")
    token = ApiToken.objects.get()
    assert agents.last_words([token]) == {token.pk: last}


def test_the_index_finds_a_days_proposals(agent: Program) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a planner with an empty table may do as it likes")
    token = ApiToken.objects.get()
    assert "post_by_agent" in Post.objects.filter(token=token, created_at__gte=timezone.now()).explain()
