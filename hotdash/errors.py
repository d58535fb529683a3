"""Answers to what went wrong, in words: what happened, what was kept, what to do. None asks the database."""

import sys
import uuid
from dataclasses import dataclass

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

log = structlog.get_logger("hotdash.errors")

DATABASE_AWAY = (OperationalError, InterfaceError)


@dataclass(frozen=True)
class Words:
    """One error page."""

    status: int
    title: str
    happened: str
    kept: str
    to_do: str


NOT_FOUND = Words(
    404,
    "This page is not here",
    "The address leads to nothing: it may have been mistyped, or what it named is no more.",
    "Everything. Nothing was changed by looking.",
    "Go back, or start at Home and search there.",
)
UNKNOWN_HOST = Words(
    400,
    "HotDash does not go by this address",
    "The address in the browser is not one that this installation was told to answer to.",
    "Everything. Nothing was looked at.",
    "Use the address that was printed at the start, or let an operator add this one to ALLOWED_HOSTS.",
)
FORGERY = Words(
    403,
    "Not done: the form was too old",
    "The form did not carry the sign that it came from you. That is so when you signed in again in another "
    "tab, or when the browser keeps no cookies.",
    "Everything as it was: nothing was changed.",
    "Go back, load the page again, and send it once more.",
)
FAULT = Words(
    500,
    "HotDash made a mistake",
    "Something went wrong that should not. It was written to the log.",
    "What was saved before. Of this step nothing or all was written, never a half; nothing is sent twice.",
    "Load the page and see whether it was done; then try again. If it happens again, tell an operator the "
    "number below.",
)
DATABASE = Words(
    503,
    "The database did not answer",
    "HotDash could not read or write, so the page could not be shown.",
    "Everything that was saved before. If you sent a form, it was not written down; what you typed is still "
    "in the form when you go back. Nothing was published twice and nothing is lost.",
    "Try again in a minute. It counts once, however often you press.",
)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403, with the reason where there is one."""
    why = str(exception) if exception and str(exception) else "This page is for other people than you."
    words = Words(
        403,
        "You may not do this",
        why,
        "Everything as it was: nothing was changed.",
        "Ask somebody of the group that may, or ask an operator to put you in it.",
    )
    return page(request, words)


def forgery(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without a valid CSRF token. Named in the settings."""
    log.warning("csrf refused", path=request.path, reason=reason)
    return page(request, FORGERY)


def unknown_host(request: HttpRequest) -> HttpResponse:
    """400 for an address that this installation does not go by."""
    log.warning("unknown host", host=request.META.get("HTTP_HOST", "")[:200])
    return page(request, UNKNOWN_HOST)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return page(request, NOT_FOUND)


def fault(request: HttpRequest) -> HttpResponse:
    """500, or 503 where the database was away."""
    if isinstance(sys.exc_info()[1], DATABASE_AWAY):
        return database_away(request)
    number = uuid.uuid4().hex[:8]
    log.error("fault", number=number, path=request.path, exc_info=True)
    return page(request, FAULT, number)


def database_away(request: HttpRequest) -> HttpResponse:
    """503, to be tried again soon."""
    number = uuid.uuid4().hex[:8]
    log.error("database away", number=number, path=request.path, exc_info=True)
    answer = page(request, DATABASE, number)
    answer.headers["Retry-After"] = "30"
    return answer


def page(request: HttpRequest, words: Words, number: str = "") -> HttpResponse:
    """The page; plain text where even that cannot be drawn."""
    try:
        body = render_to_string("error.html", {"words": words, "number": number})
    except Exception:
        log.exception("the error page could not be drawn")
        plain = f"{words.title}.\n\n{words.happened}\n{words.kept}\n{words.to_do}\n{number}"
        return HttpResponse(plain, status=words.status, content_type="text/plain; charset=utf-8")
    return HttpResponse(body, status=words.status)
