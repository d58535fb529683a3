"""Posts that wait for their approval, by the thousand: as rows, since making them is not what is measured."""

from collections.abc import Iterator, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import OuterRef, Subquery

from social import clock
from social.models import Channel, Post, Revision
from social.models.revision import content_hash

BATCH = 500


def text_channels(number: int) -> list[Channel]:
    """So many channels that take a text alone."""
    found = Channel.objects.exclude(network="instagram").select_related("connection").order_by("pk")
    channels = list(found[:number])
    if len(channels) < number:
        raise ValueError(f"only {len(channels)} channels of {number}: give the sandbox more accounts")
    return channels


def in_turn(channels: Sequence[Channel], each: int) -> Iterator[list[Channel]]:
    """The channels of one post after the other, in turn, so that all have equally many."""
    place = 0
    while True:
        yield [channels[(place + n) % len(channels)] for n in range(each)]
        place = (place + each) % len(channels)


def make_pending(number: int, channels_of: Iterator[Sequence[Channel]], words: str = "Piece") -> list[int]:
    """Posts by Ann that wait for approval, each with its own words; their ids."""
    author = User.objects.get(username="ann")
    made: list[int] = []
    for start in range(0, number, BATCH):
        texts = [f"{n} {words}: three bowls and a shelf." for n in range(start, min(number, start + BATCH))]
        with transaction.atomic():
            made += _make(author, texts, channels_of)
    return made


def _make(author: User, texts: Sequence[str], channels_of: Iterator[Sequence[Channel]]) -> list[int]:
    now = clock.now()
    posts = Post.objects.bulk_create(Post(author=author, sort_at=now) for _ in texts)
    chosen = [list(next(channels_of)) for _ in texts]
    revisions = Revision.objects.bulk_create(
        Revision(
            post=post,
            number=1,
            text=text,
            created_by=author,
            created_at=now,
            content_hash=content_hash(
                text=text,
                overrides={},
                link="",
                media=[],
                channels=[channel.address for channel in channels],
                scheduled_at=None,
            ),
        )
        for post, text, channels in zip(posts, texts, chosen, strict=True)
    )
    Revision.channels.through.objects.bulk_create(
        Revision.channels.through(revision_id=revision.pk, channel_id=channel.pk)
        for revision, channels in zip(revisions, chosen, strict=True)
        for channel in channels
    )
    own = Revision.objects.filter(post=OuterRef("pk"), number=1).values("pk")[:1]
    made = [post.pk for post in posts]
    Post.objects.filter(pk__in=made).update(status=Post.Status.PENDING, revision_id=Subquery(own))
    return made
