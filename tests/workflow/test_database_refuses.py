"""What must never be, the database itself refuses: behind the back of every rule in Python."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from social import clock, workflow
from social.models import (
    Approval,
    Delivery,
    Event,
    Post,
    Revision,
    Submission,
    SubmissionItem,
    Switch,
    guards,
)
from social.models.appendonly import AppendOnlyError
from social.workflow import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def approved(pending: Post, bob: Actor) -> Post:
    return workflow.approve(pending.pk, bob)


def refused(statement: str, *values: Any) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("table", guards.APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_history_is_never_changed_nor_deleted(approved: Post, bob: Actor, table: str, verb: str) -> None:
    workflow.pause(bob.person, "new price list")
    refused(verb.format(table))


@pytest.mark.parametrize("model", [Approval, Event, Revision, Switch])
def test_history_refuses_in_python_too(approved: Post, bob: Actor, model: Any) -> None:
    workflow.pause(bob.person, "new price list")
    row = model.objects.first()
    for attempt in (
        row.save,
        row.delete,
        model.objects.all().delete,
        lambda: model.objects.update(pk=0),
    ):
        with pytest.raises(AppendOnlyError):
            attempt()


@pytest.mark.parametrize("table", ["social_posts", "social_delivery", "social_submission"])
def test_an_unknown_status_is_refused(approved: Post, table: str) -> None:
    submission(approved)
    column = "state" if table == "social_submission" else "status"
    refused(f"UPDATE {table} SET {column} = 'nonsense'")


def test_a_channel_has_one_delivery_of_a_post_cancelled_ones_apart(approved: Post) -> None:
    row = approved.deliveries.first()
    assert row is not None
    copy = {f.name: getattr(row, f.name) for f in Delivery._meta.fields if f.name != "id"}
    with pytest.raises(DatabaseError), transaction.atomic():
        Delivery.objects.create(**copy)
    Delivery.objects.create(**{**copy, "status": "cancelled"})


def test_a_delivery_has_one_open_submission(approved: Post) -> None:
    row = approved.deliveries.first()
    assert row is not None
    SubmissionItem.objects.create(submission=submission(approved), delivery=row)
    with pytest.raises(DatabaseError), transaction.atomic():
        SubmissionItem.objects.create(submission=submission(approved), delivery=row)


def test_a_provider_post_has_one_owner(approved: Post) -> None:
    first, second = approved.deliveries.all()
    Delivery.objects.filter(pk=first.pk).update(provider_post_id="p-1")
    with pytest.raises(DatabaseError), transaction.atomic():
        Delivery.objects.filter(pk=second.pk).update(provider_post_id="p-1")


def test_nothing_is_sending_without_its_submission(approved: Post) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        approved.deliveries.update(status="sending")


def test_a_rejection_without_a_reason_is_refused(approved: Post, bob: Actor) -> None:
    revision = approved.content()
    with pytest.raises(DatabaseError), transaction.atomic():
        Approval.objects.create(
            post=approved,
            revision=revision,
            content_hash="x",
            decision="rejected",
            user=bob.person,
            reason="",
        )


def submission(post: Post) -> Submission:
    row = post.deliveries.first()
    assert row is not None
    now = clock.now()
    return Submission.objects.create(
        connection=row.connection, kind="now", body={}, stamped_at=now, lease_until=now
    )
