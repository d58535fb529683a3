"""Three providers, real processes: one quota for all who call, and no page that waits for any of them."""

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.chaos.people import Person
from tests.chaos.test_kills import PROPOSE, public, statuses
from tests.stack import Stack

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

INTEGRATIONS = "/admin/integrations/connection/"
EVERYTHING = ("valkey", "sandbox", "shopify", "chatwoot", "web", "worker", "worker-2", "beat")
NAMES = {"publer": "sandbox", "shopify": "shopify", "chatwoot": "chatwoot"}
"""Of the processes that stand in for them."""
FAST = """
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks
for name, seconds in {{"read-shop": 1, "read-inbox": 1, "sync-channels": {seconds}}}.items():
    pace, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
    PeriodicTask.objects.filter(name=name).update(interval=pace, expire_seconds=10)
PeriodicTasks.update_changed()
"""


def started(stack: Stack, accounts_every: int = 1) -> tuple[Stack, Person]:
    """Two workers and the web; shop and inbox read every second, and the accounts at this pace."""
    stack.up(*EVERYTHING)
    stack.shell(FAST.format(seconds=accounts_every))
    stack.staff("ann", "Author")
    return stack, Person(stack, "bob", "Approver", "Operator")


def refused_for_the_limit(stack: Stack) -> dict[str, int]:
    """By the stand-ins' own record."""
    found: dict[str, int] = {}
    for name in NAMES.values():
        for call, times in stack.sandbox("/sandbox/calls", name=name)["refused"].items():
            if name == "shopify" or call.startswith("429"):
                found[f"{name} {call}"] = times
    return found


def calls(stack: Stack, provider: str, call: str) -> int:
    return int(stack.sandbox("/sandbox/calls", name=NAMES[provider])["calls"].get(call, 0))


def test_two_workers_and_the_web_share_each_quota_and_a_person_goes_ahead(
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack(PUBLER_RATE_LIMIT="20", PUBLER_RATE_PERIOD="5", PUBLER_BULK_SIZE="2")
    stack.more["shopify"] = ("--maximum", "100", "--restore", "4")  # less than a reading every second takes
    stack, bob = started(stack)
    texts = [f"Number {number}." for number in range(40)]
    posts = list(json.loads(stack.shell(PROPOSE.format(texts=texts, networks=["twitter"]))))
    bob.acts("approve_posts", *posts)

    def held() -> bool:
        limits = bob.asks("rate-limits")
        return all(limits[provider]["waiting"] for provider in ("shopify", "chatwoot"))

    ahead = {"shopify": 0, "chatwoot": 0}
    until = time.monotonic() + 150
    while not all(ahead.values()):
        stack.wait_until(held, until - time.monotonic(), "the background waits for both limits")
        for provider in ahead:
            said = bob.presses(f"{INTEGRATIONS}{provider}/test/")
            ahead[provider] += f"{provider.title()} answered in" in said
        assert "Waiting 1 call for the " in bob.reads(INTEGRATIONS) or not held()
    bob.presses(f"{INTEGRATIONS}read-again/")
    stack.wait_until(lambda: set(statuses(stack, posts)) == {"published"}, 150, "everything is published")
    assert sorted(post["text"] for post in public(stack)) == sorted(texts)
    # Once more into the next window of each: what waited for it must not come all at once.
    read = bob.asks("dashboard")["support"]["as_of"]
    stack.wait_until(lambda: bob.asks("dashboard")["support"]["as_of"] > read, 70, "the inbox is read again")
    assert calls(stack, "chatwoot", "GET /conversations/meta") > 20
    assert calls(stack, "shopify", "orders") > 5
    assert calls(stack, "publer", "GET /accounts") > 5
    assert refused_for_the_limit(stack) == {}


# ------------------------------------------------------------------------------- one of them misbehaves
SAYS = {
    # what it does    in the words of the card
    "hang": "does not answer|gives no answer that makes sense",
    "refuse": "refuses",
    "garbage": "gives no answer that makes sense",
    "gone": "cannot be reached",
}
PUBLERS = {"refuse": "refuse_key", "garbage": "garbage", "hang": "hang"}
OTHERS = {"refuse": "refuse", "garbage": "html", "hang": "hang"}
PATIENCE = 8.0
"""Seconds within which a page comes, however busy the machine; a hang is only given up after 15."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Person]]:
    clocks = {"PROVIDER_READ_TIMEOUT": "15", "PUBLISH_LEASE_SECONDS": "40"}
    with Stack(tmp_path_factory.mktemp("providers") / "stack", **clocks) as stack:
        yield started(stack, accounts_every=8)


TILES = {"shopify": "shop", "chatwoot": "support"}


class Looks:
    """One look at everything that people see, each page within `PATIENCE`."""

    def __init__(self, bob: Person) -> None:
        for path in ("/", "/admin/"):
            bob.reads(path, PATIENCE)
        self.board = bob.asks("dashboard", PATIENCE)
        self.cards = bob.reads(INTEGRATIONS, PATIENCE)

    def trouble(self, provider: str) -> str:
        """What its card says is wrong; "" where nothing is."""
        _, _, said = self.cards.partition(f"Trouble {provider.title()} ")
        return said[:200]

    def as_of(self, provider: str) -> str:
        return self.board[TILES[provider]]["as_of"] or ""

    def all_is_well(self) -> bool:
        return not any(map(self.trouble, NAMES)) and all(map(self.as_of, TILES))


def begins(stack: Stack, provider: str, what: str) -> None:
    if what == "gone":
        stack.kill(NAMES[provider])
        return
    mode = (PUBLERS if provider == "publer" else OTHERS)[what]
    stack.sandbox("/sandbox/faults", {"any": {"mode": mode, "seconds": 120}}, NAMES[provider])


def ends(stack: Stack, bob: Person, provider: str, what: str) -> None:
    """Mended, and found out by a person's test (of a shop that granted no token, a moment later)."""
    if what == "gone":
        stack.start(NAMES[provider])
    else:
        stack.sandbox("/sandbox/faults", {}, NAMES[provider])
    test = f"{INTEGRATIONS}{provider}/test/"
    stack.wait_until(lambda: f"{provider.title()} answered in" in bob.presses(test), 30, "it answers again")


@pytest.mark.skipif(
    "LONG_CHAOS" not in os.environ,
    reason="takes minutes and a quiet machine: LONG_CHAOS=1 script/test tests/chaos/test_providers.py",
)
@pytest.mark.parametrize("what", SAYS)
@pytest.mark.parametrize("provider", NAMES)
def test_a_provider_that_misbehaves_holds_up_no_page_and_no_other_provider(
    running: tuple[Stack, Person], provider: str, what: str
) -> None:
    stack, bob = running
    others = [each for each in NAMES if each != provider]
    stack.wait_until(lambda: Looks(bob).all_is_well(), 60, "all is well")
    begins(stack, provider, what)
    before = Looks(bob)  # nobody has found it out yet: a call may be under way

    def goes_on(other: str) -> bool:
        return Looks(bob).as_of(other) > before.as_of(other)

    def says_it() -> bool:
        return Looks(bob).trouble(provider).startswith(tuple(SAYS[what].split("|")))

    try:
        stack.wait_until(says_it, 90, f"the card says what is wrong with {provider}")
        told = Looks(bob)  # the whole of it after that moment: a look is several pages, one after the other
        if provider in TILES:
            tile = told.board[TILES[provider]]
            assert (tile["stale"], bool(tile["reason"]), tile["as_of"] is not None) == (True, True, True)
        for other in others:
            assert told.trouble(other) == ""
            if other in TILES:
                stack.wait_until(partial(goes_on, other), 30, f"{other} goes on")
    finally:
        ends(stack, bob, provider, what)
