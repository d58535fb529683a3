"""What is true, whatever the database says: what people approved, what is public, and what must hold of
both."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from social import explain
from social.models import Delivery, Post, Submission, SubmissionItem
from social.workflow import Content
from social.workflow.rollup import ROLLED_UP, rolled_up
from tests.publishing.model.publer import OURS, Made
from tests.publishing.provider import entries

if TYPE_CHECKING:
    from tests.publishing.model.processes import Process
    from tests.publishing.model.world import World

D = Delivery.Status
Key = tuple[str, str]
"""An account, and the words for it."""
CLOCKS_DIFFER = timedelta(seconds=61)
READ = (
    *("pk", "status", "decide", "problem", "provider_post_id", "post", "post__status"),
    *("channel__account_id", "revision__text", "submission__completed_at"),
)


@dataclass
class Wish:
    """One post as people want it, whatever a restored database remembers of it. `generation`: what they made
    of it since then is another one, be it with the same words."""

    number: int
    generation: int = 0
    at_once: bool = False


@dataclass(frozen=True)
class Approved:
    keys: frozenset[Key]
    scheduled_at: datetime | None


@dataclass(frozen=True)
class Known:
    """What the database knows, too, and forgets when it is restored."""

    pks: dict[int, int] = field(default_factory=dict)
    contents: dict[int, Content] = field(default_factory=dict)
    approved: dict[int, Approved] = field(default_factory=dict)

    def copy(self) -> "Known":
        return Known(dict(self.pks), dict(self.contents), dict(self.approved))


class Truth:
    """`known`: of posts by their number, `approved` where the approval is not void; `wanted`: all that was
    ever approved; `judged`: what a person decided on at the desk."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.wishes: dict[int, Wish] = {}
        self.known = Known()
        self.wanted: dict[Key, set[tuple[int, int]]] = defaultdict(set)
        self.judged: set[Key] = set()
        self.paused = False
        self.restored = False

    # -------------------------------------------------------------------------------------- at any moment
    def arrived(self, body: dict[str, Any], workspace: str) -> None:
        """A request came to the provider: each part of it is what a second person approved, and it stands."""
        world, now = self.world, self.world.clock.now()
        accounts = [account["id"] for account, _ in entries(body)]
        if len(set(accounts)) < len(accounts):
            world.fail("A batch holds an account twice.")
        if workspace != OURS:
            world.fail(f"What belongs to {OURS} was sent to {workspace}.")
        for account, content in entries(body):
            key = (account["id"], content.get("text", ""))
            world.say(f"“{key[1][:24]}…” for {key[0]} arrives at the provider")
            approved = {n: each for n, each in self.known.approved.items() if key in each.keys}
            if not approved:
                world.fail(f"“{key[1]}” was sent to {key[0]} without a valid approval.")
            at = account.get("scheduled_at")
            goes = (datetime.fromisoformat(at) if at else now) + CLOCKS_DIFFER
            if all(
                each.scheduled_at and goes < each.scheduled_at and not self.wishes[number].at_once
                for number, each in approved.items()
            ):
                world.fail(f"“{key[1]}” was sent before its time.")

    def became_public(self, post: Made) -> None:
        public = [other for other in self.world.provider.ours if other.was_public and other.key == post.key]
        times, wanted = len(public), len(self.wanted[post.key])
        if times > wanted:
            self.world.fail(f"“{post.sent}” is public {times} times on {post.account_id}, approved {wanted}.")

    def stamped(self, process: "Process") -> None:
        """A stamp was committed: all that its transaction tests was so."""
        world, made = self.world, Submission.objects.order_by("pk").last()
        assert made is not None
        world.say(f"{process.name} has stamped submission {made.pk}")
        if self.paused:
            world.fail("Something was stamped during a pause.")
        now = world.database_now()
        gap = timedelta(seconds=settings.PUBLISH_GAP_SECONDS)
        for row in made.latest_of.all():
            others = Delivery.objects.filter(channel=row.channel_id).exclude(pk=row.pk)
            if others.filter(fingerprint=row.fingerprint, status__in=Delivery.IN_AIR).exists():
                world.fail("Two twins are under way at once.")
            if now > row.due_at + timedelta(seconds=settings.LATE_AFTER_SECONDS):
                world.fail("Something was stamped that is late: a person is asked first.")
            near = others.filter(status__in=[*Delivery.IN_AIR, D.SCHEDULED, D.PUBLISHED])
            at = row.goes_at
            if at and near.filter(goes_at__gt=at - gap, goes_at__lt=at + gap).exists():
                world.fail("Two posts on one account are less than a minute apart.")
            if row.attempts > settings.RETRY_MAX_ATTEMPTS:
                (before,) = row.events.order_by("-pk")[1:2]
                if before.verb == "proved not taken":
                    world.fail(f"Something was sent for the {row.attempts}th time, and no person was asked.")

    def looked(self, process: "Process") -> None:
        """A process came to its end."""
        if Delivery.objects.filter(status=D.SENDING, lease_until__lt=process.begun).exists():
            self.world.fail(
                "A delivery is still “sending” though its lease is over and the engine has looked."
            )

    # ---------------------------------------------------------------------------------- after every step
    def check(self) -> None:
        """What the rows say of themselves, and that a post which is taken over is the delivery's own."""
        world, truths = self.world, self.world.provider.by_id()
        owned: set[str] = set()
        by_post: dict[tuple[int, str], list[str]] = defaultdict(list)
        for row in Delivery.objects.values_list(*READ):
            pk, status, decide, problem, there, post, post_status, account, text, completed_at = row
            by_post[post, post_status].append(status)
            if not problem and (status == D.FAILED or decide):
                world.fail(f"Nobody is told why delivery {pk} is {status}.")
            if there in owned:
                world.fail(f"Two deliveries hold {there}.")
            if there:
                owned.add(there)
                self._is_its_own((account, text), truths.get(there), completed_at)
        for (post, told), statuses in by_post.items():
            if told in ROLLED_UP and told != rolled_up(statuses):
                world.fail(f"Post {post} says {told}, its deliveries {statuses}.")
        opened = list(SubmissionItem.objects.filter(open=True).values_list("delivery", flat=True))
        if len(set(opened)) < len(opened):
            world.fail("A delivery has two open submissions.")

    def _is_its_own(self, key: Key, truth: Made | None, completed_at: datetime | None) -> None:
        if truth is None or key in self.judged:
            return
        if truth.by_hand:
            # The one exception: what its job completed without a failure is the one post that may be it.
            if truth.by_hand != "alike" or completed_at is None:
                self.world.fail(f"“{key[1]}” took over {truth.id}, made by hand ({truth.by_hand}).")
        elif truth.key != key:
            self.world.fail(f"“{key[1]}” took over {truth.id}, which is “{truth.sent}”.")

    # -------------------------------------------------------------------------------------------- at last
    def ended(self, row: Delivery) -> bool:
        """It stays as it is, or a person is asked, or it goes at a moment that is told."""
        if row.status in (D.PUBLISHED, D.FAILED, D.CANCELLED):
            return True
        if row.status == D.UNCONFIRMED:
            return row.decide
        if row.status != D.QUEUED:
            return False
        now = self.world.database_now()
        late = now > row.due_at + timedelta(seconds=settings.LATE_AFTER_SECONDS)
        told = row.not_before is not None and row.not_before - now > timedelta(minutes=10) and row.hold != ""
        return late or told

    def all_has_ended_well(self) -> None:
        """Everything approved has ended, or somebody is told why not and what to do; and what is said is
        so."""
        world, situation, truths = self.world, explain.Situation.read(), self.world.provider.by_id()
        said: dict[Key, list[str]] = defaultdict(list)
        for row in Delivery.objects.select_related("channel", "revision", "connection", "submission"):
            key = (row.channel.account_id, row.revision.text_for(row.channel.network))
            name, truth = f"“{key[1]}” on {key[0]}", truths.get(row.provider_post_id)
            said[key].append(row.status)
            if not self.ended(row):
                world.fail(f"{name} is lost: still {row.status}, and nobody is asked.")
            quiet = row.status in (D.PUBLISHED, D.CANCELLED)
            if not quiet and not explain.delivery_waits(row, situation).words:
                world.fail(f"{name} is {row.status}, and nobody is told why.")
            is_public = truth is not None and truth.was_public
            if row.status == D.PUBLISHED and not is_public and key not in self.judged:
                world.fail(f"{name} is said to be published, and is not.")
        self._nothing_is_public_in_secret(said)
        self._every_approval_has_its_deliveries()

    def _nothing_is_public_in_secret(self, said: Mapping[Key, list[str]]) -> None:
        """Said to be failed, cancelled or waiting, and is public: never, but where a restored database has
        forgotten it."""
        if self.restored:
            return
        public: dict[Key, int] = defaultdict(int)
        for post in self.world.provider.ours:
            public[post.key] += post.was_public
        for key, times in public.items():
            known = [
                status for status in said.get(key, []) if status not in (D.FAILED, D.CANCELLED, D.QUEUED)
            ]
            if times > len(known) and key not in self.judged:
                self.world.fail(f"“{key[1]}” is public on {key[0]}, and its delivery says {said.get(key)}.")

    def _every_approval_has_its_deliveries(self) -> None:
        for number, approved in self.known.approved.items():
            post = Post.objects.get(pk=self.known.pks[number])
            told = set(post.deliveries.values_list("channel__account_id", flat=True))
            if post.status in ROLLED_UP and (lost := {account for account, _ in approved.keys} - told):
                self.world.fail(f"Post {number} was approved for {lost}, and no delivery tells of it.")
