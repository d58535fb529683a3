"""The access token, of either kind: one that was made for good, or one that is granted for a day.

A granted token is kept encrypted in the store, where every process finds it. It is renewed well ahead of its
end by whoever holds the lock; meanwhile the others go on with the old one.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

import redis
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from integrations.encryption import Undecipherable, decrypt, encrypt
from integrations.errors import BadAnswer, Held, HeldReason, ProviderError
from integrations.http import ApiClient, Call, Refusal
from integrations.ratelimit import Limiter, Priority
from integrations.redaction import remember

RENEW_AHEAD: Final = 3600.0
"""Seconds before its end at which a token is renewed; with a life below twice that, at half of it."""
SLACK: Final = 60.0
"""Seconds before its end from which a token is not used any more."""
AFTER_A_FAILURE: Final = 15.0
"""Seconds in which nobody asks again for a token that was not granted."""
FAILED: Final = "failed"
"""Holds the lock meanwhile."""

# Shopify tells why as JSON, or as a page ("Oauth error shop_not_permitted: …") where JSON was not asked for.
_WORDS = ("error_description", "error", "errors")
REFUSALS: Final = {
    status: Refusal("auth", _WORDS, plain=("text/html", "text/plain")) for status in (400, 401, 402, 403, 423)
} | {
    404: Refusal("setup", _WORDS, plain=("text/html", "text/plain")),
    429: Refusal("rate_limited", _WORDS, plain=("text/html", "text/plain")),
}

log = structlog.get_logger(__name__)


class Token(Protocol):
    """Where a client gets its token."""

    def current(self) -> str:
        """The token for a call that is made now. Raises ProviderError where there is none to be had."""

    def refused(self, token: str) -> bool:
        """Shopify does not take this one; whether another may be had."""


@dataclass(frozen=True)
class PermanentToken:
    """One that an administrator made; only a person can replace it."""

    token: str = ""

    def __post_init__(self) -> None:
        remember(self.token)

    def __repr__(self) -> str:
        return "<PermanentToken>"

    def current(self) -> str:
        return self.token

    def refused(self, token: str) -> bool:
        return False


class Grant(BaseModel):
    """What Shopify granted: a token and the seconds of its life."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    access_token: Annotated[str, Field(min_length=1, repr=False)]
    expires_in: Annotated[float, Field(gt=0)] = 3600.0


class ClientCredentials:
    """The client-credentials grant of one app at one shop
    (https://shopify.dev/docs/apps/build/dev-dashboard/get-api-access-tokens)."""

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        limiter: Limiter,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        self._api = ApiClient(
            "shopify",
            f"{base_url.rstrip('/')}/admin/oauth",
            limiter=limiter,
            credentials={},
            secrets=[client_secret],
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            refusals=REFUSALS,
        )
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self.patience = connect_timeout + 2 * read_timeout
        """Seconds that asking takes at most."""

    def __call__(self) -> Grant:
        """Ask for a token. Asking twice harms nothing: each grant stands alone. Raises ProviderError."""
        answer = self._api.read(Call("POST", "access_token", data=self._form), Priority.PERSON)
        granted = answer.json if isinstance(answer.json, dict) else {}
        if isinstance(granted.get("access_token"), str):
            remember(granted["access_token"])  # before anything can be said about the rest of the answer
        try:
            return Grant.model_validate(granted)
        except ValidationError:
            raise self._api.unusable(answer, BadAnswer, "Shopify's answer has no token.") from None


class GrantedToken:
    """A token for a day, shared by all processes of this app and shop. Never sleeps."""

    def __init__(self, ask: ClientCredentials, store: "redis.Redis", scope: str) -> None:
        self._ask, self._redis = ask, store
        # The braces keep both keys on one node of a cluster.
        self._key, self._lock = f"hotdash:{{shopify:{scope}}}:token", f"hotdash:{{shopify:{scope}}}:renewal"

    def __repr__(self) -> str:
        return f"<GrantedToken {self._key}>"

    def current(self) -> str:
        kept = self._kept()
        if kept and kept.left > kept.renew_at:
            return kept.token
        holder = self._take_lock()
        if holder:
            return self._renewed(holder)
        if kept:
            return kept.token
        raise self._later()

    def refused(self, token: str) -> bool:
        """Forget it, unless another process has replaced it already."""
        kept = self._kept()
        if kept and kept.token == token:
            self._store(lambda: self._redis.delete(self._key))
        return True

    def _renewed(self, holder: str) -> str:
        kept = self._kept()  # again: whoever had the lock before may have renewed it
        if kept and kept.left > kept.renew_at:
            self._let_go(holder)
            return kept.token
        try:
            grant = self._ask()
        except Held:  # nobody was asked: whoever comes when the limiter said may ask
            self._let_go(holder)
            if not kept:
                raise
            return kept.token
        except ProviderError as error:
            # The lock stays for a while: what was refused now is not asked for by every call.
            self._store(lambda: self._redis.set(self._lock, FAILED, px=_milliseconds(AFTER_A_FAILURE)))
            if not kept:
                raise
            log.warning("token not renewed", provider="shopify", error=error.message, left=round(kept.left))
            return kept.token
        self._keep(grant)
        self._let_go(holder)
        log.info("token granted", provider="shopify", seconds=round(grant.expires_in))
        return grant.access_token

    def _kept(self) -> "_Kept | None":
        pipeline = self._redis.pipeline()
        pipeline.get(self._key)
        pipeline.pttl(self._key)
        stored, left = self._store(pipeline.execute)
        if stored is None:
            return None
        try:
            kept = json.loads(decrypt(stored.decode()))
        except Undecipherable:
            return None  # its key was taken away: a new one is asked for
        remember(kept["token"])
        return _Kept(kept["token"], kept["renew_at"], left / 1000)

    def _keep(self, grant: Grant) -> None:
        """Its end is the end of the key: one clock, the store's, for all hosts."""
        life = max(1.0, grant.expires_in - SLACK) if grant.expires_in > 2 * SLACK else grant.expires_in / 2
        text = json.dumps({"token": grant.access_token, "renew_at": min(RENEW_AHEAD, life / 2)})
        self._store(lambda: self._redis.set(self._key, encrypt(text), px=_milliseconds(life)))

    def _take_lock(self) -> str:
        """The holder's name, or "" where somebody else has it. It outlives the longest call, and its holder's
        death."""
        holder = secrets.token_hex(8)
        life = _milliseconds(self._ask.patience + 5)
        return holder if self._store(lambda: self._redis.set(self._lock, holder, nx=True, px=life)) else ""

    def _later(self) -> Held:
        """Why there is no token now, and when to ask again."""
        pipeline = self._redis.pipeline()
        pipeline.get(self._lock)
        pipeline.pttl(self._lock)
        holder, left = self._store(pipeline.execute)
        if holder == FAILED.encode():
            seconds = max(1.0, left / 1000)
            words = f"Shopify granted no token just now: it is asked again in {seconds:.0f} s."
            return self._held(words, seconds, "renewal")
        return self._held("Another process is fetching Shopify's token.", 1.0, "renewal")

    def _let_go(self, holder: str) -> None:
        """Only of a lock that is still ours."""
        script = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
        self._store(lambda: self._redis.eval(script, 1, self._lock, holder))

    def _store(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except redis.RedisError as error:
            words = "Calls are held: the store of Shopify's token cannot be reached."
            raise self._held(words, 5.0, "store") from error

    @staticmethod
    def _held(words: str, seconds: float, reason: HeldReason) -> Held:
        return Held(words, provider="shopify", seconds=seconds, reason=reason)


@dataclass(frozen=True)
class _Kept:
    token: str
    renew_at: float
    left: float

    def __repr__(self) -> str:
        return f"<token, {self.left:.0f} s left>"


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
