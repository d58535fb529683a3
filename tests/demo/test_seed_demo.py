"""The demo shop."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.connections import Connection
from integrations.publer.sandbox.rules import shop_accounts
from social import workflow
from social.demo.proposals import PROPOSALS
from social.models import ApiToken, Approval, Channel, Delivery, Event, Media, Post, Revision

pytestmark = pytest.mark.django_db


def seed(*arguments: str) -> str:
    out = StringIO()
    call_command("seed_demo", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def accounts() -> list[Channel]:
    connection = Connection.objects.create(
        provider="publer",
        workspace="w1",
        base_url="http://publer.invalid/api/v1",
        connected=True,
        synced_at=timezone.now(),
    )
    return [
        Channel.objects.create(
            connection=connection, account_id=account.id, network=account.provider, name=account.name
        )
        for account in shop_accounts(further=8)
    ]


def everything() -> dict[str, Any]:
    return {model.__name__: model.objects.count() for model in (User, ApiToken, Post, Revision, Media, Event)}


def test_people_an_agent_and_their_proposals_are_there(accounts: list[Channel]) -> None:
    seed()
    statuses = list(Post.objects.values_list("status", flat=True))
    assert {status: statuses.count(status) for status in set(statuses)} == {
        "pending": 7,
        "draft": 1,
        "rejected": 1,
    }
    assert {post.proposer for post in Post.objects.all()} == {"Ann Weber", "content-agent"}
    assert ApiToken.objects.get().scopes == ["posts:read", "posts:write"]
    agents = User.objects.get(username="agents")
    assert (agents.is_staff, agents.is_active, agents.has_usable_password()) == (False, True, False)
    assert all(post.content().revision_media.exists() for post in Post.objects.all())


def test_twice_gives_the_same(accounts: list[Channel]) -> None:
    seed("--posts", "5")
    once = everything()
    Post.objects.filter(status="draft").update(title="Somebody named it anew")
    seed("--posts", "5")
    assert everything() == once


def test_people_who_are_there_are_left_alone(accounts: list[Channel]) -> None:
    ann = User.objects.create_user("ann", password="her own", first_name="Anna", is_staff=True)
    bob = User.objects.create_user("bob", is_staff=True)
    seed()
    ann.refresh_from_db()
    assert (ann.first_name, ann.check_password("her own"), ann.groups.count()) == ("Anna", True, 0)
    assert not bob.groups.exists()
    assert not Post.objects.filter(status="rejected").exists()  # this Bob may not


def test_new_people_cannot_sign_in_before_a_password_is_set(accounts: list[Channel]) -> None:
    seed()
    for name, groups in (("ann", {"Author"}), ("bob", {"Approver", "Operator"})):
        user = User.objects.get(username=name)
        assert not user.has_usable_password()
        assert {group.name for group in user.groups.all()} == groups


def test_what_has_no_time_meets_no_other_of_its_kind_on_a_channel(accounts: list[Channel]) -> None:
    seed()
    at_once = Post.objects.filter(status="pending", scheduled_at=None)
    used = [channel.pk for post in at_once for channel in post.content().channels.all()]
    assert at_once.count() >= 3
    assert len(used) == len(set(used))
    assert {channel.name for channel in Channel.objects.filter(pk__in=used)} <= {
        a.name for a in shop_accounts()
    }


def test_every_proposal_can_be_approved_by_bob(accounts: list[Channel]) -> None:
    seed()
    bob = workflow.Actor(User.objects.get(username="bob"))
    for post in Post.objects.filter(status="pending"):
        assert workflow.approve(post.pk, bob).status == "approved"
    assert Delivery.objects.filter(status="queued").count() == sum(
        len(proposal.networks) for proposal in PROPOSALS if proposal.state == "pending"
    )


def test_without_channels_it_says_so_and_makes_nothing() -> None:
    with pytest.raises(CommandError, match="no connected channel"):
        seed("--posts", "3")
    assert everything() == dict.fromkeys(everything(), 0)


def test_finished_posts_are_made_in_bulk_and_topped_up(accounts: list[Channel]) -> None:
    seed("--posts", "7")
    seed("--posts", "12")
    finished = Post.objects.filter(source="import")
    assert finished.count() == finished.filter(status="published").count() == 12
    assert finished.values("published_at").distinct().count() == 12
    for post in finished:
        revision = post.content()
        delivery = post.deliveries.get()
        assert revision.computed_hash() == revision.content_hash == delivery.approved_hash
        assert Approval.objects.get(post=post).content_hash == revision.content_hash
        assert (delivery.status, delivery.channel) == ("published", revision.channels.get())


def test_groups_come_with_the_migrations() -> None:
    assert {"Author", "Approver", "Operator"} <= set(Group.objects.values_list("name", flat=True))
