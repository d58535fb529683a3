"""The desk for what nobody can establish: what is known of a delivery, and where a person looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from social.explain import Situation, moment
from social.models import Delivery
from social.networks import daily_limit
from social.networks.places import profile_url, provider_url

D = Delivery.Status
FRESH = 120
"""Seconds in which a look counts as fresh."""


@dataclass(frozen=True)
class Fact:
    """Something that is known: `sure`, or a question that it leaves open."""

    sure: bool
    words: str
    code: str = ""
    at: str = ""


@dataclass(frozen=True)
class Place:
    """Where to look. `href` is "" where nothing that is known leads there."""

    mark: str
    name: str
    more: str
    href: str


@dataclass(frozen=True)
class Candidate:
    """A listed post that may be this one, beside what was sent."""

    id: str
    text: str
    state: str
    at: str
    link: str


@dataclass(frozen=True)
class Unsure:
    """One delivery that a person decides about."""

    row: Delivery
    sent: str
    facts: Sequence[Fact]
    places: Sequence[Place]
    text: str
    candidates: Sequence[Candidate]
    fresh: bool


def unsure(row: Delivery, situation: Situation) -> Unsure:
    """What the desk says about a delivery whose outcome a person has to say."""
    text = row.revision.text_for(row.channel.network)
    return Unsure(
        row=row,
        sent=_sent(row),
        facts=_facts(row, situation),
        places=places(row, situation),
        text=text,
        candidates=_candidates(row),
        fresh=row.looked_from is not None and (situation.now - row.looked_from).total_seconds() < FRESH,
    )


def _sent(row: Delivery) -> str:
    at = row.submission.stamped_at if row.submission else row.goes_at
    if at is None:
        return ""
    times = "once," if row.attempts <= 1 else f"{row.attempts} times, last"
    return f"We sent it {times} at {exact(at)}."


def _facts(row: Delivery, situation: Situation) -> list[Fact]:
    job, facts = row.submission, []
    if job is not None and job.job_id:
        facts.append(Fact(True, "Publer accepted the job", job.job_id, exact(job.answered_at)))
    elif job is not None:
        status = f" (it had the status {job.http_status})" if job.http_status else ""
        facts.append(Fact(False, f"Publer's answer was lost{status}", "", exact(job.answered_at)))
    if job is not None and job.polls:
        times = "Asked once since" if job.polls == 1 else f"Asked {job.polls} times since"
        said = f", the last answer was “{job.job_state}”" if job.job_state else ""
        facts.append(Fact(False, f"{times}{said}", "", exact(job.polled_at)))
    facts.append(_listed(row))
    if row.provider_words:
        facts.append(Fact(False, f"Publer said: “{row.provider_words}”"))
    facts.append(_connection(row, situation))
    return facts


def _listed(row: Delivery) -> Fact:
    if row.candidates:
        number = len(row.candidates)
        what = "post that may be it" if number == 1 else "posts that may be it"
        return Fact(False, f"Publer lists {number} {what}", "", exact(row.looked_from))
    if row.looked_from is None:
        return Fact(False, "Publer's list could not be read from end to end yet")
    return Fact(False, "Not in Publer's list, read from end to end", "", exact(row.looked_from))


def _connection(row: Delivery, situation: Situation) -> Fact:
    """Whether Publer can be asked at all; and whether a limit explains it."""
    connection, name = situation.connection, row.channel.network_name
    if connection is None or connection.pk != row.connection_id:
        return Fact(False, "Its workspace is not connected now, so nothing can be looked for")
    if connection.trouble:
        return Fact(False, f"{connection.trouble_words} Nothing can be looked for meanwhile")
    limit = daily_limit(row.channel.network, row.channel.kind, settings.PUBLER_PLAN)
    if limit is None:
        return Fact(True, "Publer's connection is fine")
    used = Delivery.objects.filter(
        channel=row.channel_id,
        status__in=[*Delivery.IN_AIR, D.PUBLISHED],
        goes_at__gt=situation.now - timedelta(hours=24),
        goes_at__lte=situation.now,
    ).exclude(pk=row.pk)
    return Fact(True, f"{name}: {used.count()} of {limit} used in 24 hours; the connection is fine")


def places(row: Delivery, situation: Situation) -> list[Place]:
    """The account itself, and Publer (or the feed that stands in for both)."""
    channel, job = row.channel, row.submission
    since = f"Posts since {moment(row.goes_at)}" if row.goes_at else "The newest posts"
    feed = situation.connection.sandbox_feed if situation.connection else ""
    if feed:
        there = Place("publer", "The sandbox's feed", f"{since}. Opens in a new tab", feed)
        return [Place(channel.network, str(channel), since, ""), there]
    account = profile_url(channel)
    name = _bare(account) if account else str(channel)
    return [
        Place(channel.network, name, f"{since}. Opens in a new tab" if account else since, account),
        Place(
            "publer",
            f"Publer, job {job.job_id}" if job is not None and job.job_id else "Publer",
            "Sign-in needed. Opens in a new tab",
            provider_url(row.connection),
        ),
    ]


def _candidates(row: Delivery) -> list[Candidate]:
    return [
        Candidate(
            id=str(one.get("id", "")),
            text=str(one.get("text") or ""),
            state=_state(str(one.get("state") or "")),
            at=_when(one.get("at")),
            link=str(one.get("link") or ""),
        )
        for one in row.candidates
    ]


def _state(state: str) -> str:
    """Publer's own word, as people say it: "published_hidden" is "published, hidden"."""
    return state.replace("_", ", ")


def _when(at: object) -> str:
    try:
        return moment(datetime.fromisoformat(str(at)))
    except ValueError:
        return ""


def exact(at: datetime | None) -> str:
    """To the second, so that it can be found again elsewhere; with the day where it is not today."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    words = moment(at)
    return words.replace(f"{local:%H:%M}", f"{local:%H:%M:%S}")


def _bare(address: str) -> str:
    return address.split("://", 1)[-1].removeprefix("www.").rstrip("/")
