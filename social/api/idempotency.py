"""The same key, the same answer: a write that is sent again because its answer was lost is not done again."""

import hashlib
import json
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from social.api import body
from social.api.auth import caller
from social.api.problems import IN_PROGRESS, KEY_REUSED, Problem
from social.models import IdempotentCall

REPLAYED = "Idempotent-Replayed"
NOT_YET = 0
_KEPT = ("Location", "ETag", "Cache-Control")


def once(request: HttpRequest, key: str | None, work: Callable[[], HttpResponse]) -> HttpResponse:
    """Do `work` in one transaction, together with its answer under this key; or answer as the first time.

    Only what was done is remembered: an error changed nothing, and the key may be used again. Of two calls at
    the same moment the second waits at the database until the first is done.
    """
    if key is None:
        with transaction.atomic():
            return work()
    known = replay(request, key)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            call = _begin(request, key)
            response = work()
            call.status = response.status_code
            call.answer = {
                "body": response.content.decode(),
                "headers": {name: response.headers[name] for name in _KEPT if name in response.headers},
            }
            call.save(update_fields=["status", "answer"])
        return response
    except _Taken:
        known = replay(request, key)
        if known is None:
            raise Problem(IN_PROGRESS, headers={"Retry-After": "1"}) from None
        return known


def replay(request: HttpRequest, key: str | None) -> HttpResponse | None:
    """The answer that this key has got before, if it has. Raises `Problem` where that was another call."""
    who = caller(request)
    call = IdempotentCall.objects.filter(user=who.person, token=who.token, key=key or "").first()
    if call is None or call.status == NOT_YET:
        return None
    if call.request_hash != _hash(request):
        raise Problem(KEY_REUSED)
    response = HttpResponse(call.answer["body"], status=call.status, content_type="application/json")
    response.headers[REPLAYED] = "true"
    for name, value in call.answer.get("headers", {}).items():
        response.headers[name] = value
    return response


class _Taken(Exception):
    """Somebody else began with this key meanwhile."""


def _begin(request: HttpRequest, key: str) -> IdempotentCall:
    """The row, seen by nobody before the work is committed; a second one waits here and is then refused."""
    who = caller(request)
    try:
        with transaction.atomic():
            return IdempotentCall.objects.create(
                user=who.person,
                token=who.token,
                key=key,
                request_hash=_hash(request),
                status=NOT_YET,
                answer={},
            )
    except IntegrityError:
        raise _Taken from None


def _hash(request: HttpRequest) -> str:
    said = json.dumps(body.read(request), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{request.method} {request.get_full_path()} {said}".encode()).hexdigest()
