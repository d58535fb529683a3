"""Which credential lets us in: the environment's key, else the connection's own, renewed before its end."""

import contextlib
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from pydantic import SecretStr

from integrations.connections import Connection
from integrations.credentials import Credential
from integrations.encryption import Undecipherable
from integrations.errors import Held, ProviderError, Refused
from integrations.publer import oauth
from social import clock

log = structlog.get_logger("hotdash.connections")

RENEW_AHEAD = 600.0
"""Seconds before its end at which a token is renewed; with a life below twice that, at half of it."""
AFTER_A_FAILURE = 15.0
"""Seconds in which nobody asks again for a token that was not granted."""
ENDS_SOON = 7 * 24 * 3600.0
"""Seconds before the end of a connection from which on it is told."""
RENEWED = ("kind", "secret", "renewal", "renewing_until", "ended_at", "expires_at", "renew_at", "ends_at")
CONNECT_AGAIN = "An operator connects it again under Integrations."


@dataclass(frozen=True)
class Access:
    """`scheme` and `secret` are what stands in `Authorization`; `scope` names whose limit counts."""

    scheme: str
    sealed: SecretStr
    scope: str

    @property
    def secret(self) -> str:
        return self.sealed.get_secret_value()


def stored() -> Credential | None:
    """The connection's own credential at today's address, ended or not; None where there is none."""
    return (
        Credential.objects.select_related("connection")
        .filter(
            connection__provider=Connection.Provider.PUBLER, connection__base_url=settings.PUBLER_BASE_URL
        )
        .order_by("-made_at")
        .first()
    )


def is_set_up() -> bool:
    """Whether anything is there to come in with, be it refused by now."""
    return bool(settings.PUBLER_API_KEY) or stored() is not None


def scope_of(credential: Credential | None) -> str:
    """Limits hold per user, over all keys and workspaces; a stored credential counts by its connection, which
    stays the same when it is renewed or replaced."""
    whose = settings.PUBLER_API_KEY or (f"connection {credential.connection_id}" if credential else "")
    return hashlib.sha256(f"{settings.PUBLER_BASE_URL} {whose}".encode()).hexdigest()[:12]


def access() -> Access:
    """For calls that are made now. Raises Refused where nothing lets us in, Held while another process
    fetches what is needed, and the errors of the authorization server."""
    if settings.PUBLER_API_KEY:
        return Access("Bearer-API", SecretStr(settings.PUBLER_API_KEY), scope_of(None))
    credential = stored()
    if credential is None:
        raise _refused("Publer is not connected.")
    now = clock.now()
    if credential.ended_at:
        raise _refused("Publer took back its permission.")
    if credential.renew_at and credential.renew_at <= now:
        credential = renewed(credential, now)
    try:
        secret = credential.open_secret()
    except Undecipherable:
        raise _refused("What is stored cannot be opened: its encryption key was taken away.") from None
    scheme = "Bearer" if credential.kind == Credential.Kind.OAUTH else "Bearer-API"
    return Access(scheme, SecretStr(secret), scope_of(credential))


def renewed(credential: Credential, now: datetime) -> Credential:
    """As new, by this process or by the one that is at it; the old one where it still holds.

    Raises Held where it is over and somebody else is fetching the new one.
    """
    holds = credential.expires_at is None or credential.expires_at > now
    if not credential.renewal:
        if holds:
            return credential
        end(credential)
        raise _refused("The permission at Publer has ended.")
    patience = 2 * (settings.PROVIDER_CONNECT_TIMEOUT + settings.PROVIDER_READ_TIMEOUT) + 5
    free = Credential.objects.filter(
        Q(renewing_until=None) | Q(renewing_until__lt=now), pk=credential.pk, renewal=credential.renewal
    )
    if not free.update(renewing_until=now + timedelta(seconds=patience)):
        credential.refresh_from_db()
        if credential.ended_at is None and (credential.expires_at is None or credential.expires_at > now):
            return credential
        words = "Another process is renewing the permission at Publer."
        raise Held(words, provider="publer", seconds=1.0, reason="renewal")
    try:
        grant = oauth.renew(credential.open_renewal())
    except Undecipherable:
        raise _refused("What is stored cannot be opened: its encryption key was taken away.") from None
    except Refused as error:
        if error.errors[:1] == ("invalid_grant",):
            end(credential)
            raise _refused("Publer took back its permission.") from None
        return _not_renewed(credential, error, holds)
    except ProviderError as error:
        return _not_renewed(credential, error, holds)
    fill(credential, Credential.Kind.OAUTH, grant, clock.now())
    changed = {name: getattr(credential, name) for name in RENEWED}
    if not Credential.objects.filter(pk=credential.pk).update(**changed):
        raise _refused("Publer was disconnected.")  # meanwhile: it must not come back
    log.info("permission renewed", provider="publer", seconds=grant.expires_in)
    return credential


def _not_renewed(credential: Credential, error: ProviderError, holds: bool) -> Credential:
    """What was refused now is not asked for by every call."""
    until = clock.now() + timedelta(seconds=AFTER_A_FAILURE)
    Credential.objects.filter(pk=credential.pk).update(renewing_until=until)
    if not holds:
        raise error
    log.warning("permission not renewed", provider="publer", error=error.message)
    return credential


def fill(credential: Credential, kind: Credential.Kind, grant: oauth.Grant, now: datetime) -> None:
    """Put a grant into its row, unsaved. A server that sends no new refresh token means the old one."""
    kept_renewal = credential.renewal
    credential.seal(grant.access, grant.renewal)
    if not grant.renewal and kept_renewal:
        credential.renewal = kept_renewal
    credential.kind = kind
    credential.renewing_until = credential.ended_at = None
    credential.expires_at = credential.renew_at = None
    if grant.expires_in is not None:
        ahead = min(RENEW_AHEAD, grant.expires_in / 2)
        credential.expires_at = now + timedelta(seconds=grant.expires_in)
        credential.renew_at = credential.expires_at - timedelta(seconds=ahead)
    if grant.renewal_expires_in is not None:
        credential.ends_at = now + timedelta(seconds=grant.renewal_expires_in)
    elif not credential.renewal:
        credential.ends_at = credential.expires_at
    elif grant.renewal:
        credential.ends_at = None


def keep(
    connection: Connection, kind: Credential.Kind, grant: oauth.Grant, by: AbstractBaseUser | None
) -> Credential:
    """Make this the one credential of the provider. What it replaces is forgotten here, not revoked there:
    some servers would take back the new one, too."""
    now = clock.now()
    with transaction.atomic():
        Credential.objects.filter(connection__provider=connection.provider).delete()
        credential = Credential(connection=connection, made_at=now, made_by_id=by.pk if by else None)
        fill(credential, kind, grant, now)
        credential.save()
        Connection.objects.filter(pk=connection.pk).update(connected_at=now)
    return credential


def ask_for_renewal(connection: Connection) -> bool:
    """An answer said no: the next use finds out whether the permission still stands. False where nothing can
    be renewed."""
    rows = Credential.objects.filter(connection=connection, kind=Credential.Kind.OAUTH, ended_at=None)
    return bool(rows.exclude(renewal="").update(renew_at=clock.now()))


def end(credential: Credential) -> None:
    """The provider took it back: what is stored is of no more use and is forgotten."""
    changed = Credential.objects.filter(
        pk=credential.pk, secret=credential.secret, renewal=credential.renewal
    ).update(secret="", renewal="", ended_at=clock.now(), renewing_until=None)
    if changed:
        log.warning("permission taken back", provider=credential.connection.provider)
    credential.refresh_from_db()


def drop(credential: Credential) -> bool:
    """Forget it here and, where it can be told, revoke it there; whether the provider said yes."""
    told = False
    if credential.kind == Credential.Kind.OAUTH and not credential.ended_at:
        with contextlib.suppress(Undecipherable):
            renewal = credential.open_renewal() if credential.renewal else ""
            told = take_back(oauth.Grant(credential.open_secret(), renewal))
    credential.delete()
    return told


def take_back(grant: oauth.Grant) -> bool:
    """Tell the authorization server that it is no longer wanted; whether it said yes. Never raises."""
    told = oauth.revoke(grant.renewal, "refresh_token") if grant.renewal else False
    return oauth.revoke(grant.access, "access_token") or told


def _refused(words: str) -> Refused:
    return Refused(f"{words} {CONNECT_AGAIN}", provider="publer", kind="auth", errors=(words,))
