"""What can go wrong with a call to a provider, by what it proves.

The question behind the family is always the same: can the provider have acted on this call? `Held`, `NotSent`
and `Refused` prove that it has not; `OutcomeUnknown` means that only a look at the provider's own list can
tell.
"""

from typing import Final, Literal

from integrations.redaction import redact

EXCERPT: Final = 2000
"""Characters of an answer that are kept."""

HeldReason = Literal["limit", "paused", "store", "renewal"]
RefusedKind = Literal["permanent", "auth", "rate_limited", "setup"]


class ProviderError(Exception):
    """A call that did not bring what was asked. Neither words nor body carry a secret.

    `message` is plain words for people; `status` the HTTP status, where an answer came; `body` the beginning
    of the answer as it came.
    """

    def __init__(self, message: str, *, provider: str, status: int | None = None, body: str = "") -> None:
        self.provider = provider
        self.message = redact(message)
        self.status = status
        self.body = redact(body)[:EXCERPT]
        super().__init__(self.message)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, provider={self.provider!r}, status={self.status})"


class Held(ProviderError):
    """Not called. The limiter says when to come back (`limit`, `paused`), or cannot be asked (`store`), which
    holds every call; or another process is fetching the credentials (`renewal`). Ask again after `seconds`;
    nothing else is to be done."""

    def __init__(self, message: str, *, provider: str, seconds: float, reason: HeldReason) -> None:
        super().__init__(message, provider=provider)
        self.seconds = seconds
        self.reason: HeldReason = reason


class NotSent(ProviderError):
    """Proved that nothing left: connection refused, name not resolved, connect time-out, or a certificate
    that was not accepted. May be tried again, a write too."""


class Refused(ProviderError):
    """The provider said no in its own words, so it took nothing. By `kind`:

    `permanent` (400, 422): the content is wrong; the same words will be refused again.
    `auth` (401, 403; 402, 423): key, scope, plan or workspace, a shop that is frozen or locked; somebody has
    to look at the connection.
    `rate_limited` (429): the limiter already holds everybody; ask it again.
    `setup` (404, 413): an address, id or size that this provider does not take.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        kind: RefusedKind,
        errors: tuple[str, ...] = (),
        status: int | None = None,
        body: str = "",
    ) -> None:
        super().__init__(message, provider=provider, status=status, body=body)
        self.kind: RefusedKind = kind
        self.errors = tuple(redact(error) for error in errors)

    @property
    def too_large(self) -> bool:
        """The size of what was sent (413): the same in smaller parts may be taken."""
        return self.status == 413


class OutcomeUnknown(ProviderError):
    """A write of which nobody can say whether it was taken: 5xx, a redirect, a read time-out, a reset, other
    TLS errors, an answer that is not the provider's JSON or does not name what it made. Never send it again
    on this; look at the provider's list first."""


class BadAnswer(ProviderError):
    """A read that brought nothing usable: no answer in time, 5xx, or one that makes no sense. Proves nothing,
    not even absence. May be asked again."""
