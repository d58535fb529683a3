"""Real processes, killed at the worst moment: one public post, whatever dies and wherever."""

import json
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from social.publishing.pausepoint import POINTS
from tests.chaos.people import Person
from tests.stack import Stack

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

PROPOSE = """
from social import workflow
from social.workflow import Actor, Content
ann = Actor(User.objects.get(username="ann"))
texts, networks = {texts!r}, {networks!r}
channels = list(Channel.objects.select_related("connection").filter(network__in=networks))
posts = [workflow.submit(workflow.create(ann, Content(text, channels)).pk, ann).pk for text in texts]
print(posts)
"""
APPROVE = (
    PROPOSE
    + """
for post in posts:
    workflow.approve(post, Actor(User.objects.get(username="bob")))
"""
)


def approve(stack: Stack, *texts: str, networks: tuple[str, ...] = ("twitter",)) -> list[int]:
    """Make and approve posts, as two people; return their ids."""
    return list(json.loads(stack.shell(APPROVE.format(texts=list(texts), networks=list(networks)))))


def has(stack: Stack, count: int) -> bool:
    return len(public(stack)) >= count


def statuses(stack: Stack, posts: list[int]) -> list[str]:
    code = f"print(*[post.status for post in Post.objects.filter(pk__in={posts!r}).order_by('pk')])"
    return stack.shell(code).split()


def public(stack: Stack) -> list[dict[str, Any]]:
    return [post for post in stack.sandbox("/sandbox/posts") if post["state"].startswith("published")]


def people(stack: Stack) -> None:
    stack.staff("ann", "Author")
    stack.staff("bob", "Approver", "Operator")


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("kills") / "stack") as stack:
        stack.up("valkey", "sandbox", "worker", "beat")
        people(stack)
        yield stack


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_step_leaves_exactly_one_public_post(long_lived: Stack, point: str) -> None:
    stack, halted = long_lived, long_lived.folder / f"halted-{point}"
    stack.environment |= {"TEST_PAUSE_AT": point, "TEST_PAUSE_FILE": str(halted)}
    stack.restart("worker")
    posts = approve(stack, f"Killed when {point}.")
    stack.wait_until(halted.exists, 30, f"the worker reaches {point}")
    stack.kill("worker")
    stack.environment["TEST_PAUSE_AT"] = ""
    stack.start("worker")
    stack.wait_until(lambda: statuses(stack, posts) == ["published"], 60, "it is published")
    assert [post["text"] for post in public(stack)].count(f"Killed when {point}.") == 1


def test_a_worker_that_wakes_too_late_sends_nothing(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(TEST_PAUSE_AT="stamped", TEST_PAUSE_SECONDS="8", PROVIDER_READ_TIMEOUT="1")
    stack.environment["TEST_PAUSE_FILE"] = str(stack.folder / "halted")
    stack.up("valkey", "sandbox", "worker", "worker-2", "beat")
    people(stack)
    posts = approve(stack, "Halted after the stamp.")
    stack.wait_until(lambda: statuses(stack, posts) == ["published"], 60, "it is published")
    stack.wait_until(lambda: "HotDash halted" in told(stack), 30, "the halted one has woken")
    assert len(public(stack)) == 1


def told(stack: Stack) -> str:
    return stack.shell("print(*Submission.objects.values_list('answer', flat=True))")


def test_fifty_posts_survive_the_death_of_worker_beat_and_valkey(new_stack: Callable[..., Stack]) -> None:
    # Slow enough for three deaths on the way; none lasts so long that what is alike is left to a person.
    stack = new_stack(PUBLER_RATE_LIMIT="10", PUBLER_RATE_PERIOD="2", ENGINE_GAP_SECONDS="60").up()
    stack.staff("ann", "Author")
    texts = [f"Post number {number}." for number in range(50)]
    posts = list(json.loads(stack.shell(PROPOSE.format(texts=texts, networks=["twitter"]))))
    assert "50 posts approved" in Person(stack, "bob", "Approver").acts("approve_posts", *posts)
    for name in ("worker", "beat", "valkey"):
        more = len(public(stack)) + 1
        stack.wait_until(partial(has, stack, more), 30, "some more are public")
        stack.kill(name, signal.SIGKILL)
        stack.start(name)
    stack.wait_until(lambda: set(statuses(stack, posts)) == {"published"}, 150, "all are published")
    assert sorted(post["text"] for post in public(stack)) == sorted(texts)
    receipts = json.loads(
        stack.shell("import json; print(json.dumps(list(Post.objects.values_list('receipt', flat=True))))")
    )
    assert len({item["post_id"] for receipt in receipts for item in receipt["posts"]}) == 50
    assert all(item["permalink"] for receipt in receipts for item in receipt["posts"])
