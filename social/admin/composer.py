"""While somebody writes: how it will look, what would stop it, and pictures that are kept at once.

`preview/` answers a fragment, `picture/` JSON; neither writes anything of a post.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views import View

from social import networks, pictures
from social.admin import post_form
from social.admin.post_actions import actor_of
from social.alike import alike
from social.explain import moment
from social.models import Post
from social.models.channel import NETWORK_NAMES
from social.networks.preview import previews
from social.workflow import Content, planning
from social.workflow.content import shown

if TYPE_CHECKING:
    from social.admin.posts import PostAdmin


@dataclass(frozen=True)
class Check:
    """One line of what is checked before it is sent. `tone`: "stop", "warn" or "" for what is fine; `go`: the
    field that mends it; `leave`: the network that can be left out instead."""

    tone: str
    title: str
    words: str = ""
    go: str = ""
    go_words: str = ""
    leave: str = ""
    leave_name: str = ""
    link: str = ""
    link_words: str = ""


class _WhileWriting(View):
    """A POST by somebody who may write posts."""

    http_method_names = ["post"]
    post_admin: PostAdmin = None  # type: ignore[assignment]  # given to as_view()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        may = self.post_admin.has_add_permission(request) or self.post_admin.has_change_permission(request)
        if not may:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)  # type: ignore[return-value]


class Picture(_WhileWriting):
    """Keep one picture, so that it is there when the post is saved."""

    def post(self, request: HttpRequest) -> HttpResponse:
        file = request.FILES.get("picture")
        if file is None:
            return JsonResponse({"problem": "No picture came with it."}, status=400)
        try:
            media = post_form.keep(file, actor_of(request).person)
        except pictures.UnusablePicture as refusal:
            return JsonResponse({"problem": str(refusal)}, status=422)
        return JsonResponse(
            {
                "sha256": media.sha256,
                "thumbnail": reverse("admin:social_media_thumbnail", args=[media.sha256]),
                "words": f"{media.filename} · {media.width:,} × {media.height:,}",
            }
        )


class Preview(_WhileWriting):
    """What was written so far, as each chosen network shows it, and what is checked of it."""

    def post(self, request: HttpRequest) -> HttpResponse:
        post = self._post(request)
        form = post_form.PostForm(request.POST, user=actor_of(request).person, post=post)
        form.is_valid()
        content = form.content()
        when = moment(content.scheduled_at) if content.scheduled_at else "now"
        checks = list(_checks(form, content, post))
        slot = planning.next_free_slot(content.channels, but=post.pk if post else None)
        return render(
            request,
            "social/composer_live.html",
            {
                "previews": previews(
                    content.channels,
                    text=content.text,
                    link=content.link,
                    overrides=content.overrides,
                    pictures=[(media.sha256, alt_text) for media, alt_text in content.media],
                    when=when,
                ),
                "checks": checks,
                "slot": slot,
                "slot_typed": post_form.typed(slot),
                "stops": sum(check.tone == "stop" for check in checks),
                "warns": sum(check.tone == "warn" for check in checks),
                "links": json.dumps(
                    {key: own["link"] for key, own in content.overrides.items() if own.get("link")}
                ),
            },
        )

    def _post(self, request: HttpRequest) -> Post | None:
        pk = request.POST.get("post", "")
        return self.post_admin.get_object(request, pk) if pk.isdecimal() else None


def _checks(form: post_form.PostForm, content: Content, post: Post | None) -> Iterator[Check]:
    """What stops it, then what should be looked at, then what is fine."""
    for field, errors in form.errors.items():
        if field != "__all__":
            yield from (Check("stop", str(words), go=_id_of(field), go_words="Go there") for words in errors)
    chosen = list(dict.fromkeys(channel.network for channel in content.channels))
    fits = True
    for key in chosen:
        for problem in _problems(content, key):
            fits = False
            yield Check(
                "stop",
                f"{NETWORK_NAMES.get(key, key)} would refuse it",
                problem.message,
                go=_id_of(post_form.field_of(problem)),
                go_words="Go there",
                leave=key if len(chosen) > 1 else "",
                leave_name=NETWORK_NAMES.get(key, key),
            )
    yield from _of_alt_texts(content)
    like = alike(content.text, content.channels, content.scheduled_at, but=post)
    if like is not None:
        on = " and ".join(dict.fromkeys(channel.network_name for channel in like.channels))
        yield Check(
            "warn",
            f"Much like “{like.post.name}”",
            f"{_when(like.post)} on {on}: {like.share * 10:.0f} words of 10 are the same.",
            link=reverse("admin:social_post_change", args=[like.post.pk]),
            link_words="Compare",
        )
    if chosen and fits:
        yield Check("", "Fits everywhere it goes", _number(len(chosen), "network"))
    if content.media and all(alt_text for _, alt_text in content.media):
        yield Check("", "Alt text", f"{len(content.media)} of {len(content.media)}")


def _problems(content: Content, key: str) -> Sequence[networks.Problem]:
    return [
        problem
        for problem in networks.check(
            text=content.text,
            link=content.link,
            overrides=content.overrides,
            networks=[key],
            pictures=[shown(*item) for item in content.media],
        )
        if problem.field != "link"  # the form itself says so, once
    ]


def _of_alt_texts(content: Content) -> Iterator[Check]:
    bare = [number for number, (_, alt_text) in enumerate(content.media, 1) if not alt_text]
    if bare:
        which = f"Picture {bare[0]} has" if len(bare) == 1 else f"{len(bare)} pictures have"
        yield Check("warn", f"{which} no alt text", "People who cannot see it get nothing.", go="hd-pictures")


def _when(post: Post) -> str:
    if post.status in (Post.Status.PUBLISHED, Post.Status.PARTLY_PUBLISHED):
        return f"Out {moment(post.published_at or post.sort_at)}"
    return f"Planned for {moment(post.scheduled_at)}" if post.scheduled_at else "Waiting to go out"


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _id_of(field: str) -> str:
    return {"pictures": "hd-pictures", "channels": "hd-channels"}.get(field, f"id_{field}")
