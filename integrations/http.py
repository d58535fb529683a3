"""One way to call a provider: limited, timed out, logged without secrets, and failing in typed errors."""

import json
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import requests
import structlog
import urllib3
from requests.auth import AuthBase

from integrations.errors import BadAnswer, Held, NotSent, OutcomeUnknown, ProviderError, Refused, RefusedKind
from integrations.ratelimit import CostInfo, Leave, Limiter, LimiterUnavailable, Priority, Wait
from integrations.redaction import RedactSecrets, redact, remember

LARGEST_ANSWER: Final = 8 * 1024 * 1024
"""Bytes. The largest answer that makes sense is a page of posts."""
STORE_DOWN_SECONDS: Final = 5.0
"""When to ask again where the limiter's store cannot be reached."""
E = TypeVar("E", bound=ProviderError)

log = structlog.get_logger(__name__)
# urllib3 logs hosts and paths, and a key may stand in either.
for _name in ("connection", "connectionpool", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(RedactSecrets())


@dataclass(frozen=True)
class Call:
    """What to ask. `route` is the path below the base URL with its ids as `{name}`, which `path` fills in; it
    is what the log shows, so nothing secret stands in it."""

    method: str
    route: str
    path: Mapping[str, str] = field(default_factory=dict)
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    data: Mapping[str, str] | None = field(default=None, repr=False)  # a grant's secret stands there
    files: Mapping[str, tuple[str, bytes, str]] | None = None

    @property
    def address(self) -> str:
        return self.route.format_map({name: quote(value, safe="") for name, value in self.path.items()})


@dataclass(frozen=True)
class Answer:
    """What came back. `complete` is false where the body broke off, took too long or was too large."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True

    @property
    def text(self) -> str:
        """For people and records, without secrets."""
        return redact(_storable(self.body.decode(errors="replace")))

    @property
    def content_type(self) -> str:
        """Without its parameters; "" where it is not told."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @cached_property
    def json(self) -> Any:
        """None where it is not JSON."""
        if not self.complete:
            return None
        try:
            return _storable(json.loads(self.body))
        except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
            return None


@dataclass(frozen=True)
class Refusal:
    """What a status means where it comes in the provider's own form.

    `keys` are those of its JSON under which its words stand, `word` the one part of an object in there that
    is for people ("": all of it). `plain` are the content types in which an answer without JSON is the
    provider's own, too; elsewhere it may be anybody's.
    """

    kind: RefusedKind
    keys: tuple[str, ...] = ("errors", "error")
    word: str = ""
    plain: tuple[str, ...] = ()

    def words(self, answer: "Answer") -> tuple[str, ...]:
        """Why; empty where this is not the provider's refusal."""
        body = answer.json
        parts = [body.get(key) for key in self.keys] if isinstance(body, dict) else []
        words = tuple(_texts(parts, self.word))
        plain = answer.content_type in self.plain and answer.complete
        return words or ((_status_words(answer.status),) if plain else ())


REFUSALS: Final[Mapping[int, Refusal]] = {
    400: Refusal("permanent", ("errors",)),
    422: Refusal("permanent", ("errors",)),
    401: Refusal("auth"),
    403: Refusal("auth"),
    429: Refusal("rate_limited"),
    404: Refusal("setup"),
    413: Refusal("setup"),
}


@dataclass(frozen=True)
class Cost:
    """What an answer says to the limiter: its status, or 429 where it refuses for the limit in another way;
    and where points are charged, what it says of them."""

    status: int
    points: CostInfo | None = None

    @classmethod
    def of_status(cls, answer: Answer) -> Self:
        return cls(answer.status)


class ApiClient:
    """Calls one provider at one address with one set of credentials. Safe to share between threads.

    Every call needs the limiter's leave. A read gets its own; for a write it is taken first, with `leave`, so
    that nothing is checked before a wait and used after it. Each call takes at most the connect time-out plus
    twice the read time-out.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        limiter: Limiter,
        credentials: Mapping[str, str],
        secrets: Iterable[str],
        connect_timeout: float,
        read_timeout: float,
        refusals: Mapping[int, Refusal] = REFUSALS,
        cost: Callable[[Answer], Cost] = Cost.of_status,
    ) -> None:
        """`credentials` are the headers that authenticate; `secrets` the values that must never be seen;
        `refusals` how this provider says no; `cost` what its answers say to the limiter."""
        self._secrets = tuple(secrets)
        for secret in self._secrets:
            remember(secret)
        self.provider = provider
        self._base_url = base_url.rstrip("/")
        self._limiter = limiter
        self._credentials = _Headers(credentials)
        self._timeouts = (connect_timeout, read_timeout)
        self._refusals = refusals
        self._cost = cost
        self._pool = self._session()

    def __repr__(self) -> str:
        return f"<ApiClient {self.provider} {redact(self._base_url)}>"

    def leave(self, priority: Priority = Priority.BACKGROUND, cost: int = 1, route: str = "") -> Leave:
        """The limiter's leave for one call, to be made at once or given back. Raises Held; never sleeps."""
        try:
            granted = self._limiter.acquire(priority, cost, route)
        except LimiterUnavailable:
            granted = None
        if granted is None:
            words = "Calls are held: the store of the rate limiter cannot be reached."
            raise Held(words, provider=self.provider, seconds=STORE_DOWN_SECONDS, reason="store")
        if isinstance(granted, Wait):
            words = (
                "Calls are paused."
                if granted.reason == "paused"
                else "The provider's limit is used up for now."
            )
            raise Held(words, provider=self.provider, seconds=granted.seconds, reason=granted.reason)
        return granted

    def give_back(self, leave: Leave) -> None:
        """The call will not be made."""
        self._tell_limiter(lambda: self._limiter.give_back(leave))

    def read(self, call: Call, priority: Priority = Priority.BACKGROUND, cost: int = 1) -> Answer:
        """The answer, always a 2xx. Raises Held, NotSent, Refused or BadAnswer."""
        asked = time.monotonic()
        leave = self.leave(priority, cost, call.route)
        outcome = self._exchange(self._pool, call, leave, waited=time.monotonic() - asked)
        return self._judge(outcome, otherwise=BadAnswer)

    def write(self, call: Call, leave: Leave) -> Answer:
        """The answer, always a 2xx. Tried once, on a connection of its own: a kept one may be dead, and then
        nobody knows whether the request arrived. Raises NotSent, Refused or OutcomeUnknown."""
        with self._session() as session:
            outcome = self._exchange(session, call, leave)
        return self._judge(outcome, otherwise=OutcomeUnknown)

    def _session(self) -> requests.Session:
        session = requests.Session()  # its adapters repeat nothing
        # The environment's proxies and CA bundle count. Its netrc does not: it would replace our credentials,
        # and requests reads it only where a session has no `auth`.
        session.auth = self._credentials
        session.headers.update({"Accept": "application/json", "User-Agent": "HotDash"})
        return session

    def _exchange(
        self, session: requests.Session, call: Call, leave: Leave, waited: float = 0.0
    ) -> "Answer | _NoAnswer":
        started = time.monotonic()
        for secret in self._secrets:
            remember(secret)  # again: what is in use is not forgotten
        outcome = self._send(session, call)
        status, error = (outcome.status, None) if isinstance(outcome, Answer) else (None, outcome.error)
        log.info(
            "provider call",
            provider=self.provider,
            method=call.method,
            route=call.route,
            status=status,
            error=error,
            milliseconds=round((time.monotonic() - started) * 1000),
            waited=round(waited * 1000),
        )
        if isinstance(outcome, Answer):
            answer, cost = outcome, self._cost(outcome)
            self._tell_limiter(lambda: self._limiter.observe(leave, cost.status, answer.headers, cost.points))
        elif outcome.nothing_left:
            self._tell_limiter(lambda: self._limiter.give_back(leave))
        else:
            self._tell_limiter(lambda: self._limiter.lost(leave))
        return outcome

    def _send(self, session: requests.Session, call: Call) -> "Answer | _NoAnswer":
        """Exceptions of the libraries end here: they carry the request, and with it the credentials."""
        url = f"{self._base_url}/{call.address}"
        try:
            request = session.prepare_request(
                requests.Request(
                    call.method,
                    url,
                    params=list(call.params),
                    headers=dict(call.headers),
                    json=call.json,
                    data=call.data,
                    files=call.files,
                )
            )
        except (requests.RequestException, ValueError) as error:
            return _NoAnswer(type(error).__name__, nothing_left=True)
        environment = session.merge_environment_settings(request.url, {}, True, None, None)
        deadline = time.monotonic() + sum(self._timeouts)
        try:
            response = session.send(request, timeout=self._timeouts, allow_redirects=False, **environment)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            inner = _inner(error)
            return _NoAnswer(type(inner).__name__, nothing_left=isinstance(inner, NOTHING_LEFT))
        with response:
            body, complete = _read(response, deadline)
        return Answer(response.status_code, response.headers, body, complete)

    def _judge(
        self, outcome: "Answer | _NoAnswer", otherwise: type[BadAnswer] | type[OutcomeUnknown]
    ) -> Answer:
        if not isinstance(outcome, Answer):
            if outcome.nothing_left:
                raise NotSent(f"It cannot be reached: {_why(outcome.error)}.", provider=self.provider)
            raise otherwise(f"No answer came: {_why(outcome.error)}.", provider=self.provider)
        if 200 <= outcome.status < 300:
            return outcome
        raise self._refused(outcome) or self.unusable(outcome, otherwise, _status_words(outcome.status))

    def _refused(self, answer: Answer) -> Refused | None:
        rule = self._refusals.get(answer.status)
        errors = rule.words(answer) if rule else ()
        return self.refusal(answer, rule.kind, errors) if rule and errors else None

    def refusal(self, answer: Answer, kind: RefusedKind, errors: tuple[str, ...]) -> Refused:
        """The error for an answer that says no, in these words of the provider's (at least one)."""
        return Refused(
            f"The provider refused the call: {errors[0]}",
            provider=self.provider,
            kind=kind,
            errors=errors,
            status=answer.status,
            body=answer.text,
        )

    def unusable(self, answer: Answer, error: type[E], words: str) -> E:
        """The error for an answer that came and does not say what was asked."""
        return error(words, provider=self.provider, status=answer.status, body=answer.text)

    def _tell_limiter(self, report: Callable[[], None]) -> None:
        """A report that fails does not change what the call's answer proves; the unit then counts as lost."""
        try:
            report()
        except LimiterUnavailable:
            log.warning("limiter not told", provider=self.provider)


_WHY: Final = {
    "NewConnectionError": "the connection was refused",
    "NameResolutionError": "its name is not known",
    "ConnectTimeoutError": "nobody answers at its address",
    "SSLCertVerificationError": "its certificate is not valid",
    "ReadTimeoutError": "it took too long",
    "ReadTimeout": "it took too long",
    "TimeoutError": "it took too long",
    "ProtocolError": "the connection was cut",
    "RemoteDisconnected": "the connection was cut",
    "ConnectionResetError": "the connection was cut",
    "IncompleteRead": "the connection was cut",
    "SSLError": "the secure connection broke",
}


def _why(error: str) -> str:
    """The library's name for it in words; the log line keeps the name."""
    return _WHY.get(error, error)


NOTHING_LEFT: Final = (urllib3.exceptions.ConnectTimeoutError, ssl.SSLCertVerificationError)
"""What proves that no byte of the request left. Refused connections and unknown names are
ConnectTimeoutErrors to urllib3; other TLS errors were seen after the server had read the whole request."""


@dataclass(frozen=True)
class _NoAnswer:
    error: str
    nothing_left: bool


class _Headers(AuthBase):
    """Puts the credentials on a request as it leaves; they stand in no session and no repr."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


def _inner(error: BaseException) -> BaseException:
    """What really happened, below the wrappings of requests and urllib3."""
    inner: object = error.args[0] if isinstance(error, requests.RequestException) and error.args else error
    if isinstance(inner, urllib3.exceptions.MaxRetryError):
        inner = inner.reason
    if isinstance(inner, urllib3.exceptions.ProxyError):
        inner = inner.original_error
    if isinstance(inner, urllib3.exceptions.SSLError) and inner.args:
        inner = inner.args[0]
    return inner if isinstance(inner, BaseException) else error


def _read(response: requests.Response, deadline: float) -> tuple[bytes, bool]:
    """The body as far as it came, and whether that is all: bounded in size and in time, however slowly it
    drips."""
    body = bytearray()
    try:
        while chunk := response.raw.read1(65536, decode_content=True):
            body += chunk
            if len(body) > LARGEST_ANSWER or time.monotonic() > deadline:
                return bytes(body[:LARGEST_ANSWER]), False
    except (urllib3.exceptions.HTTPError, OSError):
        return bytes(body), False
    return bytes(body), True


def _storable(value: Any) -> Any:
    """The same without what no database keeps: NUL, and halves of surrogate pairs, which JSON can carry."""
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(inner) for key, inner in value.items()}
    return [_storable(inner) for inner in value] if isinstance(value, list) else value


def _texts(value: object, word: str = "") -> list[str]:
    """All words in strings, lists and objects, however deep; of an object that has it, `word` alone."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, dict):
        parts = [value[word]] if word and word in value else value.values()
        return [text for part in parts for text in _texts(part, word)]
    return [text for part in value for text in _texts(part, word)] if isinstance(value, list) else []


def _status_words(status: int) -> str:
    try:
        return f"The provider answered {status} ({HTTPStatus(status).phrase})."
    except ValueError:
        return f"The provider answered {status}."
