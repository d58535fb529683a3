"""What people and programs may do to a post, and what it then is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from social import clock, workflow
from social.models import Approval, Channel, Delivery, Engine, Event, Post
from social.workflow import Actor, Content, NotAllowed, Refusal, WrongState
from tests.workflow.conftest import person

pytestmark = pytest.mark.django_db
D = Delivery.Status


def test_an_approved_post_is_queued_on_each_channel(pending: Post, bob: Actor) -> None:
    post = workflow.approve(pending.pk, bob)
    assert post.status == "approved"
    assert {(row.channel.network, row.status, row.approved_hash) for row in post.deliveries.all()} == {
        ("twitter", "queued", post.content().content_hash),
        ("linkedin", "queued", post.content().content_hash),
    }


def test_nobody_approves_their_own_not_even_a_superuser(content: Content) -> None:
    root = person("root", superuser=True)
    post = workflow.submit(workflow.create(root, content).pk, root)
    with pytest.raises(NotAllowed, match="Needs a second person"):
        workflow.approve(post.pk, root)


def test_whoever_answers_for_a_token_cannot_approve_what_it_made(
    program: Actor, bob: Actor, carla: Actor, content: Content
) -> None:
    post = workflow.submit(workflow.create(program, content).pk, program)
    with pytest.raises(NotAllowed, match="Needs a second person"):
        workflow.approve(post.pk, bob)
    assert workflow.approve(post.pk, carla).status == "approved"


def test_who_wrote_a_later_revision_of_a_draft_is_an_author_too(
    ann: Actor, bob: Actor, carla: Actor, content: Content
) -> None:
    post = workflow.create(ann, content)
    workflow.edit(post.pk, bob, replace(content, text="Bob's words."))
    workflow.submit(post.pk, ann)
    with pytest.raises(NotAllowed, match="Needs a second person"):
        workflow.approve(post.pk, bob)
    assert workflow.approve(post.pk, carla).status == "approved"


def test_an_approver_may_edit_in_review_and_approve_what_somebody_else_wrote(
    pending: Post, bob: Actor, content: Content
) -> None:
    post = workflow.edit(pending.pk, bob, replace(content, text="Three bowls. One shelf."))
    assert (post.status, post.content().number) == ("pending", 2)
    assert workflow.approve(post.pk, bob, shown_hash=post.content().content_hash).status == "approved"


def test_an_edit_in_review_keeps_the_networks_rules(pending: Post, bob: Actor, content: Content) -> None:
    with pytest.raises(workflow.InvalidContent, match="X allows 280 characters"):
        workflow.edit(pending.pk, bob, replace(content, text="x" * 281))
    assert Post.objects.get(pk=pending.pk).content().number == 1


def test_line_ends_of_a_form_are_no_change(pending: Post, ann: Actor, content: Content) -> None:
    own = {"twitter": {"text": "One line.\r\nAnother."}}
    post = workflow.create(ann, replace(content, text="A\r\nB", overrides=own))
    assert post.content().text == "A\nB"
    assert post.content().text_for("twitter") == "One line.\nAnother."


def test_an_author_cannot_edit_in_review(pending: Post, ann: Actor, content: Content) -> None:
    with pytest.raises(NotAllowed):
        workflow.edit(pending.pk, ann, replace(content, text="Other words."))
    workflow.withdraw(pending.pk, ann)
    assert workflow.edit(pending.pk, ann, replace(content, text="Other words.")).status == "draft"


def test_a_program_never_approves(program: Actor, pending: Post) -> None:
    with pytest.raises(NotAllowed):
        workflow.approve(pending.pk, program)
    with pytest.raises(NotAllowed):
        workflow.reject(pending.pk, program, "no")
    assert not Approval.objects.exists()


def test_what_changed_since_the_page_was_drawn_is_not_approved(
    pending: Post, bob: Actor, carla: Actor, content: Content
) -> None:
    shown = pending.content().content_hash
    workflow.edit(pending.pk, carla, replace(content, text="Changed meanwhile."))
    with pytest.raises(WrongState, match="changed after your page was drawn"):
        workflow.approve(pending.pk, bob, shown_hash=shown)


def test_the_second_of_two_people_is_told_who_was_first_and_what_was_decided(
    pending: Post, bob: Actor, carla: Actor
) -> None:
    workflow.reject(pending.pk, carla, "We do not do this.")
    with pytest.raises(WrongState, match=r"carla rejected it at .+“We do not do this\.”"):
        workflow.approve(pending.pk, bob)


def test_a_rejection_needs_a_reason(pending: Post, bob: Actor) -> None:
    with pytest.raises(Refusal, match="Say why"):
        workflow.reject(pending.pk, bob, "  ")


def test_an_edit_after_approval_voids_it_and_takes_back_what_was_queued(
    pending: Post, ann: Actor, bob: Actor, content: Content
) -> None:
    workflow.approve(pending.pk, bob)
    post = workflow.edit(pending.pk, ann, replace(content, text="Other words."))
    assert post.status == "draft"
    assert set(post.deliveries.values_list("status", flat=True)) == {"cancelled"}
    workflow.submit(post.pk, ann)
    post = workflow.approve(post.pk, bob)
    assert post.deliveries.filter(status="queued", approved_hash=post.content().content_hash).count() == 2


def test_an_edit_that_changes_nothing_public_keeps_the_approval(
    pending: Post, ann: Actor, bob: Actor, content: Content
) -> None:
    workflow.approve(pending.pk, bob)
    post = workflow.edit(pending.pk, ann, content, title="Another name for us")
    assert (post.status, post.title, post.revisions.count()) == ("approved", "Another name for us", 1)


@pytest.mark.parametrize("status", ["sending", "accepted", "unconfirmed"])
@pytest.mark.parametrize("verb", ["edit", "cancel"])
def test_what_is_on_its_way_is_locked(
    pending: Post, bob: Actor, content: Content, status: str, verb: str
) -> None:
    post = workflow.approve(pending.pk, bob)
    put(post, status)
    with pytest.raises(WrongState, match="on its way to"):
        workflow.edit(post.pk, bob, Content()) if verb == "edit" else workflow.cancel(post.pk, bob)


def test_a_cancelled_post_is_taken_back_from_the_queue(pending: Post, bob: Actor) -> None:
    workflow.approve(pending.pk, bob)
    assert workflow.cancel(pending.pk, bob).status == "cancelled"
    assert set(pending.deliveries.values_list("status", flat=True)) == {"cancelled"}


def test_a_retry_queues_what_failed_and_leaves_what_is_public(pending: Post, bob: Actor) -> None:
    post = workflow.approve(pending.pk, bob)
    first, second = post.deliveries.all()
    put(first, "published")
    put(second, "failed", provider_post_id="p-1", attempts=3)
    Post.objects.filter(pk=post.pk).update(status="partly_published")
    post = workflow.retry(post.pk, bob)
    assert post.status == "approved"
    second.refresh_from_db()
    assert (second.status, second.attempts, second.former_ids) == ("queued", 0, ["p-1"])


def test_an_approval_of_one_content_sends_no_other(
    pending: Post, bob: Actor, channels: list[Channel]
) -> None:
    post = workflow.approve(pending.pk, bob)
    post.content().channels.remove(channels[0])  # by hand, behind the workflow's back
    put(post, "failed")
    Post.objects.filter(pk=post.pk).update(status="failed")
    with pytest.raises(Refusal, match="does not match its seal"):
        workflow.retry(post.pk, bob)


def test_publish_now_brings_a_near_time_forward(
    ann: Actor, bob: Actor, program: Actor, content: Content
) -> None:
    at = clock.now() + timedelta(minutes=60)
    post = workflow.submit(workflow.create(ann, replace(content, scheduled_at=at)).pk, ann)
    workflow.approve(post.pk, bob)
    workflow.publish(post.pk, program)
    assert all(row.due_at <= clock.now() and not row.timed for row in post.deliveries.all())


def test_publish_now_of_a_far_time_is_an_approval_of_its_own(
    ann: Actor, bob: Actor, program: Actor, content: Content
) -> None:
    at = clock.now() + timedelta(days=1)
    post = workflow.submit(workflow.create(ann, replace(content, scheduled_at=at)).pk, ann)
    workflow.approve(post.pk, bob)
    with pytest.raises(NotAllowed, match="more than 120 minutes away"):
        workflow.publish(post.pk, program)
    workflow.publish(post.pk, bob)
    assert post.approvals.filter(decision="approved").count() == 2


def test_only_who_may_pause_pauses(ann: Actor, bob: Actor) -> None:
    with pytest.raises(NotAllowed):
        workflow.pause(ann.person, "")
    workflow.pause(bob.person, "stocktaking")
    assert Engine.objects.get().is_paused(clock.now())
    workflow.resume(bob.person)
    assert not Engine.objects.get().is_paused(clock.now())


@pytest.mark.parametrize(
    ("verb", "arguments"), [("approve", ()), ("reject", ("no",)), ("recall", ()), ("publish", ())]
)
def test_an_author_decides_nothing(pending: Post, ann: Actor, verb: str, arguments: tuple[Any, ...]) -> None:
    other = person("another author", "Author")
    with pytest.raises(Refusal):
        getattr(workflow, verb)(pending.pk, other, *arguments)
    assert Post.objects.get(pk=pending.pk).status == "pending"


def test_every_step_stands_in_the_audit_trail(pending: Post, bob: Actor) -> None:
    workflow.approve(pending.pk, bob)
    assert list(
        Event.objects.filter(post=pending).values_list("verb", "actor_name", "from_status", "to_status")
    ) == [
        ("create", "ann", "", "draft"),
        ("submit", "ann", "draft", "pending"),
        ("approve", "bob", "pending", "approved"),
    ]


def test_content_that_a_network_refuses_is_not_submitted(ann: Actor, content: Content) -> None:
    post = workflow.create(ann, replace(content, text="x" * 281))
    with pytest.raises(workflow.InvalidContent) as refused:
        workflow.submit(post.pk, ann)
    assert [(p.field, p.message) for p in refused.value.problems] == [
        ("text", "X allows 280 characters; this text has 281.")
    ]


def put(what: Post | Delivery, status: str, **fields: Any) -> None:
    """Bring deliveries where the engine would bring them."""
    from social.models import Submission

    rows = what.deliveries.all() if isinstance(what, Post) else Delivery.objects.filter(pk=what.pk)
    for row in rows:
        now = clock.now()
        made = Submission.objects.create(
            connection=row.connection, kind="now", body={}, stamped_at=now, lease_until=now
        )
        Delivery.objects.filter(pk=row.pk).update(
            **{"status": status, "submission": made, "lease_until": now, "goes_at": now, **fields}
        )
