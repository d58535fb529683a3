"""What is under HotDash goes away: the screens say so, nothing is lost, and after the mend it goes out."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.people import Person
from tests.chaos.test_kills import PROPOSE, public, statuses
from tests.stack import Stack

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Person]]:
    with Stack(tmp_path_factory.mktemp("outages") / "stack") as stack:
        stack.up()
        stack.staff("ann", "Author")
        yield stack, Person(stack, "bob", "Approver", "Operator")


def propose(stack: Stack, text: str) -> int:
    (post,) = json.loads(stack.shell(PROPOSE.format(texts=[text], networks=["twitter"])))
    return int(post)


def says(person: Person, post: int, *parts: str) -> Callable[[], bool]:
    """The post's page and the home page both say all of it."""
    return lambda: all(
        part.lower() in person.reads(path).lower()
        for part in parts
        for path in (f"/admin/social/post/{post}/change/", "/admin/")
    )


def goes_out(stack: Stack, post: int, text: str) -> None:
    stack.wait_until(lambda: statuses(stack, [post]) == ["published"], 90, "it goes out after the mend")
    assert [item["text"] for item in public(stack)].count(text) == 1


def test_a_wrong_key_is_said_in_words_and_mended_by_the_right_one(running: tuple[Stack, Person]) -> None:
    stack, bob = running
    stack.sandbox("/sandbox/faults", {"any": "refuse_key"})
    post = propose(stack, "With a wrong key.")
    bob.acts("approve_posts", post)
    stack.wait_until(says(bob, post, "Publer refuses the key", "Nothing is lost"), 30, "the screens say it")
    stack.sandbox("/sandbox/faults", {})
    goes_out(stack, post, "With a wrong key.")


def test_publer_down_is_said_in_words_and_waited_for(running: tuple[Stack, Person]) -> None:
    stack, bob = running
    stack.kill("sandbox")
    post = propose(stack, "While Publer was down.")
    bob.acts("approve_posts", post)
    stack.wait_until(says(bob, post, "Publer cannot be reached", "Nothing is lost"), 30, "the screens say it")
    stack.start("sandbox")
    goes_out(stack, post, "While Publer was down.")


def test_html_instead_of_answers_is_said_in_words(running: tuple[Stack, Person]) -> None:
    stack, bob = running
    stack.sandbox("/sandbox/faults", {"any": "html"})
    post = propose(stack, "While Publer answered HTML.")
    bob.acts("approve_posts", post)
    stack.wait_until(
        says(bob, post, "no answer that makes sense", "Nothing is lost"), 30, "the screens say it"
    )
    stack.sandbox("/sandbox/faults", {})
    goes_out(stack, post, "While Publer answered HTML.")


def test_a_name_that_does_not_resolve_is_said_in_words(running: tuple[Stack, Person]) -> None:
    stack, bob = running
    right = stack.environment["PUBLER_BASE_URL"]
    stack.environment["PUBLER_BASE_URL"] = "http://publer.invalid/api/v1"
    stack.restart("worker")
    stack.restart("web")
    post = propose(stack, "With a name that does not resolve.")
    bob.acts("approve_posts", post)
    stack.wait_until(says(bob, post, "Publer cannot be reached", "Nothing is lost"), 30, "the screens say it")
    stack.environment["PUBLER_BASE_URL"] = right
    stack.restart("worker")
    stack.restart("web")
    goes_out(stack, post, "With a name that does not resolve.")


def test_the_cache_server_down_stops_no_approval(running: tuple[Stack, Person]) -> None:
    stack, bob = running
    post = propose(stack, "While the cache server was down.")
    stack.kill("valkey")
    assert "1 post approved" in bob.acts("approve_posts", post)
    assert statuses(stack, [post]) == ["approved"]
    stack.wait_until(says(bob, post, "cache server is away", "Nothing is lost"), 30, "the screens say it")
    stack.start("valkey")
    goes_out(stack, post, "While the cache server was down.")
