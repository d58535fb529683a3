"""A write that is sent again with its key is done once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from social import tasks
from social.api import idempotency
from social.models import Delivery, Event, IdempotentCall, Post
from tests.api.conftest import Answer, Program

KEY = {"HTTP_IDEMPOTENCY_KEY": "order-66"}


def test_a_repeated_call_gets_the_same_answer_and_no_second_post(
    agent: Program, proposal: dict[str, Any]
) -> None:
    first = agent.post("posts", proposal, **KEY)
    again = agent.post("posts", proposal, **KEY)
    assert (first.status, again.status) == (201, 201)
    assert first.raw == again.raw
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Post.objects.count() == 1


def test_the_answer_is_that_of_the_first_time_whatever_happened_since(
    agent: Program, proposal: dict[str, Any]
) -> None:
    first = agent.post("posts", proposal, **KEY)
    agent.patch(f"posts/{first.body['id']}", {"text": "Other words."})
    assert agent.post("posts", proposal, **KEY).body["text"] == proposal["text"]


def test_the_order_of_names_makes_no_other_call(agent: Program, proposal: dict[str, Any]) -> None:
    agent.post("posts", proposal, **KEY)
    turned = agent.post("posts", dict(reversed(proposal.items())), **KEY)
    assert (turned.status, Post.objects.count()) == (201, 1)


def test_a_key_is_for_one_content(agent: Program, proposal: dict[str, Any]) -> None:
    first = agent.post("posts", proposal, **KEY)
    other = agent.post("posts", {**proposal, "text": "Other words."}, **KEY)
    assert (other.status, other.body["type"]) == (409, "/api/v1/docs/problems/idempotency-key-reused")
    elsewhere = agent.post(f"posts/{first.body['id']}/submit", **KEY)
    assert elsewhere.status == 409
    assert list(Post.objects.values_list("status", flat=True)) == ["draft"]


def test_two_tokens_may_use_the_same_key(
    agent: Program, new_program: Callable[..., Program], proposal: dict[str, Any]
) -> None:
    agent.post("posts", proposal, **KEY)
    other = new_program(name="other-agent").post("posts", proposal, **KEY)
    assert "Idempotent-Replayed" not in other.headers
    assert Post.objects.count() == 2


def test_a_key_of_a_person_is_no_tokens(
    signed_in: Callable[[User], Program], ann: User, bob: User, proposal: dict[str, Any]
) -> None:
    for person in (ann, bob, ann):
        browser = signed_in(person)
        browser.client.cookies["csrftoken"] = "a" * 32
        assert browser.post("posts", proposal, HTTP_X_CSRFTOKEN="a" * 32, **KEY).status == 201
    assert Post.objects.count() == 2


@pytest.mark.parametrize("verb", ["submit", "cancel"])
def test_the_other_writes_take_a_key_too(agent: Program, proposal: dict[str, Any], verb: str) -> None:
    post_id = agent.post("posts", proposal).body["id"]
    first = agent.post(f"posts/{post_id}/{verb}", **KEY)
    again = agent.post(f"posts/{post_id}/{verb}", **KEY)
    assert (first.status, again.status) == (200, 200)
    assert first.raw == again.raw
    assert Event.objects.filter(verb=verb).count() == 1


def test_an_edit_takes_a_key_too(agent: Program, proposal: dict[str, Any]) -> None:
    post_id = agent.post("posts", proposal).body["id"]
    first = agent.patch(f"posts/{post_id}", {"text": "A"}, **KEY)
    agent.patch(f"posts/{post_id}", {"text": "B"})
    assert agent.patch(f"posts/{post_id}", {"text": "A"}, **KEY).raw == first.raw
    assert agent.get(f"posts/{post_id}").body["text"] == "B"


def test_publish_takes_a_key_too(agent: Program, approved: Callable[..., int]) -> None:
    post_id = approved()
    first = agent.post(f"posts/{post_id}/publish", **KEY)
    Delivery.objects.update(status="published")
    Post.objects.update(status="published")
    again = agent.post(f"posts/{post_id}/publish", **KEY)
    assert (first.status, again.status, again.body["status"]) == (202, 202, "approved")


def test_a_refusal_uses_up_no_key(agent: Program, proposal: dict[str, Any]) -> None:
    assert agent.post("posts", {**proposal, "text": "x" * 281, "submit": True}, **KEY).status == 422
    assert agent.post("posts/1/submit", **KEY).status == 404
    assert not IdempotentCall.objects.exists()
    assert agent.post("posts", proposal, **KEY).status == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"])
def test_a_key_is_short_and_printable(agent: Program, proposal: dict[str, Any], key: str) -> None:
    answer = agent.post("posts", proposal, HTTP_IDEMPOTENCY_KEY=key)
    assert (answer.status, list(answer.body["errors"])) == (422, ["Idempotency-Key"])


def test_what_dies_between_post_and_answer_leaves_neither(
    agent: Program, proposal: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("social.api.posts._shown", lambda *_, **__: 1 / 0)
        assert agent.post("posts", proposal, **KEY).status == 500
    assert not Post.objects.exists()
    assert not IdempotentCall.objects.exists()
    assert agent.post("posts", proposal, **KEY).status == 201


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_does_it_and_both_get_its_answer(
    agent: Program, proposal: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2, timeout=10)

    replay = idempotency.replay

    def looked_together(*arguments: Any) -> Any:
        found = replay(*arguments)
        if found is None:
            together.wait()  # both have seen that the key is new
        return found

    monkeypatch.setattr(idempotency, "replay", looked_together)
    answers: list[Answer] = []

    def call() -> None:
        answers.append(agent.post("posts", proposal, **KEY))
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].raw == answers[1].raw
    assert Post.objects.count() == 1
    assert sorted("Idempotent-Replayed" in answer.headers for answer in answers) == [False, True]


def test_a_call_whose_first_one_cannot_be_seen_yet_is_told_to_wait(
    agent: Program, proposal: dict[str, Any]
) -> None:
    IdempotentCall.objects.create(
        user=agent.token.user,  # type: ignore[union-attr]
        token=agent.token,
        key="order-66",
        request_hash="",
        status=idempotency.NOT_YET,
        answer={},
    )
    answer = agent.post("posts", proposal, **KEY)
    assert (answer.status, answer.body["type"]) == (409, "/api/v1/docs/problems/in-progress")
    assert answer.headers["Retry-After"] == "1"
    assert not Post.objects.exists()


def test_an_answer_is_kept_for_thirty_days(agent: Program, proposal: dict[str, Any]) -> None:
    first = agent.post("posts", proposal, **KEY)
    now = IdempotentCall.objects.get().created_at
    IdempotentCall.forget_old(now + timedelta(days=30))
    assert agent.post("posts", proposal, **KEY).raw == first.raw
    IdempotentCall.forget_old(now + timedelta(days=30, seconds=1))
    assert agent.post("posts", proposal, **KEY).status == 201
    assert Post.objects.count() == 2


def test_beat_forgets_old_answers(agent: Program, proposal: dict[str, Any]) -> None:
    agent.post("posts", proposal, **KEY)
    assert PeriodicTask.objects.get(name="forget-answers").task == tasks.forget_answers.name
    tasks.forget_answers()
    assert IdempotentCall.objects.count() == 1
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(days=31))
    tasks.forget_answers()
    assert not IdempotentCall.objects.exists()
