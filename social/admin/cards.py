"""What the integrations page says about each provider: one card, in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from integrations.connections import Connection
from integrations.credentials import Credential
from integrations.publer import oauth
from social import limits
from social.admin.limits import Limit, meter
from social.explain import Situation, moment, paused_words, span
from social.publishing import access, providers


@dataclass(frozen=True)
class Fact:
    """A line of a card; `tone` is "", "amber" or "red"."""

    name: str
    words: str
    tone: str = ""


@dataclass(frozen=True)
class Card:
    """`pill` and `state`: the state in words. `hint`: what to do where nothing is connected. `source`: where
    the credential stands. The rest: what may be pressed."""

    provider: str
    name: str
    pill: str
    state: str
    facts: Sequence[Fact] = field(default=())
    limit: Limit | None = None
    hint: str = ""
    source: str = ""
    set_up: bool = False
    paused: bool = False
    may_try_now: bool = False
    may_connect: bool = False
    connect_words: str = ""
    may_keep_key: bool = False
    key_words: str = "Use a key"
    may_renew: bool = False
    may_disconnect: bool = False
    urgent: bool = False


def cards(situation: Situation) -> list[Card]:
    """Publer's first, then those that the environment connects."""
    return [publer(situation), *(_other(one, situation) for one in providers.OTHERS)]


def publer(situation: Situation) -> Card:
    connection = situation.connection
    credential: Credential | None = getattr(connection, "credential", None) or access.stored()
    from_environment = bool(settings.PUBLER_API_KEY)
    if not from_environment and (credential is None or connection is None):
        return Card(
            "publer",
            "Publer",
            "off",
            "Not connected",
            hint=_how_to_connect(),
            may_connect=oauth.is_offered(),
            connect_words="Connect",
            may_keep_key=True,
            urgent=True,
        )
    own = None if from_environment else credential
    ended = own is not None and own.ended_at is not None
    ends_soon = own is not None and own.ends_within(access.ENDS_SOON, situation.now)
    pill, state = _state(connection, own, situation)
    grant = own is not None and own.kind == Credential.Kind.OAUTH
    paused = connection is not None and connection.is_paused(situation.now)
    waits = bool(connection and connection.not_before and connection.not_before > situation.now)
    limit = meter(limits.publer(situation), situation)
    return Card(
        "publer",
        "Publer",
        pill,
        state,
        facts=[*_facts(connection, own, from_environment, situation), *_waiting(limit)],
        limit=limit,
        source=_source(own, credential),
        set_up=True,
        paused=paused,
        may_try_now=waits,
        may_connect=own is not None and oauth.is_offered(),
        connect_words="Connect again" if grant else "Connect instead",
        may_keep_key=own is not None,
        key_words="Use a key instead" if grant else "Replace key",
        may_renew=grant and not ended and bool(own and own.renewal),
        may_disconnect=own is not None,
        urgent=grant and (ended or ends_soon) and not paused,
    )


def _how_to_connect() -> str:
    if oauth.is_offered():
        return (
            "Nothing can be published. Connect, and allow HotDash at Publer; or keep a key here, encrypted."
        )
    return (
        "Nothing can be published. Keep a key here, encrypted, or put PUBLER_API_KEY into the environment. "
        "People can go on writing and approving."
    )


def _state(connection: Connection | None, own: Credential | None, situation: Situation) -> tuple[str, str]:
    if connection is not None and connection.is_paused(situation.now):
        return "paused", "Paused"
    if own is not None and own.ended_at:
        return "failed", "Taken back"
    if connection is not None and connection.trouble:
        limiter = situation.limiter
        by_itself = limiter is not None and limiter.paused_until and limiter.paused_until > situation.now
        words = str(connection.get_trouble_display()).capitalize()
        return "failed", f"{words}, paused" if by_itself else words
    if own is not None and own.ends_at and own.ends_within(access.ENDS_SOON, situation.now):
        left = (own.ends_at - situation.now).total_seconds()
        return "pending", f"Ends in {span(left)}" if left > 0 else "Ended"
    if connection is None or not connection.workspace:
        return "queued", "Not read yet"
    return "connected", "Connected"


def _facts(
    connection: Connection | None, own: Credential | None, from_environment: bool, situation: Situation
) -> list[Fact]:
    who = "not known yet"
    if connection is not None and connection.workspace:
        who = connection.name or connection.workspace
        who += ", a sandbox: nothing is public" if connection.is_sandbox else ""
    facts = [Fact("Connected as", who), Fact("Address", settings.PUBLER_BASE_URL)]
    if connection is None:
        return facts
    if connection.is_paused(situation.now):
        facts.append(Fact("Paused", f"{paused_words(connection)}.", "amber"))
    facts += _since(connection)
    facts.append(_end(own, from_environment, situation.now))
    facts += _calls(connection, situation.now)
    if connection.batch_limit:
        words = f"at most {connection.batch_limit} posts a request, since Publer refused a larger one"
        facts.append(Fact("Batches", words))
    return facts


def _since(connection: Connection) -> list[Fact]:
    return [Fact("Since", moment(connection.connected_at))] if connection.connected_at else []


def _end(own: Credential | None, from_environment: bool, now: datetime) -> Fact:
    name = "Key ends" if own is None or own.kind == Credential.Kind.KEY else "Token ends"
    if own is None or own.kind == Credential.Kind.KEY:
        return Fact(name, "not known to end")
    if own.ended_at:
        return Fact(name, f"taken back at Publer, noticed {moment(own.ended_at)}", "red")
    if own.ends_at is not None:
        return Fact(name, moment(own.ends_at), "amber" if own.ends_within(access.ENDS_SOON, now) else "")
    if own.expires_at is not None:
        return Fact(name, f"{moment(own.expires_at)}, renewed by itself before")
    return Fact(name, "does not end")


def _calls(connection: Connection, now: datetime) -> list[Fact]:
    took = f", answered in {connection.last_ok_milliseconds} ms" if connection.last_ok_milliseconds else ""
    facts = [
        Fact("Last answer", f"{moment(connection.last_ok_at)}{took}" if connection.last_ok_at else "none yet")
    ]
    if connection.trouble:
        since = f" Since {moment(connection.trouble_since)}." if connection.trouble_since else ""
        again = connection.not_before
        later = f" It is tried again at {moment(again)}." if again and again > now else ""
        return [*facts, Fact("Trouble", f"{connection.trouble_words}{since}{later}", "red")]
    if connection.last_error_at:
        return [*facts, Fact("Last error", f"{moment(connection.last_error_at)}: {connection.last_error}")]
    return [*facts, Fact("Last error", "none")]


def _source(own: Credential | None, stored: Credential | None) -> str:
    if own is None:
        rests = " The one that is kept here rests meanwhile." if stored else ""
        return f"The key is from the environment, never shown here.{rests}"
    by = f" by {own.made_by.get_full_name() or own.made_by.get_username()}" if own.made_by else ""
    return f"{str(own.get_kind_display()).capitalize()}, kept encrypted since {moment(own.made_at)}{by}."


def _other(one: providers.Other, situation: Situation) -> Card:
    name = one.provider.label
    if not one.is_set_up():
        hint = f"Not needed for publishing. To connect it, put {one.names} into the environment."
        return Card(one.provider, name, "off", "Not connected", hint=hint)
    row = providers.row_of(one)
    pill, state = "connected", "Connected"
    if row.is_paused(situation.now):
        pill, state = "paused", "Paused"
    elif row.trouble:
        pill, state = "failed", str(row.get_trouble_display()).capitalize()
    elif row.last_ok_at is None:
        pill, state = "queued", "Not tried yet"
    facts = [Fact("Connected as", row.name or row.workspace), Fact("Address", row.base_url)]
    if row.is_paused(situation.now):
        facts.append(Fact("Paused", f"{paused_words(row)}.", "amber"))
    limit = meter(limits.of(one, row, providers.limiter_state(one), situation.now), situation)
    facts += [*_since(row), *_calls(row, situation.now), *_waiting(limit)]
    return Card(
        one.provider,
        name,
        pill,
        state,
        facts=facts,
        limit=limit,
        source="From the environment, never shown here.",
        set_up=True,
        paused=row.is_paused(situation.now),
    )


def _waiting(limit: Limit) -> list[Fact]:
    """How many wait for the limit, for what, and until when."""
    return [Fact("Waiting", limit.waits)] if limit.waits else []
