"""The protocol against everything that it claims to bear: random stories of posts, people, processes, a
provider and a database, and what must hold in every one of them.

    script/test tests/publishing/test_model.py                              the same stories each time
    HYPOTHESIS_PROFILE=long script/test tests/publishing/test_model.py --hypothesis-seed=N       many others

`MODEL_STORIES` and `MODEL_STEPS` say how many and how long; `MODEL_UNSHRUNK=1` shows the first that goes
wrong as it was found. What is assumed of the world, and what is true in it, stands in
`tests.publishing.model`. A story that goes wrong is told twice: as the rules that it takes, and as what
happened, with the times."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from social import workflow
from social.models import Channel, Delivery, Post
from social.publishing import connect, outbox, polling
from social.workflow import Actor, Content
from tests.publishing.conftest import connected, person
from tests.publishing.model.processes import COMMITS, READER_POINTS, WORKER_POINTS, Ends, Process
from tests.publishing.model.publer import (
    ANSWERS,
    BECOMES,
    DELETES,
    JOB_SAYS,
    LISTS,
    OURS,
    UNSURE,
    WORDS,
    Fate,
)
from tests.publishing.model.truth import Approved, Wish
from tests.publishing.model.world import World
from tests.publishing.provider import NETWORKS

D = Delivery.Status
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
STORIES = int(os.environ.get("MODEL_STORIES", "1000" if LONG else "50"))
STEPS = int(os.environ.get("MODEL_STEPS", "40" if LONG else "30"))
PHASES = (Phase.generate,) if "MODEL_UNSHRUNK" in os.environ else (Phase.generate, Phase.shrink)
MOST_POSTS = 5
MOST_HALTED = 3

TEXTS = (
    "Three bowls, one shelf, each made to sit inside the next.",
    "Our linen is washed twice: https://kilnandlinen.example/linen tells how.",
    "Friday from nine to six we fire the big kiln; come and watch it glow.",
    "Pears in wine, served on the blue plate that everybody asks us about!",
    "New glaze",
    "Why does a mug crack? Water, frost and hurry, says our potter Jonas.",
    "Half price on seconds while they last: https://kilnandlinen.example/seconds",
    "Winter hours begin tomorrow, so the shop closes at five o'clock.",
    "A napkin folded like a swan needs starch, patience, and no children.",
    "Thank you for 10,000 orders, 212 returns and one marriage proposal.",
    "Vacancy: someone who packs fragile things gently and laughs often.",
    "Oak ash, bone ash, feldspar, quartz: the recipe is no secret at all.",
    "Mind the step! Since 1911 nobody has read this sign by the door.",
    "Dyeing with walnut husks leaves brown fingers till about Christmas.",
)
BY_HAND = "Somebody's own notice, made over there without us"

mostly = st.one_of(st.just(Fate.answer), st.sampled_from(ANSWERS))
fates = st.builds(
    Fate,
    answer=mostly,
    entries=st.lists(st.sampled_from(BECOMES), min_size=1, max_size=3).map(tuple),
    words=st.sampled_from([*WORDS]),
    lag=st.booleans(),
    job_says=st.one_of(st.just(Fate.job_says), st.sampled_from(JOB_SAYS)),
)
lost = st.builds(
    Fate,
    answer=st.sampled_from([*UNSURE]),
    entries=st.lists(st.sampled_from(BECOMES[:4]), min_size=1, max_size=3).map(tuple),
    lag=st.booleans(),
)
any_post = st.integers(0, MOST_POSTS - 1)

ENDED: Counter[str] = Counter()
"""What became of all deliveries of all stories."""
CONTEXT: dict[str, Any] = {}
"""What all stories of a run share: the world, and who is in it."""


class Publishing(RuleBasedStateMachine):
    """One story: it begins on an ordinary morning."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World = CONTEXT["world"]
        self.ann: Actor = CONTEXT["ann"]
        self.bob: Actor = CONTEXT["bob"]
        self.carol: Actor = CONTEXT["carol"]
        self.channels: dict[str, Channel] = CONTEXT["channels"]
        self.world.begin()
        self.everything = transaction.atomic()
        self.everything.__enter__()
        cache.clear()

    def teardown(self) -> None:
        try:
            if not self.world.wrong:
                self._all_ends_well()
                for status, decide in Delivery.objects.values_list("status", "decide"):
                    ENDED["at the desk" if decide else status] += 1
        finally:
            self.world.bury()
            connection.needs_rollback = True  # nothing of a story stays
            self.everything.__exit__(None, None, None)

    @initialize(
        a_minute_between=st.booleans(),
        ids_change=st.booleans(),
        provider_is_off=st.sampled_from([0, -50, 50]),
        host_is_off=st.sampled_from([0, -3600, 3600]),
    )
    def an_ordinary_morning(
        self, a_minute_between: bool, ids_change: bool, provider_is_off: int, host_is_off: int
    ) -> None:
        world = self.world
        CONTEXT["settings"].PUBLISH_GAP_SECONDS = 60 if a_minute_between else 0
        world.provider.ids_change = ids_change
        world.provider_is_off = timedelta(seconds=provider_is_off)
        world.host_is_off = timedelta(seconds=host_is_off)
        for number in range(3):
            world.provider.by_hand("acc-twitter", f"{BY_HAND}, {number}", "ahead", days=1 + number / 100)
        world.provider.by_hand("acc-twitter", f"{BY_HAND}, long ago", "behind", days=-1)

    # ----------------------------------------------------------------------------------------------- people
    @precondition(lambda self: len(self.world.truth.wishes) < MOST_POSTS)
    @rule(
        on=st.lists(st.sampled_from(NETWORKS[1:]), min_size=1, max_size=3, unique=True),
        due_in=st.sampled_from([0, 0, 0, 60, 300, 1800, 5400]),
        link=st.booleans(),
        same_words_as=st.one_of(st.none(), any_post),
    )
    def ann_writes_and_bob_approves(
        self, on: list[str], due_in: int, link: bool, same_words_as: int | None
    ) -> None:
        wish = self._written(on, due_in, link, same_words_as)
        self._submitted(wish)
        self._approved_by(self.bob, "Bob", wish)

    @precondition(lambda self: self.world.truth.known.pks)
    @rule(
        does=st.sampled_from(
            [
                *("Bob cancels it", "Bob recalls it", "Bob retries it", "Bob sends it at once"),
                *("Ann edits it and Bob approves it", "Ann moves it by half an hour", "Ann changes a word"),
                *("Ann gives it other words", "Ann submits it", "Ann withdraws it", "Bob edits it in review"),
                *("Bob approves it", "Bob rejects it", "Bob gives up a channel of it"),
                "Carol rewrites it and would approve that herself",
            ]
        ),
        post=any_post,
    )
    def somebody(self, does: str, post: int) -> None:
        truth = self.world.truth
        wish = self._wish(post)
        pk, bob, ann, content = truth.known.pks[wish.number], self.bob, self.ann, self._content(wish)
        if does == "Bob approves it":
            self._approved_by(bob, "Bob", wish)
        elif does == "Ann submits it":
            self._submitted(wish)
        elif does == "Ann gives it other words":
            self._edited(wish, ann, "Ann", text=TEXTS[-1 - post])
        elif does == "Ann changes a word":
            self._edited(wish, ann, "Ann", text=f"Now: {content.text}")
        elif does == "Ann moves it by half an hour":
            at = (content.scheduled_at or self.world.database_now()) + timedelta(minutes=30)
            self._edited(wish, ann, "Ann", scheduled_at=at.replace(microsecond=0))
        elif does == "Bob edits it in review":
            self._edited(wish, bob, "Bob", text=f"Bob says: {content.text}")
        elif does == "Ann edits it and Bob approves it":
            if self._edited(wish, ann, "Ann", text=f"Rather: {content.text}") and self._submitted(wish):
                self._approved_by(bob, "Bob", wish)
        elif does == "Carol rewrites it and would approve that herself":
            in_review = Post.objects.filter(pk=pk, status="pending").exists()  # then she is no author by it
            if self._edited(wish, self.carol, "Carol", text=f"Carol adds: {content.text}"):
                self._submitted(wish)
                if self._approved_by(self.carol, "Carol", wish) and not in_review:
                    self.world.fail("Carol approved what she wrote herself.")
        else:
            verbs: dict[str, Callable[[], object]] = {
                "Bob rejects it": lambda: workflow.reject(pk, bob, "Not now."),
                "Bob cancels it": lambda: workflow.cancel(pk, bob),
                "Bob recalls it": lambda: workflow.recall(pk, bob),
                "Bob retries it": lambda: workflow.retry(pk, bob),
                "Bob sends it at once": lambda: workflow.publish(pk, bob),
                "Bob gives up a channel of it": lambda: workflow.stop(pk, bob, self._a_delivery(pk)),
                "Ann withdraws it": lambda: workflow.withdraw(pk, ann),
            }
            if self.world.does(self._name(wish), f"— {does}", verbs[does]):
                if does == "Bob cancels it":
                    truth.known.approved.pop(wish.number, None)
                wish.at_once = wish.at_once or does == "Bob sends it at once"

    @precondition(lambda self: Delivery.objects.filter(decide=True).exists())
    @rule(which=st.integers(0, 3), drop=st.booleans())
    def bob_decides_at_the_desk(self, which: int, drop: bool) -> None:
        """He looks at the network itself, and is right."""
        world, rows = self.world, Delivery.objects.filter(decide=True).select_related("channel", "revision")
        row = list(rows.order_by("pk"))[which % len(rows)]
        key = (row.channel.account_id, row.revision.text_for(row.channel.network))
        owned = set(Delivery.objects.exclude(pk=row.pk).values_list("provider_post_id", flat=True))
        there = [post for post in world.provider.ours if post.key == key and not post.ids & owned]
        says: Any = "drop" if drop else "again"
        if any(post.was_public for post in there):
            says = "live"
        elif any(post.state.startswith("scheduled") for post in there):
            return  # it comes out there by itself: he waits
        else:
            world.provider.give_up(key)
        for _ in range(2):
            shown = [str(candidate["id"]) for candidate in row.candidates]
            if world.does(
                "Bob",
                f"says “{says}” at the desk of “{key[1][:24]}…”",
                partial(workflow.settle, row.post_id, self.bob, row.pk, says, not_these=shown),
            ):
                self._wish_of(row.post_id).at_once = True
                if says != "again":
                    world.truth.judged.add(key)
                return
            world.look()  # that he asks for by it
            row.refresh_from_db()

    # -------------------------------------------------------------------------------------------- processes
    @rule(fate=fates)
    def a_worker_looks(self, fate: Fate) -> None:
        self.world.start(self._worker(fate=fate))

    @precondition(lambda self: len(self.world.processes) < MOST_HALTED)
    @rule(at=st.sampled_from(WORKER_POINTS), fate=fates)
    def a_worker_halts(self, at: str, fate: Fate) -> None:
        self.world.start(self._worker(fate=fate), until=at)

    @rule(before_write=st.integers(0, 14), fate=fates)
    def a_worker_dies(self, before_write: int, fate: Fate) -> None:
        self.world.start(self._worker(fate=fate, ends=Ends(before_write)))

    @rule(commit=st.sampled_from(COMMITS))
    def the_commit_of_a_stamp_fails(self, commit: str) -> None:
        self.world.start(self._worker(commit=commit))

    lists = st.one_of(st.just("fine"), st.sampled_from(LISTS))
    deletes = st.sampled_from(DELETES)

    @rule(the_list=lists, delete=deletes)
    def a_reader_looks(self, the_list: str, delete: str) -> None:
        self.world.provider.reads(the_list, delete)
        self.world.start(self._reader())

    @precondition(lambda self: len(self.world.processes) < MOST_HALTED)
    @rule(at=st.sampled_from(READER_POINTS), the_list=lists, delete=deletes)
    def a_reader_halts(self, at: str, the_list: str, delete: str) -> None:
        self.world.provider.reads(the_list, delete)
        self.world.start(self._reader(), until=at)

    @rule(before_write=st.integers(0, 14))
    def a_reader_dies(self, before_write: int) -> None:
        self.world.provider.reads("fine", "deleted")
        self.world.start(self._reader(ends=Ends(before_write)))

    @precondition(lambda self: self.world.processes)
    @rule(
        which=st.integers(0, MOST_HALTED - 1), until=st.one_of(st.none(), st.sampled_from(WORKER_POINTS[2:]))
    )
    def a_halted_process_goes_on(self, which: int, until: str | None) -> None:
        world, process = self.world, self.world.processes[which % len(self.world.processes)]
        if world.is_too_late_to_leave(process):
            world.say("too late for its request to leave (B1)")
            world.kill(process)
            return
        world.say(f"{process.name} goes on from “{process.at}”")
        world.go_on(process, until)

    @precondition(lambda self: self.world.processes)
    @rule(which=st.integers(0, MOST_HALTED - 1))
    def a_halted_process_dies(self, which: int) -> None:
        self.world.kill(self.world.processes[which % len(self.world.processes)])

    # ------------------------------------------------------------------------------------------------- time
    @rule(seconds=st.sampled_from([1, 6, 20, 31, 45, 58]))
    def time_passes(self, seconds: int) -> None:
        self.world.say(f"{seconds} s pass")
        self.world.pass_time(seconds)

    @rule(seconds=st.sampled_from([61, 120, 181, 241, 400, 3700]))
    def nobody_works_for(self, seconds: int) -> None:
        self.world.say(f"nobody works for {seconds} s")
        self.world.pass_time(seconds)

    @rule(seconds=st.sampled_from([31, 62, 124, 186, 248]), fate=st.one_of(st.just(Fate()), lost, fates))
    def the_engine_runs_for(self, seconds: int, fate: Fate) -> None:
        self.world.say(f"the engine runs for {seconds} s" + (f" ({fate})" if fate != Fate() else ""))
        self.world.provider.reads("fine", "deleted")
        for _ in range(seconds // 31):
            self.world.look(fate)
            self.world.pass_time(31)
        self.world.look(fate)

    # ------------------------------------------------------------------------------------------- over there
    @precondition(lambda self: self.world.provider.entries)
    @rule()
    def the_provider_comes_to_what_it_put_off(self) -> None:
        for entry in self.world.provider.entries:
            entry.at = min(entry.at or self.world.clock.now(), self.world.clock.now())
        self.world.provider.work()

    @precondition(lambda self: self.world.truth.known.pks)
    @rule(
        how=st.sampled_from(["long before ours", "alike", "the same with another link"]),
        post=any_post,
        network=st.sampled_from(NETWORKS[1:]),
    )
    def somebody_posts_by_hand(self, how: str, post: int, network: str) -> None:
        wish, provider = self._wish(post), self.world.provider
        content, account = self._content(wish), f"acc-{network}"
        if how == "long before ours":
            provider.by_hand(account, content.text, how, days=-0.1)
        elif how == "alike":
            provider.by_hand(account, f"Seen: {content.text}", how)
        elif content.link:
            provider.by_hand(account, content.text, "alike", url="https://kilnandlinen.example/other")
        self.world.say(f"somebody posts by hand on {account}: {how} ({self._name(wish)})")

    @precondition(lambda self: self.world.provider.ours)
    @rule(
        which=st.integers(0, 5), turns=st.sampled_from(["deleted", "hidden", "pending", "declined", "failed"])
    )
    def a_post_there_turns(self, which: int, turns: str) -> None:
        ours = self.world.provider.ours
        post = ours[which % len(ours)]
        if post.was_public and turns in ("deleted", "hidden"):
            post.state = f"published_{turns}"
        elif post.state == "scheduled" and turns in ("pending", "declined"):
            post.state = f"scheduled_{turns}"
        elif post.state == "scheduled" and turns == "failed":
            post.state = "failed"
        self.world.say(f"{post.id} there is now {post.state}")

    # ---------------------------------------------------------------------------------------------- the rest
    @rule(
        what=st.sampled_from(
            [
                *("Bob pauses publishing", "Bob resumes publishing", "the cache is emptied"),
                *("the provider's limit is used up", "the database's clock steps back"),
                *("the key is changed to another workspace or back", "so it is, and that is noticed"),
            ]
        ),
        seconds=st.sampled_from([5, 30]),
    )
    def something_happens(self, what: str, seconds: int) -> None:
        world, bob = self.world, self.bob.person
        world.say(f"{what} ({seconds} s)" if "clock" in what or "limit" in what else what)
        if what == "Bob pauses publishing":
            if not world.truth.paused:
                workflow.pause(bob, "stocktaking")
            world.truth.paused = True
        elif what == "Bob resumes publishing":
            if world.truth.paused:
                workflow.resume(bob)
            world.truth.paused = False
        elif what == "the cache is emptied":
            cache.clear()
            world.leaves.until = None
        elif what == "the provider's limit is used up":
            world.leaves.use_up(seconds)
        elif what == "the database's clock steps back":
            world.database_is_off = max(
                world.database_is_off - timedelta(seconds=seconds), timedelta(seconds=-60)
            )
        else:
            world.provider.workspace = OURS if world.provider.workspace != OURS else "ws2"
            if what == "so it is, and that is noticed":
                connect.sync_or_tell()

    @rule()
    def a_backup_is_taken_or_put_back(self) -> None:
        if self.world.backup is None:
            self.world.take_backup()
        else:
            self.world.restore()

    # ------------------------------------------------------------------------------------------- what holds
    @invariant()
    def what_the_rows_say_is_so(self) -> None:
        self.world.truth.check()

    # ---------------------------------------------------------------------------------------------- in short
    def _written(self, on: list[str], due_in: int, link: bool, same_words_as: int | None) -> Wish:
        world, truth = self.world, self.world.truth
        wish = Wish(len(truth.wishes))
        text = TEXTS[wish.number]
        if same_words_as is not None and truth.known.pks:
            text = self._content(self._wish(same_words_as)).text
        at = (world.database_now() + timedelta(seconds=due_in)).replace(microsecond=0) if due_in else None
        content = Content(
            text=text,
            channels=[self.channels[network] for network in sorted(on)],
            link="https://kilnandlinen.example/shop?v=1" if link else "",
            scheduled_at=at,
        )
        truth.wishes[wish.number], truth.known.contents[wish.number] = wish, content
        truth.known.pks[wish.number] = workflow.create(self.ann, content).pk
        due = f", due {at:%H:%M:%S}" if at else ""
        world.say(f"Ann writes {self._name(wish)} for {', '.join(on)}{due}")
        return wish

    def _submitted(self, wish: Wish) -> bool:
        pk = self.world.truth.known.pks[wish.number]
        author = Actor(Post.objects.select_related("author").get(pk=pk).author)
        return self.world.does(
            "its author", f"submits {self._name(wish)}", lambda: workflow.submit(pk, author)
        )

    def _approved_by(self, who: Actor, name: str, wish: Wish) -> bool:
        world, pk = self.world, self.world.truth.known.pks[wish.number]
        if not world.does(name, f"approves {self._name(wish)}", lambda: workflow.approve(pk, who)):
            return False
        content = self._content(wish)
        keys = {(channel.account_id, content.text) for channel in content.channels}
        world.truth.known.approved[wish.number] = Approved(frozenset(keys), content.scheduled_at)
        wish.at_once = False
        for key in keys:
            world.truth.wanted[key].add((wish.number, wish.generation))
        return True

    def _edited(self, wish: Wish, who: Actor, name: str, **changed: Any) -> bool:
        pk, old = self.world.truth.known.pks[wish.number], self._content(wish)
        content = Content(
            text=changed.get("text", old.text),
            channels=old.channels,
            link=old.link,
            scheduled_at=changed.get("scheduled_at", old.scheduled_at),
        )
        if (content.text, content.scheduled_at) == (old.text, old.scheduled_at):
            return False
        says = ", ".join(f"{field}: {value}" for field, value in changed.items())
        if self.world.does(
            name, f"edits {self._name(wish)} ({says})", lambda: workflow.edit(pk, who, content)
        ):
            self.world.truth.known.approved.pop(wish.number, None)
            self.world.truth.known.contents[wish.number] = content
            wish.generation += self.world.truth.restored
            return True
        return False

    def _wish(self, number: int) -> Wish:
        """The nth post that the database knows."""
        known = sorted(self.world.truth.known.pks)
        return self.world.truth.wishes[known[number % len(known)]]

    def _wish_of(self, pk: int) -> Wish:
        truth = self.world.truth
        return next(truth.wishes[number] for number, known in truth.known.pks.items() if known == pk)

    def _content(self, wish: Wish) -> Content:
        return self.world.truth.known.contents[wish.number]

    def _name(self, wish: Wish) -> str:
        return f"post {wish.number} “{self._content(wish).text[:24]}…”"

    def _a_delivery(self, pk: int) -> int:
        row = Delivery.objects.filter(post=pk, status__in=[D.QUEUED, D.FAILED]).order_by("pk").first()
        return row.pk if row else 0

    def _worker(self, **more: Any) -> Process:
        return Process("a worker", outbox.send_what_is_due, **more)

    def _reader(self, **more: Any) -> Process:
        return Process("a reader", polling.follow_up, **more)

    def _all_ends_well(self) -> None:
        """From here on the provider is good and nothing stops: then everything ends, as it should."""
        world = self.world
        world.say("— from here on all goes well —")
        for process in list(world.processes):
            world.kill(process)
        world.leaves.until = None
        world.provider.workspace = OURS
        connect.sync_or_tell()
        if world.truth.paused:
            workflow.resume(self.bob.person)
        world.truth.paused = False
        world.provider.be_good()
        world.settle()
        world.truth.all_has_ended_well()


@pytest.fixture
def story(settings: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    world = World()
    settings.RETRY_MAX_ATTEMPTS = 2
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # the story tells it all
    with world.around_the_engine(monkeypatch), connected(world.provider, settings):
        CONTEXT.update(
            world=world,
            settings=settings,
            ann=Actor(person("ann", "Author")),
            bob=Actor(person("bob", "Approver", "Operator")),
            carol=Actor(person("carol", "Author", "Approver")),
            channels={c.network: c for c in Channel.objects.select_related("connection")},
        )
        yield
        CONTEXT.clear()


@pytest.mark.slow
def test_whatever_happens_what_is_approved_is_public_once_or_somebody_is_told(story: None) -> None:
    run_state_machine_as_test(
        Publishing,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not LONG,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
            report_multiple_bugs=False,
        ),
    )
    print(ENDED)
    assert {"published", "failed", "cancelled", "at the desk", "queued"} <= set(ENDED), "stories of nothing"
