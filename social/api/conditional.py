"""Conditional requests (RFC 9110, 13): a poll that finds nothing new is answered with 304, and an edit that
began from an older version is refused instead of undoing somebody's."""

import hashlib
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Header

from social.api.problems import CHANGED, Problem
from social.models import Post

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=500,
        description="the `ETag` of the post that the change began from: 412 where somebody was faster",
    ),
]


def fresh(
    request: HttpRequest, response: HttpResponse, version: str = "", *, told: bytes | None = None
) -> HttpResponse:
    """The answer with its `ETag`; 304 without a body where the caller has just that (`If-None-Match`).

    `version` goes into the tag where a write may come back with it. `told`: what of the answer counts, where
    the rest differs with every moment; the tag is a weak one then.
    """
    digest = hashlib.sha256(response.content if told is None else told).hexdigest()[:20]
    tag = f'"{version}.{digest}"' if version else f'"{digest}"'
    response.headers["ETag"] = tag if told is None else f"W/{tag}"
    response.headers["Cache-Control"] = "private, no-cache"
    asked = _tags(request.headers.get("If-None-Match", ""))
    if response.status_code != 200 or not ("*" in asked or tag in asked):
        return response
    unchanged = HttpResponse(status=304)
    for name in ("ETag", "Cache-Control"):
        unchanged.headers[name] = response.headers[name]
    return unchanged


def version_of(post: Post) -> str:
    """What an edit replaces: content, the name for us, and the state that it is in."""
    content = post.revision.content_hash if post.revision else ""
    number = post.revision.number if post.revision else 0
    said = f"{post.pk} {number} {content} {post.title} {post.status}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def unchanged_since(post: Post, if_match: str | None) -> None:
    """Raises `Problem` (412) where the locked post is not the version that the caller has seen."""
    if if_match is None:
        return
    tags = _tags(if_match)
    current = version_of(post)
    if "*" not in tags and not any(tag.strip('"').partition(".")[0] == current for tag in tags):
        raise Problem(CHANGED, state=post.status)


def _tags(header: str) -> set[str]:
    """The tags of a header. A weak one counts like a strong one: they differ in nothing here."""
    return {tag.strip().removeprefix("W/") for tag in header.split(",") if tag.strip()}
