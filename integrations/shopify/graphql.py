"""How Shopify's GraphQL answers are to be understood
(https://shopify.dev/docs/api/admin-graphql, "Status and error codes")."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from integrations.errors import BadAnswer, ProviderError, Refused, RefusedKind
from integrations.http import Answer, ApiClient, Call, Cost, Refusal
from integrations.ratelimit import Limiter, Priority
from integrations.redaction import redact
from integrations.retry import Retry
from integrations.shopify.token import Token

T = TypeVar("T")
Errors = tuple[str, ...]
"""Shopify's words about what it left out."""
Parse = Callable[[dict[str, Any], Errors], T]

_ANY = ("text/html", "text/plain", "application/json")
REFUSALS: Final[Mapping[int, Refusal]] = {
    400: Refusal("permanent", word="message"),
    401: Refusal("auth", word="message"),
    402: Refusal("auth", word="message", plain=_ANY),  # the shop is frozen: it has not been paid for
    403: Refusal("auth", word="message"),
    404: Refusal("setup", word="message", plain=_ANY),  # no such shop: a page of Shopify's own
    413: Refusal("setup", word="message"),
    423: Refusal("auth", word="message", plain=_ANY),  # the shop is locked
    429: Refusal("rate_limited", word="message", plain=_ANY),
}
CODES: Final[Mapping[str, RefusedKind]] = {
    "THROTTLED": "rate_limited",
    "MAX_COST_EXCEEDED": "permanent",
    "ACCESS_DENIED": "auth",
    "SHOP_INACTIVE": "auth",
}
"""What the code of an error in a 200 means. One that stands neither here nor below stays as long as the query
does."""
PASSING: Final = frozenset({"", "INTERNAL_SERVER_ERROR", "TIMEOUT"})
"""Codes of errors that may be gone the next time."""
VERSION_HEADER: Final = "X-Shopify-API-Version"

log = structlog.get_logger(__name__)


@dataclass
class Query:
    """One document. `cost` is what it asks of the bucket at most: first as reckoned from its page size (a
    point an object), from the first answer on as Shopify says."""

    name: str
    cost: int

    @cached_property
    def text(self) -> str:
        return (Path(__file__).parent / "queries" / f"{self.name}.graphql").read_text()


class GraphQL:
    """The endpoint of one shop, in one version. `answered` is the version that answered last."""

    def __init__(
        self,
        base_url: str,
        version: str,
        token: Token,
        limiter: Limiter,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        self.version, self.answered = version, ""
        self._url = f"{base_url.rstrip('/')}/admin/api/{version}"
        self._token, self._limiter = token, limiter
        self._timeouts = (connect_timeout, read_timeout)
        self._connected: tuple[str, ApiClient] | None = None

    def __repr__(self) -> str:
        return f"<GraphQL {self._url}>"

    def ask(
        self,
        query: Query,
        variables: Mapping[str, object],
        parse: Parse[T],
        priority: Priority,
        retry: Retry,
    ) -> T:
        """What `parse` makes of data and errors. Raises Held, NotSent, Refused or BadAnswer."""
        body = {"query": query.text, "operationName": query.name, "variables": variables}
        call = Call("POST", "graphql.json", json=body)
        return retry.read(lambda: self._ask(query, call, parse, priority))

    def _ask(self, query: Query, call: Call, parse: Parse[T], priority: Priority) -> T:
        """Asks for a second time where a granted token had ended before its time."""
        token = self._token.current()
        try:
            return self._ask_with(token, query, call, parse, priority)
        except Refused as refused:
            if refused.status != 401 or not self._token.refused(token):
                raise
        return self._ask_with(self._token.current(), query, call, parse, priority)

    def _ask_with(self, token: str, query: Query, call: Call, parse: Parse[T], priority: Priority) -> T:
        api = self._api(token)
        answer = api.read(call, priority, query.cost)
        self._look_at_version(answer)
        body = answer.json if isinstance(answer.json, dict) else {}
        query.cost = _requested(body) or query.cost
        errors = _errors(body)
        words = tuple(word for word, _ in errors)
        try:
            parsed = parse(body["data"], words)
        except (ValueError, TypeError, LookupError):  # pydantic's ValidationError is a ValueError
            raise _error(api, answer, errors) from None
        if errors:  # the data serves without what they are about
            log.warning("partial answer", provider="shopify", query=query.name, errors=words)
        return parsed

    def _api(self, token: str) -> ApiClient:
        """The connection with this token; a granted one lasts a day."""
        known = self._connected
        if known is None or known[0] != token:
            known = self._connected = (
                token,
                ApiClient(
                    "shopify",
                    self._url,
                    limiter=self._limiter,
                    credentials={"X-Shopify-Access-Token": token},
                    secrets=[token],
                    connect_timeout=self._timeouts[0],
                    read_timeout=self._timeouts[1],
                    refusals=REFUSALS,
                    cost=_cost,
                ),
            )
        return known[1]

    def _look_at_version(self, answer: Answer) -> None:
        """Shopify answers with another version once the one asked for is gone."""
        answered = answer.headers.get(VERSION_HEADER, "")
        if answered not in ("", self.version, self.answered):
            log.warning("another version answers", provider="shopify", asked=self.version, answered=answered)
        self.answered = answered or self.answered


def _error(api: ApiClient, answer: Answer, errors: list[tuple[str, str]]) -> ProviderError:
    """What an answer without usable data proves."""
    if not errors:
        return api.unusable(answer, BadAnswer, "Shopify's answer does not have what was asked for.")
    word, code = next((error for error in errors if error[1] in CODES), errors[0])
    if code in PASSING:
        return api.unusable(answer, BadAnswer, f"Shopify could not answer: {word}")
    others = tuple(other for other, _ in errors if other != word)
    return api.refusal(answer, CODES.get(code, "permanent"), (word, *others))


def _cost(answer: Answer) -> Cost:
    """What the limiter learns: a query that was refused for its points has the status 200."""
    body = answer.json if isinstance(answer.json, dict) else {}
    throttled = any(code == "THROTTLED" for _, code in _errors(body))
    return Cost(429 if throttled else answer.status, _told_cost(body))


def _told_cost(body: dict[str, Any]) -> Mapping[str, Any] | None:
    extensions = body.get("extensions")
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    return cost if isinstance(cost, dict) else None


def _requested(body: dict[str, Any]) -> int:
    """What Shopify reckons this query to ask of the bucket; 0 where it does not say."""
    told = (_told_cost(body) or {}).get("requestedQueryCost")
    return round(told) if isinstance(told, int | float) and told > 0 else 0


def _errors(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Words (without secrets) and code of each error; the codes of a 200 stand in `extensions`."""
    errors = body.get("errors") or []
    return [_word_and_code(error) for error in (errors if isinstance(errors, list) else [errors])]


def _word_and_code(error: object) -> tuple[str, str]:
    if not isinstance(error, dict):
        return redact(str(error)), ""
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else ""
    return redact(str(error.get("message") or code or "no reason given")), str(code or "")
