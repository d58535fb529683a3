"""What becomes of what is sent."""

from pathlib import Path
from typing import Any

import pytest

from integrations.publer.sandbox.rules import GAP_MESSAGE
from tests.sandbox.caller import Caller, Clock, NewSandbox, job_id

NOON = "2026-11-24T12:00:00Z"


def test_a_post_sent_now_is_public_once_its_job_is_worked_on(new_sandbox: NewSandbox, clock: Clock) -> None:
    caller = new_sandbox(delay=0.3)
    job = caller.publish("Hello", "twitter", "bluesky")
    assert (caller.posts(), caller.status(job)) == ([], "working")
    clock.now += 0.3
    caller.sandbox.publisher.work()
    assert caller.status(job) in ("complete", "completed")
    assert [(post["provider"], post["state"]) for post in caller.posts()] == [
        ("twitter", "published"),
        ("bluesky", "published"),
    ]
    link = caller("GET", "/posts").json()["posts"][0]["post_link"]
    assert "Hello" in caller.session.get(link, timeout=10).text


def test_a_post_for_later_goes_public_by_itself_at_its_time(caller: Caller, clock: Clock) -> None:
    caller.schedule("Later", NOON)
    assert [post["state"] for post in caller.posts()] == ["scheduled"]
    assert "post_link" not in caller("GET", "/posts").json()["posts"][0]
    clock.now += 3 * 3600
    caller.sandbox.publisher.work()
    assert [(post["state"], post["published_at"]) for post in caller.posts()] == [("published", clock.now)]


@pytest.mark.parametrize("at", ["2026-11-24T09:00:59Z", "2026-11-24T12:00:00", "tomorrow", 5])
def test_a_time_too_near_or_without_an_offset_refuses_the_whole_bulk(caller: Caller, at: Any) -> None:
    fine = caller.entry("fine", "bluesky", at=NOON)
    answer = caller.send(fine, caller.entry("bad", "twitter", at=at), path="/posts/schedule")
    caller.sandbox.publisher.work()
    assert (answer.status_code, list(answer.json()), caller.posts()) == (422, ["errors"], [])


def test_an_unknown_account_refuses_the_whole_bulk(caller: Caller) -> None:
    entry = caller.entry("x", "twitter")
    entry["accounts"].append({"id": "f" * 24})
    assert caller.send(entry).status_code == 422


@pytest.mark.parametrize("body", [b"", b"[]", b'{"bulk": {}}', b"{", b'{"bulk": {"state": "scheduled"}}'])
def test_a_body_that_is_no_bulk_is_refused(caller: Caller, body: bytes) -> None:
    answer = caller("POST", "/posts/schedule", data=body)
    assert (answer.status_code in (400, 422), list(answer.json())) == (True, ["errors"])


def test_two_posts_within_a_minute_on_one_account_fail_the_second(
    new_sandbox: NewSandbox, clock: Clock
) -> None:
    caller = new_sandbox(gap=60)
    assert caller.failures(caller.publish("one", "twitter")) == []
    clock.now += 59
    assert caller.failures(caller.publish("two", "twitter")) == [GAP_MESSAGE]
    clock.now += 1
    assert caller.failures(caller.publish("three", "twitter")) == []
    assert [post["text"] for post in caller.posts()] == ["one", "three"]


def test_the_gap_holds_between_scheduled_posts_too(new_sandbox: NewSandbox) -> None:
    caller = new_sandbox(gap=60)
    assert caller.failures(caller.schedule("one", NOON)) == []
    assert caller.failures(caller.schedule("two", "2026-11-24T11:59:30Z")) == [GAP_MESSAGE]
    assert caller.failures(caller.schedule("three", "2026-11-24T11:59:00Z")) == []


def test_the_plans_daily_limit_fails_the_next_post_until_a_day_has_passed(
    new_sandbox: NewSandbox, clock: Clock
) -> None:
    caller = new_sandbox(plan="free")
    for number in range(25):
        caller.publish(f"{number}", "twitter")
    [message] = caller.failures(caller.publish("one more", "twitter"))
    assert "daily limit of 25" in message
    clock.now += 86_400
    assert caller.failures(caller.publish("one more", "twitter")) == []


def test_no_plan_means_no_daily_limit(new_sandbox: NewSandbox) -> None:
    caller = new_sandbox(plan="none")
    jobs = [caller.publish(f"{number}", "linkedin") for number in range(25)]
    assert all(caller.failures(job) == [] for job in jobs)


def test_a_failure_names_its_account_and_spares_the_others(caller: Caller) -> None:
    job = caller.publish("x" * 281, "twitter", "threads")
    assert caller.failures(job) == ["Text is too long: 281 characters, the limit is 280"]
    assert [post["provider"] for post in caller.posts()] == ["threads"]


def test_instagram_without_a_picture_fails(caller: Caller) -> None:
    assert caller.failures(caller.publish("x", "instagram", type="photo")) == ["Media can't be blank"]


def test_a_text_beside_the_networks_is_ignored(caller: Caller) -> None:
    entry = caller.entry("x", "twitter") | {"text": "not read", "networks": {"twitter": {"type": "status"}}}
    job = job_id(caller.send(entry))
    caller.sandbox.publisher.work()
    assert caller.failures(job) == ["Text can't be blank"]


def test_a_draft_never_goes_public_and_needs_no_gap(new_sandbox: NewSandbox, clock: Clock) -> None:
    caller = new_sandbox(gap=60)
    caller.publish("public", "twitter")
    entry = caller.entry("x", "twitter")
    caller("POST", "/posts/schedule", json={"bulk": {"state": "draft_private", "posts": [entry]}})
    caller.sandbox.publisher.work()
    clock.now += 7 * 86_400
    caller.sandbox.publisher.work()
    assert [post["state"] for post in caller.posts()] == ["published", "draft_private"]


def test_the_envelopes_alternate_so_that_a_client_meets_them_all(caller: Caller) -> None:
    answers = [caller.send(caller.entry(f"{n}", "twitter")) for n in range(12)]
    caller.sandbox.publisher.work()
    assert {answer.status_code for answer in answers} == {200, 202}
    assert {"data" in answer.json() for answer in answers} == {True, False}
    jobs = [caller("GET", f"/job_status/{job_id(answer)}").json() for answer in answers]
    assert {job.get("status") for job in jobs} == {"complete", "completed", None}
    flat = [job["payload"]["failures"] for job in jobs if "payload" in job]
    assert [] in flat
    assert {} in flat
    assert {"plan" in job["data"]["result"] for job in jobs if "data" in job} == {True, False}


def test_the_list_is_paged_from_zero_and_newest_first(caller: Caller, clock: Clock) -> None:
    for number in range(12):
        clock.now += 1
        caller.publish(f"post {number}", "twitter")
    first, second, third = (caller("GET", f"/posts?page={page}").json() for page in range(3))
    assert [post["text"] for post in first["posts"]] == [f"post {number}" for number in range(11, 1, -1)]
    assert [post["text"] for post in second["posts"]] == ["post 1", "post 0"]
    assert third["posts"] == []
    assert {name: second[name] for name in ("total", "page", "per_page", "total_pages")} == {
        "total": 12,
        "page": 1,
        "per_page": 10,
        "total_pages": 2,
    }


def test_the_list_is_filtered_by_state_account_day_and_words(caller: Caller) -> None:
    caller.publish("now here", "twitter", "bluesky")
    caller.schedule("then", "2026-11-26T10:00:00Z", "twitter")

    def texts(query: str) -> list[str]:
        return [
            f"{post['network']} {post['text']}" for post in caller("GET", f"/posts?{query}").json()["posts"]
        ]

    assert len(texts("state=all")) == 3
    assert texts("state[]=scheduled&state[]=draft") == ["twitter then"]
    assert len(texts("state=published_posted")) == 2
    assert texts(f"account_ids[]={caller.accounts['bluesky']}") == ["bluesky now here"]
    assert texts("from=2026-11-25&to=2026-11-26") == ["twitter then"]
    assert texts("query=THEN") == ["twitter then"]
    assert [caller("GET", f"/posts?{alone}=2026-11-25").status_code for alone in ("from", "to")] == [400, 400]


def test_a_scheduled_post_can_be_edited_and_removed_a_public_one_not(caller: Caller) -> None:
    caller.publish("public", "twitter")
    caller.schedule("waiting", NOON, "bluesky")
    public, waiting = (post["id"] for post in caller.posts())
    edit = {"json": {"post": {"text": "edited"}}}
    assert caller("PUT", f"/posts/{public}", **edit).status_code == 403
    assert caller("PUT", f"/posts/{waiting}", **edit).json()["text"] == "edited"
    assert caller("PUT", "/posts/none", **edit).status_code == 404
    answer = caller("DELETE", f"/posts?post_ids[]={public}&post_ids[]={waiting}&post_ids[]=none")
    assert answer.json() == {"deleted_ids": [waiting]}
    assert [post["id"] for post in caller.posts()] == [public]


def test_the_same_words_on_one_account_within_a_day_count_as_twice(caller: Caller, clock: Clock) -> None:
    caller.publish("The same  words", "twitter", "bluesky")
    clock.now += 3600
    caller.publish("the same\nwords\u200b", "twitter")
    clock.now += 2 * 86_400
    caller.publish("the same words", "bluesky")
    facts = caller.session.get(f"{caller.url}/sandbox/changes", timeout=10).json()["facts"]
    assert facts == {"published": 4, "twice": 1, "refused": 0}


def test_posts_accounts_and_workspace_survive_a_restart(new_sandbox: NewSandbox, tmp_path: Path) -> None:
    before = new_sandbox(data=tmp_path / "sandbox.sqlite3")
    before.publish("kept", "twitter")
    before.send(before.entry("not yet worked on", "bluesky"))
    after = new_sandbox(data=tmp_path / "sandbox.sqlite3")
    after.sandbox.publisher.work()
    assert [post["text"] for post in after.posts()] == ["kept", "not yet worked on"]
    assert after.sandbox.workspace_id == before.sandbox.workspace_id
    assert after.accounts == before.accounts


def test_its_own_thread_works_on_jobs_without_being_told(new_sandbox: NewSandbox) -> None:
    caller = new_sandbox(working=True)
    job = job_id(caller.send(caller.entry("x", "twitter")))
    answers = (caller.status(job) for _ in range(90))
    assert any(status != "working" for status in answers)


def test_made_up_accounts_are_the_same_at_every_start(new_sandbox: NewSandbox) -> None:
    first, second = (new_sandbox(further_accounts=50).sandbox.api.accounts for _ in range(2))
    assert list(first) == list(second)
    assert len(first) == 57
    assert all(len(account_id) == 24 for account_id in first)
