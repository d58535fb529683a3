"""Proposing, reading and editing posts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from social import workflow
from social.models import Approval, Channel, Delivery, Event, Media, Post, Revision
from social.networks.links import WITH_A_LOGIN
from tests.api.conftest import Program, set_delivery, set_status

Made = Callable[..., int]


def soon(**delta: float) -> str:
    return (timezone.now() + timedelta(**delta)).isoformat()


# ------------------------------------------------------------------------------------------ propose
def test_a_proposal_becomes_a_draft_with_everything_that_was_sent(
    agent: Program, channels: dict[str, Channel]
) -> None:
    at = soon(days=1)
    answer = agent.post(
        "posts",
        {
            "text": "The Moss dinner set is back.",
            "channels": ["acc-mastodon", "acc-twitter"],
            "title": "Moss",
            "scheduled_at": at,
            "link": "https://kilnandlinen.example/moss",
            "overrides": {"twitter": {"text": "Moss is back."}},
            "evidence": {"Shop": "34 plates"},
        },
    )
    assert answer.status == 201
    post = answer.body
    assert answer.headers["Location"] == f"/api/v1/posts/{post['id']}"
    assert post["status"] == "draft"
    assert sorted(post["channels"]) == ["acc-mastodon", "acc-twitter"]
    assert (post["title"], post["text"]) == ("Moss", "The Moss dinner set is back.")
    assert post["link"] == "https://kilnandlinen.example/moss"
    assert post["overrides"] == {"twitter": {"text": "Moss is back."}}
    assert post["scheduled_at"][:16] == at[:16]
    assert post["evidence"] == {"Shop": "34 plates"}
    assert (post["author"], post["source"]) == ("content-agent", "api")
    assert post["revision"]["number"] == 1
    assert (post["approval"], post["deliveries"], post["receipt"], post["label"]) == (None, [], None, None)
    assert post["waiting_for"] == "A draft: ask for approval when it is ready."


def test_an_id_is_the_primary_key(agent: Program, proposal: dict[str, Any]) -> None:
    made = agent.post("posts", proposal)
    assert Post.objects.get(pk=made.body["id"]).author.username == "agents"


def test_submit_asks_for_approval_at_once(agent: Program, proposal: dict[str, Any]) -> None:
    answer = agent.post("posts", {**proposal, "submit": True})
    assert (answer.status, answer.body["status"]) == (201, "pending")
    assert answer.body["waiting_for"] == "Needs a second person; goes out as soon as it is approved."


def test_what_breaks_a_rule_of_a_network_is_not_submitted_and_not_kept(
    agent: Program, proposal: dict[str, Any]
) -> None:
    answer = agent.post(
        "posts",
        {**proposal, "text": "x" * 281, "channels": ["acc-twitter", "acc-instagram"], "submit": True},
    )
    assert answer.status == 422
    assert answer.body["errors"] == {
        "text": ["X allows 280 characters; this text has 281."],
        "media": ["Instagram needs a picture."],
    }
    assert not Post.objects.exists()
    assert not Revision.objects.exists()


def test_a_draft_may_still_break_a_networks_rule(agent: Program, proposal: dict[str, Any]) -> None:
    made = agent.post("posts", {**proposal, "text": "x" * 281})
    assert made.status == 201
    asked = agent.post(f"posts/{made.body['id']}/submit")
    assert (asked.status, list(asked.body["errors"])) == (422, ["text"])
    assert Post.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"text": " "}, "text"),
        ({"channels": []}, "channels"),
        ({"channels": ["acc-nowhere"]}, "channels[0]"),
        ({"channels": ["acc-twitter", "acc-twitter"]}, "channels"),
        ({"title": "x" * 201}, "title"),
        ({"scheduled_at": "2031-01-01T12:00:00"}, "scheduled_at"),
        ({"scheduled_at": "2031-01-01"}, "scheduled_at"),
        ({"scheduled_at": "2020-01-01T12:00:00+01:00"}, "scheduled_at"),
        ({"scheduled_at": "0001-01-01T00:00:00+14:00"}, "scheduled_at"),
        ({"scheduled_at": "9999-12-31T23:59:59-14:00"}, "scheduled_at"),
        ({"scheduled_at": 1924992000}, "scheduled_at"),
        ({"scheduled_at": "1924992000"}, "scheduled_at"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "kilnandlinen.example"}, "link"),
        ({"link": "https://user:pw@kilnandlinen.example/"}, "link"),
        ({"link": "https://user@kilnandlinen.example"}, "link"),
        ({"overrides": {"myspace": {"text": "x"}}}, "overrides.myspace"),
        ({"overrides": {"twitter": {"texts": "x"}}}, "overrides.twitter.texts"),
        ({"overrides": {"twitter": "x"}}, "overrides.twitter"),
        ({"media": [{"url": "https://x.example/a.jpg", "status": 1}]}, "media[0].status"),
        ({"media": [{"alt_text": "a"}]}, "media[0].url"),
        ({"media": [{"url": "https://x.example/a.jpg"}] * 11}, "media"),
        ({"evidence": {"a": "x" * 20_001}}, "evidence"),
        ({"evidence": []}, "evidence"),
        ({"submit": "yes"}, "submit"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    agent: Program, proposal: dict[str, Any], fields: dict[str, Any], field: str
) -> None:
    answer = agent.post("posts", {**proposal, **fields})
    assert (answer.status, answer.body["type"]) == (422, "/api/v1/docs/problems/invalid")
    assert field in answer.body["errors"]
    assert all(isinstance(rule, str) for rules in answer.body["errors"].values() for rule in rules)
    assert not Post.objects.exists()


def test_a_login_in_a_link_is_refused_with_the_reason(agent: Program, proposal: dict[str, Any]) -> None:
    made = agent.post("posts", {**proposal, "link": "https://kilnandlinen.example/@moss?by=a@b.example"})
    assert made.status == 201
    answer = agent.patch(f"posts/{made.body['id']}", {"link": "https://user:pw@kilnandlinen.example/"})
    assert (answer.status, answer.body["errors"]) == (422, {"link": [WITH_A_LOGIN]})
    assert b"pw" not in answer.raw


def test_an_account_of_a_workspace_that_is_not_connected_is_unknown(
    agent: Program, proposal: dict[str, Any], channels: dict[str, Channel]
) -> None:
    connection = channels["twitter"].connection
    connection.connected = False
    connection.save()
    assert agent.post("posts", proposal).status == 422


def test_an_account_that_publer_no_longer_lists_is_unknown(
    agent: Program, proposal: dict[str, Any], channels: dict[str, Channel]
) -> None:
    channels["twitter"].active = False
    channels["twitter"].save()
    assert agent.post("posts", proposal).status == 422


@pytest.mark.parametrize(
    "field",
    [
        *("status", "approval", "approved", "approved_by", "author", "author_id", "token", "source", "id"),
        *(
            "receipt",
            "revision",
            "deliveries",
            "label",
            "published_at",
            "content_hash",
            "decision",
            "approve",
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_nothing_can_be_set_that_is_not_a_callers_to_set(
    agent: Program, proposal: dict[str, Any], method: str, field: str
) -> None:
    made = agent.post("posts", proposal)
    path = "posts" if method == "POST" else f"posts/{made.body['id']}"
    sent = {**proposal, field: "approved"} if method == "POST" else {field: "approved"}
    answer = agent.call(method, path, sent)
    assert (answer.status, answer.body["errors"]) == (422, {field: ["There is no such field."]})
    assert list(Post.objects.values_list("status", "source")) == [("draft", "api")]


@pytest.mark.parametrize("verb", ["submit", "cancel", "retry", "publish"])
def test_a_verb_takes_no_fields(agent: Program, proposal: dict[str, Any], verb: str) -> None:
    made = agent.post("posts", proposal)
    answer = agent.post(f"posts/{made.body['id']}/{verb}", {"approved": True, "status": "approved"})
    assert (answer.status, set(answer.body["errors"])) == (422, {"approved", "status"})
    assert Post.objects.get().status == "draft"


@pytest.mark.parametrize("verb", ["approve", "reject", "approval", "settle"])
def test_no_call_approves(agent: Program, proposal: dict[str, Any], verb: str) -> None:
    made = agent.post("posts", {**proposal, "submit": True})
    assert agent.post(f"posts/{made.body['id']}/{verb}").status == 404
    assert not Approval.objects.exists()
    assert Post.objects.get().status == "pending"


# --------------------------------------------------------------------------------------------- edit
def test_only_what_is_named_changes(agent: Program, proposal: dict[str, Any]) -> None:
    made = agent.post(
        "posts",
        {**proposal, "title": "Moss", "link": "https://a.example/", "scheduled_at": soon(days=1)},
    )
    answer = agent.patch(f"posts/{made.body['id']}", {"text": "Moss is back again."})
    assert answer.status == 200
    changed = {key for key in made.body if made.body[key] != answer.body[key]}
    assert changed == {"text", "revision", "updated_at"}
    assert answer.body["revision"]["number"] == 2


def test_null_takes_a_time_and_a_link_away(agent: Program, proposal: dict[str, Any]) -> None:
    made = agent.post("posts", {**proposal, "link": "https://a.example/", "scheduled_at": soon(days=1)})
    answer = agent.patch(f"posts/{made.body['id']}", {"link": None, "scheduled_at": None})
    assert (answer.body["link"], answer.body["scheduled_at"]) == (None, None)


def test_the_name_for_us_changes_without_a_new_revision(agent: Program, proposal: dict[str, Any]) -> None:
    made = agent.post("posts", proposal)
    answer = agent.patch(f"posts/{made.body['id']}", {"title": "Moss, second try"})
    assert (answer.body["title"], answer.body["revision"]["number"]) == ("Moss, second try", 1)


def test_a_pending_post_goes_back_to_draft_when_it_is_edited(
    agent: Program, proposal: dict[str, Any]
) -> None:
    made = agent.post("posts", {**proposal, "submit": True})
    answer = agent.patch(f"posts/{made.body['id']}", {"text": "Moss."})
    assert (answer.status, answer.body["status"], answer.body["text"]) == (200, "draft", "Moss.")


def test_an_edit_that_is_refused_leaves_a_pending_post_pending(
    agent: Program, proposal: dict[str, Any]
) -> None:
    made = agent.post("posts", {**proposal, "submit": True})
    for wrong in ({"channels": ["acc-nowhere"]}, {"text": " "}):
        assert agent.patch(f"posts/{made.body['id']}", wrong).status == 422
    assert Post.objects.get().status == "pending"
    assert not Event.objects.filter(verb="withdraw").exists()


def test_a_rejected_post_shows_the_reason_and_can_be_edited(
    agent: Program, proposal: dict[str, Any], bob: User
) -> None:
    made = agent.post("posts", {**proposal, "submit": True})
    workflow.reject(made.body["id"], workflow.Actor(bob), "Say how many.", changes_asked=True)
    shown = agent.get(f"posts/{made.body['id']}").body
    assert (shown["status"], shown["label"]) == ("rejected", "Changes asked")
    assert shown["approval"] | {"at": None} == {
        "by": "Bob",
        "at": None,
        "content_hash": made.body["revision"]["content_hash"],
        "decision": "rejected",
        "reason": "Say how many.",
    }
    answer = agent.patch(f"posts/{made.body['id']}", {"text": "Moss: 34 plates."})
    assert (answer.status, answer.body["status"], answer.body["approval"]) == (200, "draft", None)


@pytest.mark.parametrize("fields", [{"text": "Other words."}, {"title": "x"}, {}])
def test_after_approval_nothing_is_edited_here(
    agent: Program, approved: Made, fields: dict[str, Any]
) -> None:
    post_id = approved()
    answer = agent.patch(f"posts/{post_id}", fields)
    assert (answer.status, answer.body["type"]) == (409, "/api/v1/docs/problems/wrong-state")
    assert answer.body["state"] == "approved"
    assert answer.body["detail"].startswith("Bob approved it at")
    assert Delivery.objects.get().status == "queued"


def test_a_signed_in_approver_cannot_edit_after_approval_either(
    signed_in: Callable[[User], Program], approved: Made, bob: User
) -> None:
    post_id = approved()
    browser = signed_in(bob)
    browser.client.cookies["csrftoken"] = "a" * 32
    answer = browser.patch(f"posts/{post_id}", {"text": "Other words."}, HTTP_X_CSRFTOKEN="a" * 32)
    assert answer.status == 409


# -------------------------------------------------------------------------------------------- verbs
def test_submit_cancel_and_their_refusals(agent: Program, proposal: dict[str, Any]) -> None:
    post_id = agent.post("posts", proposal).body["id"]
    assert agent.post(f"posts/{post_id}/submit", {}).body["status"] == "pending"
    again = agent.post(f"posts/{post_id}/submit")
    assert (again.status, again.body["state"]) == (409, "pending")
    assert again.body["detail"].startswith("It waits for approval: content-agent asked for it")
    assert agent.post(f"posts/{post_id}/cancel").body["status"] == "cancelled"
    assert agent.post(f"posts/{post_id}/cancel").body["state"] == "cancelled"
    assert agent.get(f"posts/{post_id}").body["waiting_for"] is None


def test_retry_sends_again_what_failed(agent: Program, approved: Made) -> None:
    post_id = approved()
    set_delivery(post_id, "failed", problem="Picture is too wide.")
    set_status(post_id, "failed")
    shown = agent.get(f"posts/{post_id}").body
    assert shown["deliveries"][0]["error"] == "Picture is too wide."
    answer = agent.post(f"posts/{post_id}/retry")
    assert (answer.status, answer.body["status"]) == (200, "approved")
    assert answer.body["deliveries"][0] | {"waiting_for": None} == {
        "channel": "acc-twitter",
        "network": "twitter",
        "name": "@twitter",
        "status": "queued",
        "permalink": None,
        "attempts": 0,
        "next_attempt_at": None,
        "error": None,
        "waiting_for": None,
    }
    assert agent.post(f"posts/{post_id}/retry").status == 409


def test_an_approved_post_is_sent_at_once(agent: Program, approved: Made) -> None:
    post_id = approved(scheduled_at=soon(minutes=100))
    answer = agent.post(f"posts/{post_id}/publish")
    assert answer.status == 202
    assert Delivery.objects.get().due_at <= timezone.now()


def test_a_program_does_not_move_a_post_further_than_its_approval_reaches(
    agent: Program, approved: Made
) -> None:
    post_id = approved(scheduled_at=soon(hours=5))
    answer = agent.post(f"posts/{post_id}/publish")
    assert (answer.status, answer.body["state"]) == (409, "approved")
    assert "an approver has to send it" in answer.body["detail"]
    assert Delivery.objects.get().due_at > timezone.now() + timedelta(hours=4)


@pytest.mark.parametrize("status", ["draft", "pending", "rejected", "published", "failed", "cancelled"])
def test_what_is_not_approved_is_not_sent(agent: Program, proposal: dict[str, Any], status: str) -> None:
    post_id = agent.post("posts", proposal).body["id"]
    set_status(post_id, status)
    answer = agent.post(f"posts/{post_id}/publish")
    assert (answer.status, answer.body["state"]) == (409, status)
    assert not Delivery.objects.exists()
    assert not Approval.objects.exists()


def test_content_that_was_changed_behind_the_approval_is_not_sent(agent: Program, approved: Made) -> None:
    post_id = approved()
    # History refuses to be changed; the seal notices what happens past it all the same.
    Post.objects.get(pk=post_id).revision.channels.clear()  # type: ignore[union-attr]
    answer = agent.post(f"posts/{post_id}/publish")
    assert (answer.status, answer.body["type"]) == (409, "/api/v1/docs/problems/refused")


# --------------------------------------------------------------------------------------------- read
def test_a_published_post_carries_its_receipt_and_links(agent: Program, approved: Made) -> None:
    post_id = approved()
    set_delivery(
        post_id, "published", permalink="https://x.example/1", published_at=timezone.now(), attempts=1
    )
    Post.objects.filter(pk=post_id).update(status="published", receipt={"job_ids": ["j1"]})
    post = agent.get(f"posts/{post_id}").body
    assert (post["status"], post["waiting_for"], post["receipt"]) == ("published", None, {"job_ids": ["j1"]})
    assert post["approval"]["decision"] == "approved"
    assert post["approval"]["content_hash"] == post["revision"]["content_hash"]
    assert post["deliveries"][0]["permalink"] == "https://x.example/1"
    assert post["deliveries"][0]["attempts"] == 1


def test_an_unsure_outcome_is_a_label_and_no_status(agent: Program, approved: Made) -> None:
    post_id = approved()
    set_delivery(post_id, "unconfirmed", decide=True)
    post = agent.get(f"posts/{post_id}").body
    assert (post["status"], post["label"]) == ("approved", "Not confirmed")
    assert post["deliveries"][0]["status"] == "unconfirmed"


def test_a_delivery_that_was_taken_back_does_not_stand_beside_its_successor(
    agent: Program, approved: Made, bob: User
) -> None:
    post_id = approved()
    Delivery.objects.update(status="cancelled")
    set_status(post_id, "pending")
    workflow.approve(post_id, workflow.Actor(bob))
    assert [row["status"] for row in agent.get(f"posts/{post_id}").body["deliveries"]] == ["queued"]


def test_the_audit_trail_of_one_post(agent: Program, approved: Made) -> None:
    post_id = approved()
    answer = agent.get(f"posts/{post_id}/events")
    told = [(e["actor"], e["is_person"], e["verb"], e["from"], e["to"]) for e in answer.body["items"]]
    assert told == [
        ("content-agent", False, "create", None, "draft"),
        ("content-agent", False, "submit", "draft", "pending"),
        ("Bob", True, "approve", "pending", "approved"),
    ]


@pytest.mark.parametrize("path", ["posts/1", "posts/1/events", "posts/99999999999999999999999"])
def test_what_is_not_there_is_not_found(agent: Program, path: str) -> None:
    answer = agent.get(path)
    assert (answer.status, answer.body["type"]) == (404, "/api/v1/docs/problems/not-found")


@pytest.mark.parametrize("verb", ["submit", "cancel", "retry", "publish"])
def test_a_verb_on_what_is_not_there_is_not_found(agent: Program, verb: str) -> None:
    assert agent.post(f"posts/1/{verb}").status == 404
    assert agent.patch("posts/1", {"text": "x"}).status == 404


def test_pictures_are_no_rows_before_everything_is_right(agent: Program, proposal: dict[str, Any]) -> None:
    agent.post("posts", {**proposal, "media": [{"url": "http://127.0.0.1:9/a.jpg"}]})
    assert not Media.objects.exists()
