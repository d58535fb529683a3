"""The connection to Publer: which workspace it is, what is wrong with it, and what people do with it."""

import contextlib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, User
from django.db import transaction
from django.db.models import Model, QuerySet
from pydantic import SecretStr

from integrations import notices
from integrations.connections import Connection
from integrations.credentials import Credential
from integrations.errors import BadAnswer, Held, NotSent, OutcomeUnknown, ProviderError, Refused
from integrations.notices import Notice
from integrations.publer import oauth
from integrations.publer.client import PublerClient
from integrations.publer.types import Workspace
from integrations.ratelimit import Limiter, LimiterState, LimiterUnavailable, Priority, limiter_for
from integrations.retry import Retry
from social import clock, workflow
from social.publishing import access
from social.publishing.access import Access

_Row = TypeVar("_Row", bound=Model)

LONGEST_WAIT = 60.0
"""Seconds between two tries of a connection in trouble, at most: after the mend everything goes out by
itself."""


REFUSALS_THAT_PAUSE = 3
"""Refusals of the key in a row from which on every call is held between two tries."""
PAUSE_SECONDS = 60.0
"""For how long the limiter is told of a person's pause; told again before each call while it lasts."""


def limiter() -> Limiter:
    """The limiter of the credential in use."""
    return limiter_for("publer", access.scope_of(None if settings.PUBLER_API_KEY else access.stored()))


def limiter_state() -> tuple[LimiterState | None, bool]:
    """What the limiter knows, and whether its store is down. Never raises, never waits long."""
    if not access.is_set_up():
        return None, False
    try:
        return limiter().state(), False
    except LimiterUnavailable:
        return None, True


def client(workspace: str) -> PublerClient:
    """A client for one workspace, with pooled connections. Raises as `access.access`."""
    let_in = access.access()
    _tell_of_pause(workspace)
    return _client_with(let_in, workspace)


def _client_with(let_in: Access, workspace: str) -> PublerClient:
    return _client(
        settings.PUBLER_BASE_URL,
        let_in,
        workspace,
        settings.PROVIDER_CONNECT_TIMEOUT,
        settings.PROVIDER_READ_TIMEOUT,
    )


@lru_cache(maxsize=8)
def _client(base_url: str, let_in: Access, workspace: str, connect: float, read: float) -> PublerClient:
    limiter = limiter_for("publer", let_in.scope)
    return PublerClient(base_url, let_in.secret, workspace, limiter, connect, read, scheme=let_in.scheme)


def _tell_of_pause(workspace: str) -> None:
    """The row is the truth: a store that was emptied learns again that a person paused the calls."""
    rows = Connection.objects.filter(
        provider=Connection.Provider.PUBLER, workspace=workspace, paused_at__isnull=False
    )
    paused = rows.first()
    if paused is not None:
        _hold_while_paused(paused)


def _hold_while_paused(connection: Connection) -> None:
    now = clock.now()
    if connection.is_paused(now):
        left = (connection.paused_until - now).total_seconds() if connection.paused_until else PAUSE_SECONDS
        _hold_calls(min(left, PAUSE_SECONDS), connection.pause_reason)


def _hold_calls(seconds: float, reason: str) -> None:
    with contextlib.suppress(LimiterUnavailable):  # then no call is let through at all
        limiter().pause(seconds, reason)


def _let_calls_go() -> None:
    with contextlib.suppress(LimiterUnavailable):  # the pause in there ends by itself
        limiter().resume()


def current() -> Connection | None:
    """The connected workspace's row, if something lets us in and the row belongs to it."""
    if not settings.PUBLER_API_KEY:
        credential = access.stored()
        usable = credential is not None and not credential.ended_at and credential.connection.connected
        return credential.connection if credential and usable else None
    rows = Connection.objects.filter(
        provider=Connection.Provider.PUBLER,
        connected=True,
        base_url=settings.PUBLER_BASE_URL,
        synced_at__isnull=False,
    )
    if settings.PUBLER_WORKSPACE_ID:
        rows = rows.filter(workspace=settings.PUBLER_WORKSPACE_ID)
    return rows.first()


def current_or_sync() -> Connection | None:
    """As `current`; where the workspace is not known yet, it is asked for, unless that failed a moment
    ago."""
    connection = current()
    if connection is None and access.is_set_up():
        now = clock.now()
        if not Connection.objects.filter(
            provider=Connection.Provider.PUBLER, connected=True, not_before__gt=now
        ).exists():
            sync_or_tell()
        connection = current()
    return connection


def of_the_moment() -> Connection | None:
    """The connected workspace's row, for people to read: with its credential and who paused it."""
    rows = Connection.objects.filter(provider=Connection.Provider.PUBLER, connected=True)
    return rows.select_related("credential", "paused_by").first()


def became_well(connection: Connection) -> None:
    """An answer came that makes sense."""
    now = clock.now()
    rows = Connection.objects.filter(pk=connection.pk)
    if rows.exclude(trouble_count=0).update(
        trouble="", trouble_words="", trouble_since=None, trouble_count=0, not_before=None, last_ok_at=now
    ):
        connection.refresh_from_db()
        notices.over(connection, Notice.Kind.REFUSED)
    elif connection.last_ok_at is None or now - connection.last_ok_at > timedelta(seconds=30):
        rows.update(last_ok_at=now)


def in_trouble(connection: Connection, error: ProviderError) -> None:
    """Write down, in words, what is wrong with the connection, and let it wait, longer each time in a row."""
    if isinstance(error, Held) or (
        isinstance(error, Refused) and (error.kind in ("rate_limited", "permanent") or error.too_large)
    ):
        return  # the limiter, or the content: not the connection's trouble
    trouble, words = _words(error)
    again = Retry(None, base=settings.RETRY_BASE_SECONDS, longest=LONGEST_WAIT)
    now = clock.now()
    with transaction.atomic():
        row = Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)
        row.trouble_count = min(row.trouble_count + 1, 30)
        if trouble == Connection.Trouble.NONSENSE and row.trouble_count == 1:
            row.save(update_fields=["trouble_count"])  # one lost answer stops nobody else
            return
        wait = again.wait_after(row.trouble_count) or 0
        row.not_before = now + timedelta(seconds=wait)
        row.trouble, row.trouble_words = trouble, words
        row.trouble_since = row.trouble_since or now
        row.last_error, row.last_error_at = words, now
        row.save(
            update_fields=[
                *("trouble", "trouble_words", "trouble_since", "trouble_count", "not_before"),
                *("last_error", "last_error_at"),
            ]
        )
    connection.refresh_from_db()
    if trouble == Connection.Trouble.REFUSED:
        _refused(connection, wait)


def _refused(connection: Connection, wait: float) -> None:
    """Operators hear of it once; repeated, it holds every call until the next try."""
    if not settings.PUBLER_API_KEY and access.ask_for_renewal(connection) and connection.trouble_count == 1:
        return  # the next try renews it, and nobody need know
    since = connection.trouble_since or clock.now()
    notices.tell(connection, Notice.Kind.REFUSED, since.isoformat(), connection.trouble_words)
    if connection.trouble_count >= REFUSALS_THAT_PAUSE:
        _hold_calls(wait, f"Publer refused the key {connection.trouble_count} times in a row")


def _words(error: ProviderError) -> tuple[str, str]:
    T = Connection.Trouble
    if isinstance(error, Refused) and error.status is None:  # found out here, in words of our own
        return T.REFUSED if error.kind == "auth" else T.SETUP, error.message
    if isinstance(error, Refused) and error.kind == "auth":
        said = f" It said: “{error.errors[0]}”." if error.errors else ""
        if settings.PUBLER_API_KEY:
            todo = "An operator checks PUBLER_API_KEY and PUBLER_WORKSPACE_ID."
        else:
            todo = access.CONNECT_AGAIN
        return T.REFUSED, f"Publer refuses the key.{said} {todo}"
    if isinstance(error, Refused):
        return (
            T.SETUP,
            f"Publer does not know this address. An operator checks PUBLER_BASE_URL. ({error.message})",
        )
    if isinstance(error, NotSent):
        return T.UNREACHABLE, f"Publer cannot be reached: {error.message.rpartition(': ')[2].rstrip('.')}."
    if isinstance(error, BadAnswer | OutcomeUnknown):
        return T.NONSENSE, f"Publer gives no answer that makes sense: {error.message.rstrip('.')}."
    return T.UNREACHABLE, error.message


def sync_channels(priority: Priority = Priority.BACKGROUND) -> int:
    """Read the workspace and its accounts; return how many are connected. Raises the errors of the client.

    A workspace is known by the provider's own id; when another one is connected, what belongs to the former
    waits until that one is back.
    """
    credential = None if settings.PUBLER_API_KEY else access.stored()
    if not settings.PUBLER_API_KEY and credential is None:
        Connection.objects.filter(provider=Connection.Provider.PUBLER, connected=True).update(connected=False)
        return 0
    let_in = access.access()
    wanted = credential.connection.workspace if credential else settings.PUBLER_WORKSPACE_ID
    if wanted:
        _tell_of_pause(wanted)
    connection, count = _read(let_in, wanted, priority)
    became_well(connection)
    if connection.connected_at is None:
        Connection.objects.filter(pk=connection.pk).update(connected_at=clock.now())
    _watch_the_end(connection)
    return count


def _read(let_in: Access, wanted: str, priority: Priority) -> tuple[Connection, int]:
    """Ask for workspace and accounts, and write both down. An account is known by the provider's id: what is
    no longer listed is marked, and found again when it is back."""
    workspace, name, feed = _workspace(let_in, wanted, priority)
    publer = _client_with(let_in, workspace)
    accounts = publer.accounts(priority)
    feed = publer.sandbox_feed_url or feed
    with transaction.atomic():
        publers = Connection.objects.filter(provider=Connection.Provider.PUBLER)
        publers.exclude(workspace=workspace).filter(connected=True).update(connected=False)
        connection = _write_down(
            publers,
            {"provider": Connection.Provider.PUBLER, "workspace": workspace},
            name=name,
            base_url=settings.PUBLER_BASE_URL,
            connected=True,
            sandbox_feed=feed,
            synced_at=clock.now(),
        )
        for account in accounts:
            _write_down(
                connection.channels.all(),
                {"connection": connection, "account_id": account.id},
                network=account.provider,
                name=account.name,
                kind=account.type or "",
                social_id=account.social_id[:200],
                picture=account.picture or "",
                active=True,
                gone_at=None,
            )
        missing = connection.channels.exclude(account_id__in=[account.id for account in accounts])
        missing.filter(active=True).update(active=False, gone_at=clock.now())
    return connection, len(accounts)


def _workspace(let_in: Access, wanted: str, priority: Priority) -> tuple[str, str, str]:
    """Id and name of the workspace, and the sandbox's feed: the named one, or the only one that is seen."""
    publer = _client_with(let_in, wanted)
    workspaces = publer.workspaces(priority)
    for workspace in workspaces:
        if workspace.id == wanted or (not wanted and len(workspaces) == 1):
            return workspace.id, workspace.name, publer.sandbox_feed_url
    if wanted:
        named = "PUBLER_WORKSPACE_ID" if wanted == settings.PUBLER_WORKSPACE_ID else f"the id {wanted}"
        words = f"This key does not see the workspace of {named}."
    elif settings.PUBLER_API_KEY:
        words = f"This key sees {len(workspaces)} workspaces: set PUBLER_WORKSPACE_ID to the one to use."
    else:
        words = "What lets us in there sees no workspace."
    raise Refused(words, provider="publer", kind="auth")


def sync_or_tell(priority: Priority = Priority.BACKGROUND) -> int | None:
    """As `sync_channels`, but a failure is written onto the connection's row."""
    try:
        return sync_channels(priority)
    except ProviderError as error:
        tell_of(error)
        return None


def tell_of(error: ProviderError) -> None:
    """Write a failure onto the row of the connection in use."""
    credential = None if settings.PUBLER_API_KEY else access.stored()
    connection = credential.connection if credential else current() or _placeholder()
    in_trouble(connection, error)


def _placeholder() -> Connection:
    """A row to write the trouble on while the workspace is not known yet."""
    Connection.objects.filter(provider=Connection.Provider.PUBLER, connected=True).update(connected=False)
    # Not synced: a workspace of this name elsewhere is another one until the address has told its own.
    return _write_down(
        Connection.objects.all(),
        {"provider": Connection.Provider.PUBLER, "workspace": settings.PUBLER_WORKSPACE_ID},
        base_url=settings.PUBLER_BASE_URL,
        connected=True,
        synced_at=None,
    )


def _write_down(rows: QuerySet[_Row], key: dict[str, Any], **fields: Any) -> _Row:
    """Update the row of this key, or make it. `update_or_create` would hold it against every approval that
    names it, too, and PostgreSQL ends one of two that wait for each other."""
    rows.filter(**key).update(**fields)
    return rows.get_or_create(**key, defaults=fields)[0]


# ------------------------------------------------------------------------------- what people do with it
class Several(Exception):
    """What lets us in sees several workspaces, and none was named: a person has to choose."""

    def __init__(self, workspaces: Sequence[Workspace]) -> None:
        super().__init__(f"It sees {len(workspaces)} workspaces.")
        self.workspaces = workspaces


def adopt(
    kind: Credential.Kind, grant: oauth.Grant, by: AbstractBaseUser | None, workspace: str = ""
) -> tuple[Connection, int]:
    """Connect with a new key or permission, tried before it is kept; the connection and how many accounts it
    has. Raises Several where no workspace is named, by `workspace` or the settings, and the client's errors;
    then nothing is changed.
    """
    scheme = "Bearer" if kind == Credential.Kind.OAUTH else "Bearer-API"
    let_in = Access(scheme, SecretStr(grant.access), access.scope_of(access.stored()))
    wanted = workspace or settings.PUBLER_WORKSPACE_ID
    end_own_pause()
    try:
        connection, count = _tried(let_in, wanted)
    except Held:  # what let us in before may have been refused once more meanwhile, by a worker
        end_own_pause()
        connection, count = _tried(let_in, wanted)
    access.keep(connection, kind, grant, by)
    Connection.objects.filter(pk=connection.pk).update(trouble_count=1)  # so that all of a trouble is cleared
    became_well(connection)
    notices.over(connection)
    _watch_the_end(connection)
    return connection, count


def _tried(let_in: Access, wanted: str) -> tuple[Connection, int]:
    if not wanted:
        seen = _client_with(let_in, "").workspaces(Priority.PERSON)
        if len(seen) > 1:
            raise Several(seen)
    return _read(let_in, wanted, Priority.PERSON)


def connected_before(workspaces: Sequence[str]) -> list[str]:
    """Those of these that were connected once, the last one first."""
    rows = Connection.objects.filter(
        provider=Connection.Provider.PUBLER, workspace__in=workspaces, synced_at__isnull=False
    )
    return list(rows.order_by("-synced_at").values_list("workspace", flat=True))


def disconnect() -> tuple[bool, bool]:
    """Forget the stored credential; whether there was one, and whether the provider took it back. Channels,
    posts and history stay: they go on when the same workspace is connected again."""
    credential = access.stored()
    if credential is None:
        return False, False
    connection = credential.connection
    told = access.drop(credential)
    if not settings.PUBLER_API_KEY:
        Connection.objects.filter(pk=connection.pk).update(
            connected=False,
            connected_at=None,
            trouble="",
            trouble_words="",
            trouble_since=None,
            trouble_count=0,
            not_before=None,
        )
        notices.over(connection)
    return True, told


def test() -> tuple[int, int]:
    """Ask Publer now: milliseconds, and how many accounts there are. A pause that came by itself is ended for
    it, a person's stays. Raises the client's errors; they are told on the row, too."""
    end_own_pause()
    started = time.monotonic()
    try:
        count = sync_channels(Priority.PERSON)
    except ProviderError as error:
        tell_of(error)
        raise
    took = round((time.monotonic() - started) * 1000)
    Connection.objects.filter(provider=Connection.Provider.PUBLER, connected=True).update(
        last_ok_at=clock.now(), last_ok_milliseconds=took
    )
    return took, count


def end_own_pause() -> None:
    """End a pause that came by itself; a person's stays."""
    credential = None if settings.PUBLER_API_KEY else access.stored()
    connection = credential.connection if credential else current()
    if connection is None or not connection.is_paused(clock.now()):
        _let_calls_go()


def renew() -> Credential | None:
    """Renew the stored permission now; None where there is none. Raises as `access.access`."""
    credential = access.stored()
    if credential is None or credential.kind != Credential.Kind.OAUTH:
        return None
    access.ask_for_renewal(credential.connection)
    access.access()
    renewed = access.stored()
    if renewed is not None and renewed.secret == credential.secret and credential.renewal:
        words = "The authorization server did not renew it just now; what is there still holds."
        raise Held(words, provider="publer", seconds=access.AFTER_A_FAILURE, reason="renewal")
    return renewed


def pause(connection: Connection, by: User, reason: str, until: datetime | None = None) -> None:
    """Hold every call to the provider, people's too, until then or until somebody resumes it."""
    workflow.pause(by, reason, what=connection, until=until)
    connection.refresh_from_db()
    _hold_while_paused(connection)


def resume(connection: Connection, by: User) -> None:
    """Let calls go again; the provider's own limit still holds."""
    workflow.resume(by, what=connection)
    Connection.objects.filter(pk=connection.pk).update(not_before=None)
    _let_calls_go()


def _watch_the_end(connection: Connection) -> None:
    """Tell operators once that a person will have to connect again soon."""
    credential = Credential.objects.filter(connection=connection, ended_at=None).first()
    if credential is None or settings.PUBLER_API_KEY:
        return
    if credential.ends_at is None or not credential.ends_within(access.ENDS_SOON, clock.now()):
        notices.over(connection, Notice.Kind.ENDING)
        return
    words = f"The connection to Publer ends on {credential.ends_at:%d %B %Y, %H:%M} UTC: renew it before."
    notices.tell(connection, Notice.Kind.ENDING, credential.ends_at.isoformat(), words)
