"""Finished posts by the thousand, for measuring."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, models, transaction

from social import clock, networks
from social.demo.seed import channels, person
from social.models import Approval, Channel, Delivery, Event, Post, Revision
from social.models.revision import content_hash

BATCH = 5000
APART = timedelta(minutes=10)
TITLE = "Finished post "
Row = Mapping[str, Any]


def top_up(number: int) -> int:
    """See to it that there are so many finished posts, ten minutes apart; return how many were made.

    They are written as rows, past the workflow and the models: those take minutes for what this takes a
    moment for. Raises `NoChannels`.
    """
    accounts = channels()
    author, approver = person("ann"), person("bob")
    had = Post.objects.filter(title__startswith=TITLE, source=Post.Source.IMPORT).count()
    now = clock.now().replace(microsecond=0)
    for start in range(had, number, BATCH):
        with transaction.atomic():
            _make(range(start, min(start + BATCH, number)), accounts, author, approver, now)
    return max(0, number - had)


def _make(
    numbers: Sequence[int], accounts: list[Channel], author: User, approver: User, now: datetime
) -> None:
    """Each is written with the id of what it belongs to, so that no row is written twice."""
    posts, revisions = _new_ids(Post, len(numbers)), _new_ids(Revision, len(numbers))
    made = [
        _Finished(number, post, revision, accounts[number % len(accounts)], now - APART * (number + 1))
        for number, post, revision in zip(numbers, posts, revisions, strict=True)
    ]
    _write(Post, (one.as_post(author) for one in made))
    _write(Revision, (one.as_revision(author) for one in made))
    _write(
        Revision.channels.through,
        ({"revision": one.revision, "channel": one.channel.pk} for one in made),
    )
    _write(Approval, (one.as_approval(approver) for one in made))
    _write(Delivery, (one.as_delivery() for one in made))
    _write(Event, (event for one in made for event in one.as_events(author, approver)))


class _Finished:
    """One post that was proposed, approved and published at its time."""

    def __init__(self, number: int, post: int, revision: int, channel: Channel, at: datetime) -> None:
        self.number, self.post, self.revision, self.channel = number, post, revision, channel
        self.at = connection.ops.adapt_datetimefield_value(at)
        self.text = f"Piece {number + 1} left the kiln in one piece."
        self.hash = content_hash(
            text=self.text, overrides={}, link="", media=[], channels=[channel.address], scheduled_at=None
        )

    def as_post(self, author: User) -> Row:
        return {
            "id": self.post,
            "author": author.pk,
            "title": f"{TITLE}{self.number + 1}",
            "source": Post.Source.IMPORT,
            "status": Post.Status.PUBLISHED,
            "revision": self.revision,
            "sort_at": self.at,
            "published_at": self.at,
            "created_at": self.at,
            "updated_at": self.at,
        }

    def as_revision(self, author: User) -> Row:
        return {
            "id": self.revision,
            "post": self.post,
            "number": 1,
            "text": self.text,
            "created_by": author.pk,
            "content_hash": self.hash,
            "created_at": self.at,
        }

    def as_approval(self, approver: User) -> Row:
        return {
            "post": self.post,
            "revision": self.revision,
            "content_hash": self.hash,
            "decision": Approval.Decision.APPROVED,
            "user": approver.pk,
            "created_at": self.at,
        }

    def as_delivery(self) -> Row:
        return {
            "post": self.post,
            "channel": self.channel.pk,
            "connection": self.channel.connection_id,
            "revision": self.revision,
            "status": Delivery.Status.PUBLISHED,
            "approved_hash": self.hash,
            "fingerprint": networks.fingerprint(self.text),
            "due_at": self.at,
            "goes_at": self.at,
            "created_at": self.at,
            "published_at": self.at,
            "provider_post_id": f"finished-{self.number + 1}",
        }

    def as_events(self, author: User, approver: User) -> Iterable[Row]:
        for actor, verb, before, after in (
            (author, "create", "", "draft"),
            (author, "submit", "draft", "pending"),
            (approver, "approve", "pending", "approved"),
        ):
            yield {
                "post": self.post,
                "actor": actor.pk,
                "actor_name": actor.get_full_name() or actor.get_username(),
                "is_person": True,
                "verb": verb,
                "from_status": before,
                "to_status": after,
                "created_at": self.at,
            }


def _new_ids(model: type[models.Model], number: int) -> Sequence[int]:
    """Ids that nobody else gets. On SQLite the running transaction keeps all other writers out."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, number],
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        last: int = cursor.fetchone()[0]
        return range(last + 1, last + 1 + number)


def _write(model: type[models.Model], rows: Iterable[Row]) -> None:
    """Write rows that name what differs from the fields' defaults, in the database's form; without an id, the
    database gives one."""
    first, *others = rows
    fields = [field for field in model._meta.concrete_fields if not field.primary_key or field.name in first]
    same = {f.name: f.get_db_prep_save(f.get_default(), connection) for f in fields if f.name not in first}
    in_order = itemgetter(*(field.name for field in fields))
    values = (in_order({**same, **row}) for row in (first, *others))
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for value in values:
                    copy.write_row(value)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values))  # noqa: S608
