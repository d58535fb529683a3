"""What goes wrong when it is told to."""

import contextlib
from typing import Any

import pytest
import requests

from tests.sandbox.caller import Caller, Clock, NewSandbox, job_id

LOST = requests.ConnectionError
NOON = "2026-11-24T12:00:00Z"


def sent(caller: Caller) -> requests.Response | None:
    """Send one post; None when no answer came."""
    with contextlib.suppress(LOST):
        return caller.send(caller.entry("words", "twitter"))
    return None


def made(caller: Caller) -> int:
    caller.sandbox.publisher.work()
    return len(caller.posts())


@pytest.mark.parametrize(
    ("mode", "status", "posts"),
    [
        ("refuse_key", 401, 0),
        ("rate_limited", 429, 0),
        ("refuse_content", 422, 0),
        ("html", 502, 0),
        ("html_taken", 502, 1),
        ("garbage", 200, 1),
        ("no_job", 200, 1),
        ("lose_before", None, 0),
        ("lose_after", None, 1),
        ("fail_in_job", 200, 0),
        ("job_failed", 200, 0),
        ("stuck", 200, 0),
        ("stuck_made", 200, 1),
    ],
)
def test_a_write_goes_wrong_as_told_once_and_then_works(
    caller: Caller, mode: str, status: int | None, posts: int
) -> None:
    caller.fault(write=mode, count=1)
    answer = sent(caller)
    assert (answer.status_code if answer is not None else None, made(caller)) == (status, posts)
    again = sent(caller)
    assert again is not None
    assert again.ok
    assert made(caller) == posts + 1


def test_a_refusal_for_the_limit_says_that_nothing_is_left(caller: Caller) -> None:
    caller.fault(any="rate_limited")
    answer = caller("GET", "/accounts")
    assert (answer.headers["X-RateLimit-Remaining"], list(answer.json())) == ("0", ["error"])


def test_garbage_is_no_json_and_an_error_page_is_html(caller: Caller) -> None:
    caller.fault(write="garbage", list="list_html")
    answer = sent(caller)
    assert answer is not None
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    page = caller("GET", "/posts")
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html")


def test_an_answer_without_a_job_number_is_still_success(caller: Caller) -> None:
    caller.fault(write="no_job")
    answer = sent(caller)
    assert answer is not None
    assert answer.json() == {"success": True, "data": {}}


@pytest.mark.parametrize("mode", ["late", "late_lost"])
def test_a_late_write_is_worked_on_only_after_its_seconds(caller: Caller, clock: Clock, mode: str) -> None:
    caller.fault(write={"mode": mode, "seconds": 20, "count": 1})
    answer = sent(caller)
    assert (answer is None) == (mode == "late_lost")
    clock.now += 19.9
    assert made(caller) == 0
    clock.now += 0.1
    assert made(caller) == 1


def test_a_hanging_call_ends_without_an_answer_and_takes_nothing(caller: Caller) -> None:
    caller.fault(write="hang", seconds=0.01)
    assert sent(caller) is None
    assert made(caller) == 0


def test_a_slow_call_is_taken_though_the_client_gave_up(caller: Caller) -> None:
    caller.fault(write="slow", seconds=60)
    body = {"bulk": {"state": "scheduled", "posts": [caller.entry("words", "twitter")]}}
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{caller.url}/api/v1/posts/schedule/publish", json=body, headers=caller.headers, timeout=(5, 0.2)
        )
    assert made(caller) == 1


def test_a_job_fails_for_every_account_in_the_given_words(caller: Caller) -> None:
    caller.fault(write="fail_in_job", message="Session expired")
    assert caller.failures(caller.publish("x", "twitter", "bluesky")) == ["Session expired"] * 2


def test_a_job_fails_for_its_first_account_alone(caller: Caller) -> None:
    caller.fault(write="partial")
    job = caller.publish("x", "twitter", "bluesky", "threads")
    assert len(caller.failures(job)) == 1
    assert [post["provider"] for post in caller.posts()] == ["bluesky", "threads"]


@pytest.mark.parametrize(
    ("mode", "status"), [("stuck", "working"), ("stuck_made", "working"), ("job_failed", "failed")]
)
def test_a_job_ends_as_told(caller: Caller, mode: str, status: str) -> None:
    caller.fault(write=mode)
    assert caller.status(caller.publish("x")) == status


def test_a_job_can_be_unknown(caller: Caller) -> None:
    job = caller.publish("x")
    caller.fault(job="not_found", count=1)
    assert caller("GET", f"/job_status/{job}").status_code == 404
    assert caller("GET", f"/job_status/{job}").status_code == 200


def test_a_shifting_list_shows_another_order_and_total_on_each_second_look(
    caller: Caller, clock: Clock
) -> None:
    for text in ("a", "c", "b"):
        clock.now += 1
        caller.publish(text)
    caller.fault(list="list_shifts")
    looks = [caller("GET", "/posts").json() for _ in range(2)]
    assert [look["total"] for look in looks] == [3, 4]
    assert [[post["text"] for post in look["posts"]] for look in looks] == [["b", "c", "a"], ["c", "b", "a"]]


def test_a_signature_is_added_behind_the_words(caller: Caller) -> None:
    caller.fault(posts="append_signature")
    caller.publish("As sent.")
    [post] = caller.posts()
    assert post["text"].startswith("As sent.")
    assert len(post["text"]) > len("As sent.")


def test_words_are_changed_but_stay_half_alike(caller: Caller) -> None:
    caller.fault(posts="rewrite_words")
    caller.publish("one two three four five six")
    assert [post["text"] for post in caller.posts()] == ["one two really four five six"]


def test_a_scheduled_post_gets_a_new_id_as_it_goes_public(caller: Caller, clock: Clock) -> None:
    caller.fault(posts="new_id_when_published", count=1)
    caller.schedule("x", NOON)
    [before] = caller.posts()
    clock.now += 3 * 3600
    caller.sandbox.publisher.work()
    [after] = caller.posts()
    assert (after["state"], after["text"]) == ("published", "x")
    assert after["id"] != before["id"]


@pytest.mark.parametrize(
    ("mode", "state"), [("fail_when_published", "failed"), ("needs_approval", "scheduled_pending")]
)
def test_a_scheduled_post_does_not_go_public_when_told(
    caller: Caller, clock: Clock, mode: str, state: str
) -> None:
    caller.fault(posts=mode)
    caller.schedule("x", NOON)
    clock.now += 3 * 3600
    caller.sandbox.publisher.work()
    assert [post["state"] for post in caller.posts()] == [state]


@pytest.mark.parametrize("mode", ["lose_after", "html_taken"])
def test_a_removal_is_done_though_its_answer_is_lost(caller: Caller, mode: str) -> None:
    caller.schedule("x", NOON)
    caller.fault(edit=mode)
    with contextlib.suppress(LOST):
        assert caller("DELETE", f"/posts?post_ids[]={caller.posts()[0]['id']}").status_code == 502
    assert caller.posts() == []


def test_a_new_setting_replaces_the_old_one(caller: Caller) -> None:
    caller.fault(write={"mode": "late", "seconds": 7}, list="list_html", count=2)
    url = f"{caller.url}/sandbox/faults"
    faults = requests.get(url, timeout=10).json()["faults"]
    assert [(fault["kind"], fault["mode"], fault["count"], fault["seconds"]) for fault in faults] == [
        ("write", "late", 2, 7.0),
        ("list", "html", 2, 0.0),
    ]
    caller.fault()
    assert requests.get(url, timeout=10).json()["faults"] == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"write": "nonsense"},
        {"nothing": "html"},
        {"write": "html", "count": -1},
        {"write": "slow", "seconds": "x"},
        [],
    ],
)
def test_an_unknown_fault_is_refused_in_words_and_changes_nothing(caller: Caller, wanted: Any) -> None:
    caller.fault(write="html")
    answer = requests.post(f"{caller.url}/sandbox/faults", json=wanted, timeout=10)
    assert (answer.status_code, list(answer.json())) == (422, ["errors"])
    faults = requests.get(f"{caller.url}/sandbox/faults", timeout=10).json()["faults"]
    assert [fault["mode"] for fault in faults] == ["html"]


def test_every_mode_can_be_set_and_has_words(caller: Caller) -> None:
    modes = requests.get(f"{caller.url}/sandbox/faults", timeout=10).json()["modes"]
    for kind, words_by_mode in modes.items():
        for mode, words in words_by_mode.items():
            caller.fault(**{kind: mode})
            [fault] = requests.get(f"{caller.url}/sandbox/faults", timeout=10).json()["faults"]
            assert fault["words"] == words


def test_a_lost_answer_counts_as_unanswered(new_sandbox: NewSandbox) -> None:
    caller = new_sandbox()
    caller.fault(write="lose_after")
    sent(caller)
    counts = requests.get(f"{caller.url}/sandbox/calls", timeout=10).json()["calls"]
    assert counts["POST /posts/schedule/publish (unanswered)"] == 1


def test_faults_do_not_touch_who_may_call(caller: Caller) -> None:
    caller.fault(any="garbage", count=1)
    assert caller("GET", "/accounts", headers={}).status_code == 401
    assert caller("GET", "/accounts").content.startswith(b"%PDF")
    assert job_id(caller.send(caller.entry("x", "twitter")))
