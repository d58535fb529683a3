"""Lists that are longer than a window of the limit allows to read: absence is proved all the same, by the
same rule."""

from datetime import timedelta
from typing import Any

import pytest

from integrations.errors import Held
from integrations.publer.client import PublerClient
from social.models import Delivery, Engine, Reading
from social.publishing import connect
from tests.publishing.conftest import Engineer, MakePost, only
from tests.publishing.provider import FakePubler, Listed
from tests.publishing.test_scenarios import W, status

pytestmark = pytest.mark.django_db
D = Delivery.Status


def listed_already(provider: FakePubler, pages: int, network: str = "twitter", ago: float = 3600) -> None:
    """So many pages of posts that somebody made there by hand, the newest an hour old."""
    for number in range(pages * 10 - 3):
        at = provider.now() - timedelta(seconds=ago + number)
        provider.posts.append(
            Listed(f"old-{network}-{number}", f"acc-{network}", f"Old {number}.", "published", at)
        )


def looks(engine: Engineer, seconds: float, step: float = 10) -> None:
    """The engine goes on for so long, as it does every few seconds."""
    for _ in range(round(seconds / step)):
        Engine.objects.update(last_seen=engine.clock.now())
        engine.dispatch()
        engine.follow_up()
        engine.clock.tick(step)


def limited_reads(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Only so many pages of the list can be read; what is answered counts down, and may be set anew."""
    reads, left = PublerClient.posts, [number]

    def limited(self: PublerClient, **asked: Any) -> Any:
        if not left[0]:
            raise Held("The limit is used up.", provider="publer", seconds=60, reason="limit")
        left[0] -= 1
        return reads(self, **asked)

    monkeypatch.setattr(PublerClient, "posts", limited)
    return left


def test_absence_is_proved_from_a_list_that_takes_more_calls_than_a_window(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_RATE_LIMIT, settings.PUBLER_RATE_PERIOD = 100, 120
    listed_already(provider, 60)
    provider.next_writes = ["never"]
    post = approved()
    began = engine.clock.now()
    looks(engine, 60 * 15)
    assert len(provider.bodies) == 2
    assert status(post) == "published"
    assert len([p for p in provider.public if not p.text.startswith("Old")]) == 1
    sent_again = provider.public[-1].scheduled_at
    assert began + timedelta(seconds=W) < sent_again < began + timedelta(seconds=W + 600)
    assert not Reading.objects.exists()


def test_a_long_look_leaves_half_of_the_calls_to_others(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_RATE_LIMIT, settings.PUBLER_RATE_PERIOD = 100, 120
    listed_already(provider, 60)
    provider.next_writes = ["never"]
    approved()
    looks(engine, W)
    before = provider.calls.count("GET posts")
    looks(engine, 120)
    assert 30 <= provider.calls.count("GET posts") - before <= 55


def test_what_the_limit_ended_goes_on_where_it_stood(
    engine: Engineer, provider: FakePubler, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed_already(provider, 30)
    provider.next_writes = ["never"]
    approved()
    engine.dispatch()
    engine.clock.tick(W + 1)
    left = limited_reads(monkeypatch, 20)
    begun = engine.clock.now()
    for window in range(3):
        Engine.objects.update(last_seen=engine.clock.now())
        engine.follow_up()
        engine.follow_up()  # before the window is over: held, and nothing is lost
        assert (Delivery.objects.get().status == D.QUEUED) == (window == 2)
        left[0] = 20
        engine.clock.tick(61)
    assert provider.calls.count("GET posts") == 60
    assert Delivery.objects.get().looked_from == begun


def test_a_list_that_changes_between_two_windows_proves_nothing(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_RATE_LIMIT, settings.PUBLER_RATE_PERIOD = 100, 120
    listed_already(provider, 30)
    provider.next_writes = ["never"]
    approved()
    engine.dispatch()
    engine.clock.tick(W + 1)
    for number in range(6):
        Engine.objects.update(last_seen=engine.clock.now())
        engine.follow_up()
        provider.posts.append(
            Listed(f"new-{number}", "acc-twitter", f"Old {number}, too.", "published", engine.clock.now())
        )
        engine.clock.tick(61)
    assert only_one().status == D.UNCONFIRMED
    assert only_one().looked_from is None
    looks(engine, 60 * 8)
    assert len(provider.bodies) == 2


def only_one() -> Delivery:
    return Delivery.objects.get()


def test_what_an_earlier_window_showed_is_not_absent_in_the_last(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    """The page that shows it is read while it is still queued; it is looked for only then, after a gap."""
    settings.PUBLER_RATE_LIMIT, settings.PUBLER_RATE_PERIOD = 100, 120
    listed_already(provider, 30)
    provider.next_writes = ["never"]
    approved("Looked for all the while.", "twitter")
    engine.dispatch()
    late = approved("Live before the backup came back.", "twitter")
    Delivery.objects.filter(post=late).update(not_before=engine.clock.now() + timedelta(days=1))
    provider.posts.append(
        Listed("ours", "acc-twitter", "Live before the backup came back.", "published", engine.clock.now())
    )
    engine.clock.tick(W + 31)
    Engine.objects.update(
        last_seen=engine.clock.now(), trusted_from=engine.clock.now() - timedelta(seconds=31)
    )
    engine.follow_up()
    assert Reading.objects.exists()
    Delivery.objects.filter(post=late).update(
        status=D.UNCONFIRMED, next_look_at=engine.clock.now(), not_before=None
    )
    looks(engine, 60 * 5)
    assert status(late) == "published"
    assert only(late).provider_post_id == "ours"
    assert [p.text for p in provider.public].count("Live before the backup came back.") == 1


def test_a_look_that_was_left_for_long_is_begun_anew(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_RATE_LIMIT, settings.PUBLER_RATE_PERIOD = 100, 120
    listed_already(provider, 30)
    provider.next_writes = ["never"]
    approved()
    engine.dispatch()
    engine.clock.tick(W + 1)
    engine.follow_up()
    assert Reading.objects.get().so_far["page"] == 25
    engine.clock.tick(16 * 60)
    Engine.objects.update(last_seen=engine.clock.now())
    engine.follow_up()
    assert Reading.objects.get().so_far["page"] == 25


def test_losing_what_was_read_so_far_costs_calls_and_nothing_else(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_RATE_LIMIT, settings.PUBLER_RATE_PERIOD = 100, 120
    listed_already(provider, 30)
    provider.next_writes = ["never"]
    post = approved()
    engine.dispatch()
    engine.clock.tick(W + 1)
    engine.follow_up()
    Reading.objects.all().delete()
    looks(engine, 60 * 6)
    assert status(post) == "published"
    assert len(provider.bodies) == 2


def test_posts_on_another_account_do_not_disturb_a_look(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any
) -> None:
    settings.PUBLER_RATE_LIMIT, settings.PUBLER_RATE_PERIOD = 100, 120
    listed_already(provider, 30)
    provider.next_writes = ["never"]
    post = approved("Lost.", "twitter")
    engine.dispatch()
    for number in range(60):
        approved(f"Another one, number {number}.", "linkedin")
        looks(engine, 10)
    assert status(post) == "published"
    assert len([p for p in provider.public if p.text == "Lost."]) == 1


def test_one_call_serves_all_accounts_while_the_list_is_short(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    provider.next_writes = ["lost"]
    for network in ("facebook", "twitter", "linkedin", "threads"):
        approved(f"On {network}.", network)
    engine.dispatch()
    engine.clock.tick(31)
    engine.follow_up()
    assert provider.calls.count("GET posts") == 1
    assert not Delivery.objects.exclude(status=D.PUBLISHED).exists()


def test_the_look_at_all_accounts_leaves_calls_for_each_ones_own(
    engine: Engineer, provider: FakePubler, approved: MakePost, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLER_RATE_LIMIT = 4
    provider.next_writes = ["never"]
    for network in ("twitter", "linkedin"):
        listed_already(provider, 3, network)
        approved(f"On {network}.", network)
    engine.dispatch()
    engine.clock.tick(W + 1)
    left = limited_reads(monkeypatch, 4)
    for _ in range(40):
        left[0] = 4
        Engine.objects.update(last_seen=engine.clock.now())
        engine.follow_up()
        engine.follow_up()
        engine.clock.tick(61)

    assert not Delivery.objects.exclude(status=D.QUEUED).exists()


def test_what_stands_far_down_in_the_list_is_found_in_its_accounts_own(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    listed_already(provider, 12, "twitter", ago=-3600)  # for later, so they stand first
    for later in provider.posts:
        later.state = "scheduled"
    first, second = approved("Here.", "linkedin"), approved("There.", "threads")
    engine.dispatch()
    approved("On the way.", "twitter")
    engine.dispatch()
    engine.clock.tick(5)
    engine.follow_up()
    assert (status(first), status(second)) == ("published", "published")


def test_absence_is_worth_its_calls_only_when_something_follows_from_it(
    engine: Engineer, provider: FakePubler, approved: MakePost
) -> None:
    listed_already(provider, 8)
    provider.next_writes = ["never"]
    approved()
    engine.dispatch()
    engine.clock.tick(31)
    engine.follow_up()
    assert provider.calls.count("GET posts") == 1  # all on it is older: it is not there yet
    engine.clock.tick(W)
    Engine.objects.update(last_seen=engine.clock.now())
    engine.follow_up()
    assert provider.calls.count("GET posts") == 1 + 16
    assert connect.current().trouble == ""  # type: ignore[union-attr]
