"""Many posts approved in one go: each is decided by itself, all are written together."""

from collections.abc import Sequence

from django.db import connection
from django.test.utils import CaptureQueriesContext

from social import workflow
from social.models import Approval, Channel, Delivery, Event, Post
from social.workflow import Actor, Content, NotAllowed, WrongState


def propose(author: Actor, channels: Sequence[Channel], number: int) -> list[Post]:
    return [
        workflow.submit(workflow.create(author, Content(f"Post {n}.", channels)).pk, author)
        for n in range(number)
    ]


def shown(posts: Sequence[Post]) -> dict[int, str]:
    """What the page carried."""
    return {post.pk: post.content().content_hash for post in posts}


def test_each_is_queued_with_its_approval_and_its_event(
    ann: Actor, bob: Actor, channels: list[Channel]
) -> None:
    posts = propose(ann, channels, 3)

    assert workflow.approve_all(shown(posts), bob) == {}

    assert {post.status for post in Post.objects.all()} == {"approved"}
    assert Delivery.objects.filter(status="queued").count() == 3 * len(channels)
    for post in posts:
        approval = Approval.objects.get(post=post)
        assert (approval.user, approval.content_hash) == (bob.person, post.content().content_hash)
        event = Event.objects.get(post=post, verb="approve")
        assert (event.from_status, event.to_status, event.note) == ("pending", "approved", "revision 1")
        assert event.data == {"content_hash": approval.content_hash, "revision": 1}


def test_one_and_many_leave_the_same(ann: Actor, bob: Actor, channels: list[Channel]) -> None:
    alone, together = propose(ann, channels, 2)
    workflow.approve(alone.pk, bob)
    workflow.approve_all({together.pk: ""}, bob)

    def left(post: Post) -> list[object]:
        post.refresh_from_db()
        return [
            post.status,
            list(post.events.values_list("verb", "from_status", "to_status", "note", "actor_name")),
            list(post.approvals.values_list("decision", "reason", "changes_asked")),
            list(post.deliveries.order_by("channel").values_list("channel", "status", "timed", "not_before")),
        ]

    assert left(alone) == left(together)


def test_what_may_not_be_approved_is_left_alone_and_the_others_go_on(
    ann: Actor, bob: Actor, channels: list[Channel]
) -> None:
    good, done, changed = propose(ann, channels, 3)
    (own,) = propose(bob, channels, 1)
    workflow.approve(done.pk, bob)
    asked = shown([good, done, changed, own]) | {changed.pk: "another hash"}

    refused = workflow.approve_all(asked, bob)

    assert set(refused) == {done.pk, changed.pk, own.pk}
    assert isinstance(refused[own.pk], NotAllowed)
    assert isinstance(refused[changed.pk], WrongState)
    assert "Bob" in str(refused[done.pk]) or "bob" in str(refused[done.pk])
    assert [Post.objects.get(pk=post.pk).status for post in (good, changed, own)] == [
        "approved",
        "pending",
        "pending",
    ]
    assert done.deliveries.count() == len(channels)


def test_a_post_that_an_author_of_it_edited_in_between_is_not_theirs_to_approve(
    ann: Actor, bob: Actor, channels: list[Channel]
) -> None:
    (post,) = propose(ann, channels, 1)
    workflow.withdraw(post.pk, ann)
    workflow.edit(post.pk, bob, Content("Bob's words.", channels))
    workflow.submit(post.pk, bob)

    refused = workflow.approve_all({post.pk: ""}, bob)

    assert isinstance(refused[post.pk], NotAllowed)


def test_a_dozen_cost_as_many_queries_as_two(ann: Actor, bob: Actor, channels: list[Channel]) -> None:
    counts = []
    for number in (2, 12):
        posts = propose(ann, channels, number)
        bob.person.has_perm("social.approve_post")
        with CaptureQueriesContext(connection) as queries:
            workflow.approve_all(shown(posts), bob)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_stored_content_that_is_not_what_its_seal_says_is_not_approved(
    ann: Actor, bob: Actor, channels: list[Channel]
) -> None:
    good, tampered = propose(ann, channels, 2)
    tampered.content().channels.remove(channels[0])

    refused = workflow.approve_all(dict.fromkeys([good.pk, tampered.pk], ""), bob)

    assert list(refused) == [tampered.pk]
    assert "does not match its seal" in str(refused[tampered.pk])
