"""The audit trail of a post, as sentences: newest first, by day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from social.models import Event, Post
from social.moments import moment

TOLD = 200
"""Events that a page reads; the rest is counted."""
_A_MINUTE = timedelta(minutes=1)

_PEOPLE = {
    # verb        tone     words after the name
    "create": ("", "proposed this post"),
    "edit": ("", "wrote {note}"),
    "reschedule": ("", "moved its time{times}"),
    "submit": ("", "asked for approval"),
    "withdraw": ("", "took it out of review"),
    "approve": ("accent", "approved {note}"),
    "reject": ("rose", "rejected it"),
    "undo": ("amber", "took the decision back: it waits again"),
    "cancel": ("grey", "cancelled it"),
    "stop": ("grey", "stopped {note}"),
    "retry": ("accent", "tried again"),
    "recall": ("amber", "recalled it"),
    "publish": ("accent", "sent it at once"),
    "move": ("accent", "moved its time{times}: {note}"),
    "resubmit": ("amber", "moved its time{times}: {note}"),
    "drop": ("grey", "dropped {note}"),
    "settle": ("accent", "decided: {note}"),
    "changed": ("", "took it back from Publer: it is {note} now, and needs a new approval"),
    "too late": ("amber", "could not change it any more: it was {note}"),
}
_ENGINE = {
    # what happened            tone     words; {on} is the channel's network
    "stamped": ("", "Sent to Publer for {on}"),
    "looked for first": ("", "Looked for at Publer first, for {on}"),
    "not sent": ("amber", "Publer could not be reached to hand over {on}: tried again"),
    "refused": ("amber", "Publer refused a request that carried {on}: tried again"),
    "refused alone": ("red", "Publer refused it for {on}"),
    "cannot be built": ("red", "Cannot be sent to {on} as it is"),
    "outcome unknown": ("plum", "No clear answer for {on}: being looked for"),
    "taken over": ("", "Publer works on {on}"),
    "told to wait": ("amber", "{on} asks to wait: tried again"),
    "told to wait, unsure": ("plum", "{on} asks to wait; whether it went out is looked for"),
    "failed there": ("red", "{on} did not take it"),
    "job unclear": ("plum", "Publer does not say what became of {on}: being looked for"),
    "found scheduled": ("blue", "Publer has it for later, for {on}"),
    "published": ("green", "Published on {on}"),
    "put to a person": ("plum", "Not confirmed on {on}: somebody has to say"),
    "not live yet": ("", "Not live yet on {on}: may be sent"),
    "proved not taken": ("", "Was not taken for {on}: sent again"),
    "recalled": ("grey", "Taken off at Publer, for {on}"),
    "recalled to be moved": ("", "Taken off at Publer, for {on}, to be sent at another time"),
}
_ROLLED_UP = set(Post.Status.values)
# The reason of a rejection is a quotation; other notes stand in the sentence, or are the engine's own.
_QUOTED = {"reject"}


@dataclass(frozen=True)
class Moment:
    """One line. `who` is bold, "" where HotDash itself did it; `quote` is what somebody wrote."""

    at: datetime
    tone: str
    who: str
    words: str
    quote: str = ""


@dataclass(frozen=True)
class Day:
    """A day's lines; `title` is "" for today."""

    title: str
    moments: Sequence[Moment]


@dataclass(frozen=True)
class Timeline:
    days: Sequence[Day]
    number: int


def timeline(post: Post) -> Timeline:
    """What happened to a post: two queries."""
    newest = list(post.events.select_related("delivery__channel").order_by("-id")[:TOLD])
    number = len(newest) if len(newest) < TOLD else post.events.count()
    return Timeline(_by_day(_moments(newest)), number)


def _moments(newest: Iterable[Event]) -> list[Moment]:
    moments = []
    for run in _runs(newest):
        # What several channels did within a minute is one line each kind.
        alike: dict[str, list[Event]] = {}
        for event in run:
            alike.setdefault(event.verb, []).append(event)
        moments += [_moment(events) for events in alike.values()]
    return moments


def _runs(newest: Iterable[Event]) -> Iterable[list[Event]]:
    """Neighbours that the engine did within a minute; what a person did stands alone."""
    run: list[Event] = []
    for event in newest:
        if event.delivery_id is None and event.verb in _ROLLED_UP:
            continue  # what the deliveries' own lines say already
        if run and not _together(run[0], event):
            yield run
            run = []
        run.append(event)
    if run:
        yield run


def _together(one: Event, other: Event) -> bool:
    return None not in (one.delivery_id, other.delivery_id) and one.created_at - other.created_at < _A_MINUTE


def _moment(events: Sequence[Event]) -> Moment:
    event = events[0]
    if event.delivery is not None:
        tone, words = _ENGINE.get(event.verb, ("", event.verb.capitalize() + " ({on})"))
        names = list(dict.fromkeys(e.delivery.channel.network_name for e in reversed(events) if e.delivery))
        return Moment(event.created_at, tone, "", words.format(on=_joined(names)))
    tone, words = _PEOPLE.get(event.verb, ("", event.verb))
    quote = event.note if event.verb in _QUOTED else ""
    if event.verb == "reject" and event.data.get("changes_asked"):
        words = "asked for changes"
    if event.verb == "withdraw" and event.from_status != Post.Status.PENDING:
        words = "took the approval back"
    if event.verb == "create" and event.data.get("copied_from"):
        words = "made this post as {note}"
    words = words.format(note=event.note or "it", times=_times(event))
    return Moment(event.created_at, tone, event.actor_name, words, quote)


def told(event: Event) -> Moment:
    """One line of the trail of all posts."""
    return _moment([event])


def _times(event: Event) -> str:
    """From when to when something was moved, in the reader's zone."""
    at = {key: parse_datetime(event.data.get(key) or "") for key in ("from", "to")}
    return "".join(f" {key} {moment(when)}" for key, when in at.items() if when)


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _by_day(moments: Iterable[Moment]) -> list[Day]:
    days: dict[str, list[Moment]] = {}
    today = timezone.localdate()
    for one in moments:
        day = timezone.localtime(one.at).date()
        title = "" if day == today else f"{day:%A}, {day.day} {day:%B}"
        if day.year != today.year:
            title += f" {day.year}"
        days.setdefault(title, []).append(one)
    return [Day(title, found) for title, found in days.items()]
