"""Taking back what was handed over for later: over only when it is sure."""

from datetime import timedelta

from integrations.connections import Connection
from integrations.errors import OutcomeUnknown, Refused
from integrations.publer.client import PublerClient
from integrations.ratelimit import Priority
from social import clock
from social.models import Delivery
from social.workflow import deliveries as steps

D = Delivery.Status
AT_ONCE = 50


def ask(connection: Connection, publer: PublerClient) -> int:
    """Ask the provider to delete what people recall. What it names is recalled; a lost answer proves nothing,
    so the rest is looked for, and asked for again. Raises the client's errors but the unknown outcome."""
    now = clock.now()
    rows = list(
        Delivery.objects.filter(connection=connection, status=D.SCHEDULED, next_look_at__lte=now)
        .exclude(recall="")
        .select_related("channel", "post")
        .order_by("post_id", "pk")[:AT_ONCE]
    )
    if not rows:
        return 0
    named = _delete(publer, [row.provider_post_id for row in rows])
    moved = 0
    for row in rows:
        if row.provider_post_id in named:
            happened = "recalled" if row.recall == Delivery.Recall.CANCEL else "recalled to be moved"
            moved += steps.move(
                row,
                happened,
                only_if={"recall": row.recall, "provider_post_id": row.provider_post_id},
                recall="",
                provider_post_id="",
                former_ids=[*row.former_ids, row.provider_post_id],
                next_look_at=None,
                attempts=0,
                problem="",
                note="Publer names it deleted",
            )
    # Those not named stay due, so the look that follows in this pass sees what became of them.
    Delivery.objects.filter(pk__in=[row.pk for row in rows], status=D.SCHEDULED).update(
        next_look_at=clock.now() - timedelta(milliseconds=1)
    )
    return moved


def _delete(publer: PublerClient, ids: list[str]) -> set[str]:
    """The ids that Publer names as deleted. One that it does not know, or does not let go, stops no other,
    and no look."""
    try:
        return set(publer.delete_posts(ids, priority=Priority.PERSON))
    except OutcomeUnknown:
        return set()
    except Refused as error:
        if error.kind in ("auth", "rate_limited"):
            raise
        return set().union(*(_delete(publer, [one]) for one in ids)) if len(ids) > 1 else set()
