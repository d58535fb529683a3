"""What a decision tells those who proposed: what they wrote, what a person made of it, and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from django.db.models import Prefetch, QuerySet

from social.models import Approval, Channel, Post, Revision, RevisionMedia
from social.worddiff import Piece, pieces

Outcome = Literal["approved", "approved_with_edits", "changes_asked", "rejected"]


@dataclass(frozen=True)
class Field:
    """One field that a person changed. `diff` goes word by word through a text, and is empty for others."""

    name: str
    proposed: str
    decided: str
    diff: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Feedback:
    """One decision about one post; `proposed` is the proposer's last revision before it."""

    decision: Approval
    proposed: Revision
    decided: Revision
    fields: tuple[Field, ...]

    @property
    def outcome(self) -> Outcome:
        """In a word."""
        if self.decision.decision == Approval.Decision.APPROVED:
            return "approved_with_edits" if self.fields else "approved"
        return "changes_asked" if self.decision.changes_asked else "rejected"


def decisions() -> QuerySet[Approval]:
    """Decisions with all that feedback needs, in a number of queries that does not grow with theirs."""
    revisions = Revision.objects.prefetch_related(
        Prefetch("channels", Channel.objects.order_by("network", "account_id")),
        Prefetch("revision_media", RevisionMedia.objects.order_by("position")),
    ).order_by("number")
    return (
        # Where only the time moved, within the rule, the approval that stands is no new decision.
        Approval.objects.filter(kept_from=None)
        .select_related("post__author", "post__token", "user")
        .prefetch_related(Prefetch("post__revisions", revisions))
        .order_by("id")
    )


def feedback_of(decision: Approval) -> Feedback:
    """One of `decisions()`."""
    post, revisions = decision.post, list(decision.post.revisions.all())
    decided = next(revision for revision in revisions if revision.pk == decision.revision_id)
    proposed = _proposed(post, decided, revisions)
    return Feedback(decision, proposed, decided, tuple(changes(proposed, decided)))


def _proposed(post: Post, decided: Revision, revisions: Iterable[Revision]) -> Revision:
    own = [
        revision
        for revision in revisions
        if revision.number <= decided.number
        and (revision.created_by_id, revision.token_id) == (post.author_id, post.token_id)
        and not revision.in_review
    ]
    return own[-1] if own else decided


def changes(proposed: Revision, decided: Revision) -> Iterator[Field]:
    """What differs between two revisions, field by field."""
    before, after = _fields(proposed), _fields(decided)
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name, ""), after.get(name, "")
        if was != now:
            yield Field(name, was, now, tuple(pieces(was, now)) if _is_text(name) else ())


def _fields(revision: Revision) -> dict[str, str]:
    """Everything that the public sees, by the names of the API."""
    own = {
        f"overrides.{network}.{name}": str(value)
        for network, words in sorted(revision.overrides.items())
        for name, value in sorted(words.items())
    }
    return {
        "text": revision.text,
        **own,
        "link": revision.link,
        "channels": ", ".join(channel.account_id for channel in revision.channels.all()),
        "scheduled_at": revision.scheduled_at.isoformat() if revision.scheduled_at else "",
        "media": ", ".join(item.media_id for item in revision.revision_media.all()),
        "alt_texts": "\n".join(item.alt_text for item in revision.revision_media.all()),
    }


def _is_text(name: str) -> bool:
    return name in ("text", "alt_texts") or name.endswith((".text", ".first_comment"))
