"""The JSON of a call, read once and strictly."""

import json
import math
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser as NinjaParser

from social.api.problems import MALFORMED, MEDIA_TYPE_WRONG, Problem


def read(request: HttpRequest) -> Any:
    """What the body says; None where there is none. Raises `Problem` (400, 413, 415).

    Kept on the request: it is read when the caller comes through the door, and again where it is used.
    """
    if not hasattr(request, "said"):
        request.said = _read(request)  # type: ignore[attr-defined]
    return request.said  # type: ignore[attr-defined]


def _read(request: HttpRequest) -> Any:
    if not request.body:
        return None
    if request.content_type != "application/json":
        raise Problem(MEDIA_TYPE_WRONG)
    try:
        said = json.loads(
            request.body.decode(),
            parse_constant=_finite,
            parse_float=_finite,
            object_pairs_hook=_each_name_once,
        )
        if not all(_can_be_kept(text) for text in _texts(said)):
            raise Problem(MALFORMED, "A text contains the character U+0000, or half a character.")
    except (ValueError, RecursionError):
        raise Problem(MALFORMED) from None
    return said


def _finite(number: str) -> float:
    """JSON knows no infinity; 1e999 would become one."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of one body must not read two things."""
    said = dict(pairs)
    if len(said) < len(pairs):
        raise ValueError("a name stands twice")
    return said


def _texts(said: Any) -> Iterator[str]:
    """Every text in it, names included."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, list):
        for part in said:
            yield from _texts(part)
    elif isinstance(said, dict):
        for name, part in said.items():
            yield name
            yield from _texts(part)


def _can_be_kept(text: str) -> bool:
    """JSON can say what a database cannot keep: U+0000 (PostgreSQL), and one half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


class Parser(NinjaParser):
    """Lets the framework read the body that `read` has read."""

    def parse_body(self, request: HttpRequest) -> Any:
        return read(request)
