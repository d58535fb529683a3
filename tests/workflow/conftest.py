"""People, a program, and a channel or two."""

import pytest
from django.contrib.auth.models import Group, User

from integrations.connections import Connection
from social.models import ApiToken, Channel, Engine, Post
from social.workflow import Actor, Content, create, submit


def person(name: str, *groups: str, superuser: bool = False) -> Actor:
    user = User.objects.create_user(name, password="x", is_staff=True, is_superuser=superuser)
    user.groups.set(Group.objects.filter(name__in=groups))
    return Actor(User.objects.get(pk=user.pk))


@pytest.fixture(autouse=True)
def _engine(db: None) -> None:
    Engine.objects.get_or_create(pk=1)


@pytest.fixture
def ann(db: None) -> Actor:
    return person("ann", "Author")


@pytest.fixture
def bob(db: None) -> Actor:
    return person("bob", "Approver", "Operator")


@pytest.fixture
def carla(db: None) -> Actor:
    return person("carla", "Approver")


@pytest.fixture
def program(bob: Actor) -> Actor:
    """A token that Bob answers for."""
    token, _ = ApiToken.issue(user_id=bob.person.pk, name="content-agent", scopes=["posts:write"])
    return Actor(bob.person, token)


@pytest.fixture
def channels(db: None) -> list[Channel]:
    connection = Connection.objects.create(
        provider="publer", workspace="ws1", base_url="http://publer.invalid"
    )
    return [
        Channel.objects.create(
            connection=connection, account_id=f"acc-{network}", network=network, name="Kiln & Linen"
        )
        for network in ("twitter", "linkedin")
    ]


@pytest.fixture
def content(channels: list[Channel]) -> Content:
    return Content(text="Three bowls, one shelf.", channels=channels)


@pytest.fixture
def pending(ann: Actor, content: Content) -> Post:
    post = create(ann, content, title="Bowls")
    return submit(post.pk, ann)
