"""What went wrong with a call, as RFC 9457 problem documents; no error is anything else."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic
import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError

from social import workflow
from social.models import Post

log = structlog.get_logger("hotdash.api")

MEDIA_TYPE = "application/problem+json"
ROOT = "/api/"
TYPES = "/api/v1/docs/problems/"
Errors = Mapping[str, Sequence[str]]
"""By field, as it is written in the body (`media[0].url`): the rules that it breaks, in words."""


@dataclass(frozen=True)
class Kind:
    """One type of problem. Names are a promise: programs compare `type`."""

    name: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        return TYPES + self.name


MALFORMED = Kind("malformed", 400, "Not readable", "The body is not JSON in UTF-8, or says a name twice.")
NOT_SIGNED_IN = Kind(
    "not-signed-in",
    401,
    "Not signed in",
    "The token is missing, unknown or revoked, and nobody is signed in.",
)
SCOPE_MISSING = Kind("scope-missing", 403, "Scope missing", "The token lacks the scope that `scope` names.")
NOT_ALLOWED = Kind("not-allowed", 403, "Not allowed", "The caller may not do this; `detail` says who may.")
FORGED = Kind("csrf", 403, "CSRF token missing", "A signed-in browser writes only with its CSRF token.")
AGENT_STOPPED = Kind(
    "agent-stopped",
    403,
    "Stopped",
    "A person has stopped this agent; `detail` says who and why. Only a person lets it go on.",
)
NOT_FOUND = Kind("not-found", 404, "Not found", "There is nothing at this address.")
METHOD = Kind("method-not-allowed", 405, "Method not allowed", "This address takes the methods in `Allow`.")
WRONG_STATE = Kind(
    "wrong-state",
    409,
    "Not in this state",
    "`state` names the post's status; `detail` says how it came to be.",
)
REFUSED = Kind("refused", 409, "Refused", "The post is as it is for the reason in `detail`.")
KEY_REUSED = Kind(
    "idempotency-key-reused",
    409,
    "Key used for another call",
    "This Idempotency-Key was used for a call with other content. A new call needs a new key.",
)
IN_PROGRESS = Kind(
    "in-progress", 409, "Still in progress", "The first call with this Idempotency-Key is not answered yet."
)
CHANGED = Kind(
    "changed",
    412,
    "Changed meanwhile",
    "The post is not the version that `If-Match` names: read it again, and make the change on that.",
)
TOO_LARGE = Kind("too-large", 413, "Body too large", "The body is larger than HotDash takes.")
MEDIA_TYPE_WRONG = Kind(
    "unsupported-media-type", 415, "Not JSON", "A body is sent as `Content-Type: application/json`."
)
QUOTA_USED_UP = Kind(
    "quota-used-up",
    429,
    "Quota used up",
    "All its proposals of the day are made. `resets_at` and `Retry-After` say when the next begins.",
)
INVALID = Kind("invalid", 422, "Not valid", "`errors` names each field and the rules that it breaks.")
FAULT = Kind(
    "fault",
    500,
    "A fault of HotDash",
    "Something went wrong that should not. `reference` finds it in the log.",
)
UNAVAILABLE = Kind(
    "unavailable", 503, "Not available", "The database does not answer. Nothing was done; try again soon."
)
OTHER = Kind("error", 400, "Error", "The status says what is wrong.")

KINDS = {
    kind.name: kind
    for kind in (
        *(MALFORMED, NOT_SIGNED_IN, SCOPE_MISSING, NOT_ALLOWED, FORGED, NOT_FOUND, METHOD, WRONG_STATE),
        *(REFUSED, KEY_REUSED, IN_PROGRESS, CHANGED, TOO_LARGE, MEDIA_TYPE_WRONG, INVALID, FAULT),
        *(AGENT_STOPPED, QUOTA_USED_UP, UNAVAILABLE, OTHER),
    )
}


class Problem(Exception):
    """A call is answered with this. `members` are further fields of the document."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or kind.meaning)
        self.kind = kind
        self.detail = detail or kind.meaning
        self.headers = dict(headers or {})
        self.status = status or kind.status
        self.members = members


def invalid(errors: Errors) -> Problem:
    """The 422 for these fields."""
    words = " ".join(f"{field}: {rule}" for field, rules in errors.items() for rule in rules)
    return Problem(INVALID, words, errors={field: list(rules) for field, rules in errors.items()})


def answer(request: HttpRequest, problem: Problem) -> JsonResponse:
    """The document as an answer."""
    return JsonResponse(
        document(request, problem), status=problem.status, content_type=MEDIA_TYPE, headers=problem.headers
    )


def document(request: HttpRequest, problem: Problem) -> dict[str, Any]:
    """What is told of a problem."""
    return {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.path,
        **problem.members,
    }


def on_exception(request: HttpRequest, error: Exception | type[Exception]) -> JsonResponse:
    """The document for whatever a call raised."""
    return answer(request, of_exception(error if isinstance(error, Exception) else error()))


def of_exception(error: Exception) -> Problem:
    """What a refusal, a wrong body, or a fault is in the words of this API."""
    match error:
        case Problem():
            return error
        case workflow.InvalidContent(problems=problems):
            return invalid(_by_field((problem.field, problem.message) for problem in problems))
        case workflow.NotAllowed():
            return Problem(NOT_ALLOWED, str(error))
        case workflow.WrongState(status=state):
            return Problem(WRONG_STATE, str(error), state=state)
        case workflow.Refusal():
            return Problem(REFUSED, str(error))
        case ValidationError(errors=errors):
            return invalid(_by_field((field_of(item["loc"]), _words(item)) for item in errors))
        case AuthenticationError():
            return not_signed_in()
        case HttpError(status_code=status):
            return of_status(status)
        case Http404() | Post.DoesNotExist():
            return Problem(NOT_FOUND)
        case RequestDataTooBig():
            return Problem(TOO_LARGE)
        case OperationalError() | InterfaceError():
            log.error("database away", exc_info=error)
            return Problem(UNAVAILABLE, headers={"Retry-After": "30"})
    reference = uuid.uuid4().hex[:8]
    log.error("fault", reference=reference, exc_info=error)
    return Problem(FAULT, reference=reference)


def of_model(error: pydantic.ValidationError) -> Problem:
    """What is wrong with one part of a body, field by field."""
    return invalid(_by_field((field_of(("part", *item["loc"])), _words(item)) for item in error.errors()))


def not_signed_in(detail: str = "", error: str = "") -> Problem:
    """The 401, with the challenge of RFC 6750."""
    challenge = 'Bearer realm="HotDash"' + (f', error="{error}"' if error else "")
    return Problem(NOT_SIGNED_IN, detail, headers={"WWW-Authenticate": challenge})


def of_status(status: int) -> Problem:
    """The problem that a bare status stands for."""
    kind = next((kind for kind in KINDS.values() if kind.status == status), OTHER)
    return Problem(kind, status=status)


def field_of(location: Sequence[str | int]) -> str:
    """A field's name as a client would write it: ("body", "payload", "media", 0, "url") is `media[0].url`."""
    source, *rest = location
    names = [name for name in (rest[1:] if source == "body" else rest) if name != "[key]"]
    written = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in names)
    return written.lstrip(".") or str(source)


def _words(item: Mapping[str, Any]) -> str:
    return {"extra_forbidden": "There is no such field.", "missing": "Is required."}.get(
        item["type"], str(item["msg"]).removeprefix("Value error, ")
    )


def _by_field(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for field, words in pairs:
        errors.setdefault(field, []).append(words)
    return errors


def page(request: HttpRequest, name: str) -> HttpResponse:
    """What a `type` leads to: its meaning, as plain text."""
    kind = KINDS.get(name)
    if kind is None:
        raise Http404
    return HttpResponse(
        f"{kind.title} ({kind.status})\n\n{kind.meaning}\n", content_type="text/plain; charset=utf-8"
    )


class EveryErrorIsAProblem:
    """Middleware: an error under `/api/` that Django itself answers (no such address, a wrong method, a fault
    in between) becomes a problem document too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path.startswith(ROOT) or response.status_code < 400:
            return response
        if response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
            return response
        problem = of_status(response.status_code)
        kept = ("Allow", "Retry-After", "WWW-Authenticate")
        problem.headers = {name: response.headers[name] for name in kept if name in response.headers}
        return answer(request, problem)
