"""Whatever people, programs and the engine do in whatever order: nothing is sent that a second person has not
approved as it is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from django.db import transaction
from hypothesis import strategies as st

from social import clock, workflow
from social.models import Approval, Channel, Delivery, Post, Revision, Submission
from social.workflow import Actor, Content, Cost, deliveries
from tests.workflow.conftest import person

VERBS = (
    "edit",
    "submit",
    "withdraw",
    "approve",
    "approve stale",
    "reject",
    "cancel",
    "retry",
    "recall",
    "publish",
    "drop",
    "move near",
    "move far",
    "resubmit",
)
ENGINE = tuple(deliveries.STEPS)
SHOP = ZoneInfo("Europe/Berlin")
TEN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""Ten in the morning at the shop: a move by minutes stays on its day, whenever the tests run."""
step = st.tuples(st.sampled_from(VERBS + ENGINE), st.integers(0, 4), st.integers(0, 2))


@pytest.fixture(autouse=True)
def _it_is_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: TEN)
    monkeypatch.setattr("django.utils.timezone.now", lambda: TEN)


@pytest.mark.django_db
@hypothesis.settings(max_examples=60, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(steps=st.lists(step, min_size=5, max_size=40))
def test_no_order_of_verbs_reaches_the_public_without_a_second_persons_approval_of_that_content(
    steps: list[tuple[str, int, int]], content: Content
) -> None:
    with transaction.atomic():
        _walk(steps, content)
        transaction.set_rollback(True)


MOVES = ("move near", "move far", "resubmit", "edit", "submit", "approve", "publish", "retry", "drop")
moves = st.tuples(
    st.sampled_from(("move near", "stamped", "not sent", *MOVES)), st.integers(0, 4), st.integers(0, 2)
)


@pytest.mark.django_db
@hypothesis.settings(max_examples=60, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(steps=st.lists(moves, min_size=3, max_size=20))
def test_no_moving_about_of_an_approved_post_reaches_the_public_at_a_time_that_nobody_approved(
    steps: list[tuple[str, int, int]], content: Content
) -> None:
    with transaction.atomic():
        _walk([("submit", 0, 0), ("approve", 1, 0), *steps, ("stamped", 0, 0)], content)
        transaction.set_rollback(True)


def _walk(steps: list[tuple[str, int, int]], content: Content) -> None:
    people = _people()
    post = workflow.create(people[0], content)
    for verb, who, variant in steps:
        try:
            if verb in ENGINE:
                _engine(post, verb, variant)
            else:
                _person(verb, post, people[who % len(people)], variant, content)
        except workflow.Refusal:
            pass
        _check(post)


def _people() -> list[Actor]:
    from social.models import ApiToken

    ann, bob, carla = (
        person("ann", "Author", "Approver", "Operator"),
        person("bob", "Approver", "Operator"),
        person("carla", "Approver", "Operator"),
    )
    token, _ = ApiToken.issue(user_id=carla.person.pk, name="agent", scopes=["posts:write"])
    return [ann, bob, carla, Actor(carla.person, token), person("root", superuser=True)]


def _person(verb: str, post: Post, actor: Actor, variant: int, content: Content) -> None:
    changed = replace(content, text=f"Words {variant}.", channels=_channels()[: 1 + variant % 2])
    calls: dict[str, Callable[[], Any]] = {
        "edit": lambda: workflow.edit(post.pk, actor, changed),
        "approve": lambda: workflow.approve(
            post.pk, actor, shown_hash=Post.objects.get(pk=post.pk).content().content_hash
        ),
        "approve stale": lambda: workflow.approve(post.pk, actor, shown_hash=content.hash),
        "reject": lambda: workflow.reject(post.pk, actor, "no"),
        # Each near one is within the rule from where it was, and all together may not add up to more.
        "move near": lambda: workflow.move(post.pk, actor, _time_of(post) + timedelta(minutes=100 + variant)),
        "move far": lambda: workflow.move(post.pk, actor, _time_of(post) + timedelta(hours=3 + 24 * variant)),
        "resubmit": lambda: workflow.move(
            post.pk, actor, _time_of(post) + timedelta(days=1), meant=Cost.ASKS
        ),
    }
    calls.get(verb, lambda: getattr(workflow, verb)(post.pk, actor))()


def _time_of(post: Post) -> datetime:
    """When it is due, to the second; a moment that has passed counts from now."""
    row = post.deliveries.filter(status="queued").order_by("due_at").first()
    return max(row.due_at if row else clock.now(), clock.now())


def _channels() -> list[Channel]:
    return list(Channel.objects.select_related("connection").order_by("pk"))


def _engine(post: Post, happened: str, variant: int) -> None:
    rows = list(post.deliveries.select_related("channel", "post").order_by("pk"))
    if not rows:
        return
    row, now = rows[variant % len(rows)], clock.now()
    if happened == "stamped":
        _stamp(row)
        return
    known: dict[str, dict[str, Any]] = {
        "found scheduled": {"provider_post_id": f"p{row.pk}"},
        "put to a person": {"decide": True},
        "published": {"published_at": now},
        "taken over": {"decide": False},
        "recalled": {"recall": "", "provider_post_id": ""},
        "recalled to be moved": {"recall": "", "provider_post_id": ""},
    }
    fields = known.get(happened, {})
    if happened in ("recalled", "recalled to be moved") and not row.recall:
        return
    if happened == "looked for first" or row.submission_id is None:
        return
    cleared = {"decide": False, "recall": ""} if "decide" not in fields else {"recall": ""}
    deliveries.move(row, happened, **{**cleared, **fields})


def _stamp(row: Delivery) -> None:
    """As the engine's stamp: status, and the approved hash against the content as it stands."""
    if row.status != "queued" or row.approved_hash != row.revision.computed_hash():
        return
    now = clock.now()
    made = Submission.objects.create(
        connection=row.connection, kind="now", body={}, stamped_at=now, lease_until=now
    )
    deliveries.stamp([row], made, now=now)


def _words(revision: Revision) -> str:
    """All of it but its time."""
    return replace(workflow.content_of(revision), scheduled_at=None).hash


def _by_another(approval: Approval, row: Delivery, writers: set[int]) -> bool:
    """Whether a second person gave it: for exactly this, or for the same words at a time within the rule."""
    own = approval.kept_from or approval
    assert own.kept_from is None
    assert own.user_id == approval.user_id
    assert _words(own.revision) == _words(row.revision)
    if approval.kept_from is not None:
        at, given = row.revision.scheduled_at, own.for_time or own.revision.scheduled_at or own.created_at
        assert at is not None
        assert abs(at - given) <= timedelta(minutes=120), f"{own} was for {given}, not for {at}"
        assert at.astimezone(SHOP).date() == given.astimezone(SHOP).date()
    else:
        assert own.content_hash == row.approved_hash
    return own.user_id not in writers


def _check(post: Post) -> None:
    post.refresh_from_db()
    authors = {
        post.author_id,
        *post.revisions.filter(in_review=False).values_list("created_by_id", flat=True),
    }
    for row in post.deliveries.exclude(status__in=["queued", "cancelled"]):
        approvals = Approval.objects.filter(
            post=post, decision="approved", content_hash=row.approved_hash, revision=row.revision
        )
        # Who wrote words, here told by the words themselves: another time alone makes nobody an author.
        writers, words = {post.author_id}, ""
        for revision in post.revisions.filter(number__lte=row.revision.number):
            if _words(revision) != words and not revision.in_review:
                writers.add(revision.created_by_id)
            words = _words(revision)
        assert row.approved_hash == row.revision.content_hash == row.revision.computed_hash()
        assert any(_by_another(approval, row, writers) for approval in approvals), (
            f"{row} was approved by nobody else"
        )
    if post.status == "published":
        assert post.approvals.filter(decision="approved").exclude(user_id__in=[post.author_id]).exists()
    assert authors
