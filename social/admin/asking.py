"""A question on a page of its own before something is done: GET asks, POST does."""

from collections.abc import Sequence

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def ask(
    request: HttpRequest,
    site: AdminSite,
    *,
    title: str,
    question: str,
    lines: Sequence[str],
    button: str,
    back: str,
    back_words: str,
    dangerous: bool = False,
    reason_label: str = "",
    reason_help: str = "",
    reason_error: str = "",
    reason: str = "",
    until_label: str = "",
    until_help: str = "",
    until_error: str = "",
    until: str = "",
) -> HttpResponse:
    """The page with the question. `lines`: what will happen and what not; with `reason_label` it asks why,
    with `until_label` until when; `reason` and `until` are what was written already."""
    context = {
        **site.each_context(request),
        "title": title,
        "question": question,
        "lines": lines,
        "button": button,
        "back": back,
        "back_words": back_words,
        "dangerous": dangerous,
        "reason_label": reason_label,
        "reason_help": reason_help,
        "reason_error": reason_error,
        "reason": reason,
        "until_label": until_label,
        "until_help": until_help,
        "until_error": until_error,
        "until": until,
    }
    return render(request, "hotdash/ask.html", context, status=422 if reason_error or until_error else 200)
