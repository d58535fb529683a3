"""Putting the demo shop into the database: each step is one that people and programs take."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from integrations.connections import Connection
from social import pictures, workflow
from social.demo.proposals import PROPOSALS, REASON, Proposal
from social.models import ApiToken, Channel, Post

PHOTOS = Path(__file__).parent / "photos"
PEOPLE = {
    "ann": ("Ann", "Weber", ("Author",)),
    "bob": ("Bob", "Lindqvist", ("Approver", "Operator")),
}
AGENTS = "agents"
AGENT = "content-agent"


class NoChannels(Exception):
    """There is no connected account to propose anything for; `str()` says so in words."""


def channels() -> list[Channel]:
    """The active accounts of the connected workspace, oldest first. Raises `NoChannels`."""
    connection = Connection.objects.filter(provider="publer", connected=True).first()
    found = (
        list(connection.channels.filter(active=True).select_related("connection").order_by("id"))
        if connection
        else []
    )
    if not found:
        raise NoChannels("There is no connected channel yet: run manage.py sync_channels first.")
    return found


def seed() -> int:
    """Make the demo's people and proposals, all of them or none; return how many posts were made.

    Where it was done before nothing is made, whatever has become of the posts. Raises `NoChannels`.
    """
    with transaction.atomic():
        accounts = channels()
        agents, is_new = User.objects.get_or_create(
            username=AGENTS, defaults={"first_name": "Agents", "is_staff": False}
        )
        if not is_new:
            return 0
        agents.set_unusable_password()
        agents.save(update_fields=["password"])
        token, _ = ApiToken.issue(user_id=agents.pk, name=AGENT, scopes=["posts:read", "posts:write"])
        people = {name: person(name) for name in PEOPLE}
        actors = {
            "agent": workflow.Actor(agents, token),
            "ann": workflow.Actor(people["ann"]),
        }
        for proposal in PROPOSALS:
            _propose(proposal, actors[proposal.by], workflow.Actor(people["bob"]), accounts)
    return len(PROPOSALS)


def person(name: str) -> User:
    """One of `PEOPLE`: left alone where they exist; a new one cannot sign in before a password is set."""
    first, last, groups = PEOPLE[name]
    user, is_new = User.objects.get_or_create(
        username=name,
        defaults={
            "first_name": first,
            "last_name": last,
            "email": f"{name}@kilnandlinen.example",
            "is_staff": True,
        },
    )
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
        user.groups.set(Group.objects.filter(name__in=groups))
    return user


def _propose(
    proposal: Proposal, author: workflow.Actor, approver: workflow.Actor, accounts: list[Channel]
) -> None:
    file = PHOTOS / f"{proposal.picture}.jpg"
    media = pictures.keep(file.read_bytes(), file.name, author.user)
    post = workflow.create(
        author,
        workflow.Content(
            text=proposal.text,
            channels=_on(proposal.networks, accounts),
            link=proposal.link,
            media=[(media, proposal.alt_text)],
            overrides={network: dict(own) for network, own in proposal.overrides.items()},
            scheduled_at=_moment(proposal),
        ),
        title=proposal.title,
        source=Post.Source.API if author.token else Post.Source.STAFF,
        evidence=dict(proposal.evidence),
    )
    if proposal.state == "draft" or workflow.why_not("submit", post, author):
        return
    workflow.submit(post.pk, author)
    if proposal.state == "rejected" and approver.person.has_perm("social.approve_post"):
        workflow.reject(post.pk, approver, REASON, changes_asked=True)


def _on(networks: tuple[str, ...], accounts: list[Channel]) -> list[Channel]:
    """The shop's first account on each network; where it has none of them, its first account."""
    first: dict[str, Channel] = {}
    for account in accounts:
        first.setdefault(account.network, account)
    return [first[network] for network in networks if network in first] or accounts[:1]


def _moment(proposal: Proposal) -> datetime | None:
    if proposal.day is None:
        return None
    zone = ZoneInfo(settings.SHOP_TIME_ZONE)
    day = timezone.now().astimezone(zone).date() + timedelta(days=proposal.day)
    return datetime.combine(day, proposal.at, zone)
