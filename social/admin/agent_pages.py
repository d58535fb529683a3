"""Who proposes: all agents with their records, and one agent with what it was told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, F, QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString

from social import agents, feedback
from social.agents import REJECTED, WITH_EDITS, Quota, Record
from social.explain import moment
from social.models import ApiToken, Approval, Revision, Told
from social.worddiff import word_diff

ROWS = 30
TOLD = 15
WIDTH = 300
"""Of a bar, in its own measure."""
SHOWN = {"all": (WITH_EDITS, REJECTED), "rejected": (REJECTED,), "edited": (WITH_EDITS,)}
FIELDS = {
    "link": "Link",
    "channels": "Channels",
    "scheduled_at": "Time",
    "media": "Pictures",
    "alt_texts": "Alternative text",
}


@dataclass(frozen=True)
class Segment:
    """A part of a bar: `kind` 1 as it was, 2 with edits, 3 rejected."""

    kind: int
    x: int
    width: int


def bar(record: Record) -> list[Segment]:
    """A record as a bar, two apart."""
    segments: list[Segment] = []
    x = 0
    for kind, count in enumerate((record.as_it_was, record.with_edits, record.rejected), 1):
        if count:
            width = max(4, round(WIDTH * count / record.total) - 2)
            segments.append(Segment(kind, x, width))
            x += width + 2
    return segments


@dataclass(frozen=True)
class Row:
    """One agent in the list. `left`: what its quota still gives; None where it has none."""

    token: ApiToken
    used: int
    words: str
    is_full: bool
    record: Record
    bar: list[Segment]
    last: Approval | None

    @property
    def is_on(self) -> bool:
        return self.token.usable and self.token.stopped_at is None

    @property
    def low(self) -> int:
        """From here on the quota's meter is amber."""
        return int((self.token.daily_quota or 0) * 0.8)


@dataclass(frozen=True)
class Week:
    """A point of the line: per cent approved as it was, in the drawing's own measure (320 × 74)."""

    x: int
    y: int
    share: int


@dataclass(frozen=True)
class Line:
    """One agent's weeks as a line, those in which nothing was decided left out."""

    token: ApiToken
    weeks: Sequence[Week]
    before: str

    @property
    def points(self) -> str:
        return " ".join(f"{week.x},{week.y}" for week in self.weeks)

    @property
    def label(self) -> str:
        return f"{', '.join(str(week.share) for week in self.weeks)} per cent"


def everybody() -> QuerySet[ApiToken]:
    """All agents: those that work first, those that are revoked last."""
    return ApiToken.objects.select_related("user", "stopped_by").order_by(
        F("revoked_at").asc(nulls_first=True), F("stopped_at").asc(nulls_first=True), "name", "id"
    )


def the_list(number: str) -> dict[str, Any]:
    """What the list of agents shows; the number of queries does not grow with theirs."""
    now = timezone.now()
    page = Paginator(everybody(), ROWS).get_page(number)
    tokens = list(page.object_list)
    used, waits = agents.proposed_today(tokens), agents.waiting(tokens)
    records, last = agents.records(tokens, now), agents.last_words(tokens)
    rows = [
        _row(token, used.get(token.pk, 0), waits.get(token.pk, 0), records.get(token.pk), last.get(token.pk))
        for token in tokens
    ]
    counted = agents.reasons(tokens, now)
    return {
        "page": page,
        "rows": rows,
        "on": sum(row.is_on for row in rows),
        "stopped": sum(not row.is_on for row in rows),
        "reasons": counted,
        "most": counted[0][1] if counted else 1,
        "line": _line(rows, now),
    }


def _row(token: ApiToken, used: int, waits: int, record: Record | None, last: Approval | None) -> Row:
    is_full = token.daily_quota is not None and used >= token.daily_quota
    if token.revoked_at:
        words = f"revoked {moment(token.revoked_at)}"
    elif not token.usable:
        words = f"off: {token.user.get_full_name() or token.user.get_username()} is deactivated"
    elif token.stopped_at:
        words = f"stopped {moment(token.stopped_at)}"
    elif is_full:
        words = f"used up until {moment(agents.today()[1])}"
    elif waits:
        words = f"waits for {waits} decision{'' if waits == 1 else 's'}"
    else:
        words = "waits for no decision"
    record = record or Record()
    return Row(
        token, used, words, is_full and token.usable and not token.stopped_at, record, bar(record), last
    )


def _line(rows: Sequence[Row], now: datetime) -> Line | None:
    """Whether the agent about which most was decided gets better."""
    row = max(rows, key=lambda row: row.record.total, default=None)
    if row is None or not row.record.total:
        return None
    found = agents.weeks(row.token, now)
    step = 284 // (agents.WEEKS - 1)
    weeks = [
        Week(30 + step * number, 73 - round(72 * record.share / 100), record.share)
        for number, record in enumerate(found)
        if record.total
    ]
    if not weeks:
        return None
    ago = next(number for number in range(agents.WEEKS) if found[agents.WEEKS - 1 - number].total)
    first = agents.WEEKS - 1 - next(number for number, record in enumerate(found) if record.total)
    if first == ago:
        return Line(row.token, weeks, "")
    return Line(row.token, weeks, f"{weeks[0].share} % {first} week{'' if first == 1 else 's'} ago")


# ---------------------------------------------------------------------------------------- one agent
@dataclass(frozen=True)
class Change:
    """One field, what was proposed and what came; `name` is "" for the text."""

    name: str
    shown: SafeString


@dataclass(frozen=True)
class Heard:
    """One decision that says something, and what the agent did with it. `is_open`: nothing yet."""

    decision: Approval
    pill: str
    pill_words: str
    changes: list[Change]
    words: str
    is_open: bool
    picture: str


def one(token: ApiToken, shown: str, number: str) -> dict[str, Any]:
    """What the page of one agent shows; the number of queries does not grow with what it was told."""
    now = timezone.now()
    shown = shown if shown in SHOWN else "all"
    rows = agents.decisions([token], token.created_at)
    counts: dict[str, int] = dict(rows.values_list("outcome").annotate(n=Count("pk")))
    ids = rows.filter(outcome__in=SHOWN[shown]).order_by("-pk").values_list("pk", flat=True)
    page = Paginator(ids, TOLD).get_page(number)
    told = dict(
        Told.objects.filter(token=token, decision__in=list(page.object_list)).values_list("decision", "at")
    )
    decided = feedback.decisions().filter(pk__in=list(page.object_list)).order_by("-id")
    quota = agents.quota_of(token)
    record = agents.records([token], now).get(token.pk, Record())
    return {
        "token": token,
        "page": page,
        "heard": [_heard(row, token, told.get(row.pk)) for row in decided],
        "tabs": [
            ("all", "All", counts.get(REJECTED, 0) + counts.get(WITH_EDITS, 0)),
            ("rejected", "Rejected", counts.get(REJECTED, 0)),
            ("edited", "Edited", counts.get(WITH_EDITS, 0)),
        ],
        "shown": shown,
        "record": record,
        "bar": bar(record),
        "quota": quota,
        "quota_low": int(quota.limit * 0.8) if quota else 0,
        "quota_words": _quota_words(quota),
        "used": agents.proposed_today([token]).get(token.pk, 0),
        "instructions": [line.strip() for line in token.instructions.splitlines() if line.strip()],
    }


def _quota_words(quota: Quota | None) -> str:
    return f"{quota.used} of {quota.limit}, free again {moment(quota.resets_at)}" if quota else ""


def _heard(decision: Approval, token: ApiToken, told: datetime | None) -> Heard:
    said = feedback.feedback_of(decision)
    after = _answer(decision, said.decided, token)
    rejected = decision.decision == Approval.Decision.REJECTED
    changes = feedback.changes(said.decided, after) if rejected and after else said.fields
    media = next(iter(said.decided.revision_media.all()), None)
    words, is_open = _words(told, after, decision)
    return Heard(
        decision=decision,
        pill="changes_asked" if decision.changes_asked else "rejected" if rejected else "approved",
        pill_words=_pill_words(decision, said.decided) if rejected else "Approved with edits",
        changes=[_change(field) for field in changes],
        words=words,
        is_open=is_open,
        picture=media.media_id if media else "",
    )


def _pill_words(decision: Approval, revision: Revision) -> str:
    return f"{'Changes asked' if decision.changes_asked else 'Rejected'}, revision {revision.number}"


def _answer(decision: Approval, decided: Revision, token: ApiToken) -> Revision | None:
    """The agent's first revision after the decision."""
    return next(
        (
            revision
            for revision in decision.post.revisions.all()
            if revision.number > decided.number and revision.token_id == token.pk
        ),
        None,
    )


def _words(told: datetime | None, after: Revision | None, decision: Approval) -> tuple[str, bool]:
    came = f"Revision {after.number} came {moment(after.created_at)}." if after else ""
    if told is None:
        return (came, False) if came else ("Not read by the agent yet.", True)
    if decision.changes_asked and not came:
        return f"Read by the agent {moment(told)}, and not answered yet.", True
    return f"Read by the agent {moment(told)}. {came}".strip(), False


def _change(field: feedback.Field) -> Change:
    network = field.name.split(".")[1] if field.name.startswith("overrides.") else ""
    name = f"Text for {network}" if network else FIELDS.get(field.name, "")
    return Change(name, word_diff(field.proposed, field.decided))
