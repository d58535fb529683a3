"""What lets us in, between the provider's yes and the choice of a workspace: for minutes, encrypted, in the
cache server, which drops it by itself. The session holds a name for it and nothing else."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest

from integrations.credentials import Credential
from integrations.encryption import Undecipherable, decrypt, encrypt
from integrations.publer.oauth import Grant
from integrations.publer.types import Workspace
from integrations.redaction import remember
from social import clock

SECONDS = 600
"""For how long it is kept."""
_NAME = "publer_choice"


@dataclass(frozen=True)
class Choice:
    """`at`: the moment of the provider's answer; `user`: whose choice it is."""

    kind: Credential.Kind
    grant: Grant = field(repr=False)
    workspaces: Sequence[Workspace]
    user: int
    at: datetime

    def grant_now(self) -> Grant:
        """The grant with what is left of its lives."""
        passed = (clock.now() - self.at).total_seconds()
        return replace(
            self.grant,
            expires_in=_less(self.grant.expires_in, passed),
            renewal_expires_in=_less(self.grant.renewal_expires_in, passed),
        )


def hold(request: HttpRequest, choice: Choice) -> None:
    """Keep it for the person of this session; what was kept for them before goes."""
    forget(request)
    grant = choice.grant
    kept = {
        "kind": choice.kind,
        "grant": [grant.access, grant.renewal, grant.expires_in, grant.renewal_expires_in],
        "workspaces": [[workspace.id, workspace.name] for workspace in choice.workspaces],
        "user": choice.user,
        "at": choice.at.isoformat(),
    }
    name = secrets.token_urlsafe(16)
    cache.set(_key(name), encrypt(json.dumps(kept)), SECONDS)
    request.session[_NAME] = name


def held(request: HttpRequest, person: User) -> Choice | None:
    """What waits for this person's choice; None where it is over, or was somebody else's."""
    sealed = cache.get(_key(request.session.get(_NAME, "")))
    try:
        kept = json.loads(decrypt(sealed)) if sealed else {}
    except Undecipherable:
        return None
    if kept.get("user") != person.pk:
        return None
    access, renewal, expires_in, renewal_expires_in = kept["grant"]
    remember(access)
    remember(renewal)
    workspaces = [Workspace(id=identity, name=name) for identity, name in kept["workspaces"]]
    grant = Grant(access, renewal, expires_in, renewal_expires_in)
    at = datetime.fromisoformat(kept["at"])
    return Choice(Credential.Kind(kept["kind"]), grant, workspaces, kept["user"], at)


def forget(request: HttpRequest) -> None:
    """It was used, or is not wanted."""
    cache.delete(_key(request.session.pop(_NAME, "")))


def _key(name: str) -> str:
    return f"publer-choice-{name}"


def _less(seconds: float | None, passed: float) -> float | None:
    return None if seconds is None else max(1.0, seconds - passed)
