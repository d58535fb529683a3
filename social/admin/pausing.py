"""Pausing asks why and until when, on a page of its own; resuming leads to what elapsed, if anything did."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from social.admin.asking import ask
from social.explain import moment
from social.publishing import resuming
from social.workflow import Refusal, WrongState
from social.workflow.pausing import PERMISSION, What


class PauseForm(forms.Form):
    """`reason`, and `until` (`2026-11-24T12:00`, in the person's zone) or nothing."""

    reason = forms.CharField(max_length=300, error_messages={"required": "Say why: others will wonder."})
    until = forms.DateTimeField(
        required=False,
        error_messages={"invalid": "This is not a date and a time: write it like 2026-11-24T12:00."},
    )


def may_pause(request: HttpRequest) -> User:
    if not isinstance(request.user, User) or not request.user.has_perm(PERMISSION):
        raise PermissionDenied("Pausing publishing is for an approver or an operator.")
    return request.user


def ask_to_pause(
    request: HttpRequest,
    do: Callable[[str, datetime | None], object],
    *,
    title: str,
    question: str,
    lines: Sequence[str],
    back: str,
    back_words: str,
    done: str,
) -> HttpResponse:
    """Ask for the reason and the end, then do it. Does nothing by GET."""
    form = PauseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        until = form.cleaned_data["until"]
        try:
            do(form.cleaned_data["reason"], until)
        except WrongState as refusal:  # somebody was first
            messages.warning(request, str(refusal))
            return HttpResponseRedirect(back)
        except Refusal as refusal:
            form.add_error("until", str(refusal))
        else:
            end = f" It goes on by itself at {moment(until)}." if until else ""
            messages.success(request, f"{done}{end}")
            return HttpResponseRedirect(back)
    return ask(
        request,
        admin.site,
        title=title,
        question=question,
        lines=lines,
        reason_label="Why",
        reason_help="Everybody reads it at the top of every page.",
        reason_error=_error(form, "reason"),
        reason=form["reason"].value() or "",
        until_label="Until",
        until_help="Then it goes on by itself. Empty: until somebody resumes it.",
        until_error=_error(form, "until"),
        until=form["until"].value() or "",
        button=title,
        back=back,
        back_words=back_words,
        dangerous=True,
    )


def _error(form: forms.Form, field: str) -> str:
    return " ".join(str(words) for words in form.errors.get(field, ()))


def resumed(
    request: HttpRequest,
    what: What | None,
    do: Callable[[], object],
    *,
    back: str,
    done: str,
    elapses: bool = True,
) -> HttpResponse:
    """Let it go on, or lead to the plan first where something elapsed meanwhile (`elapses`: if it can)."""
    plan = reverse("admin:social_post_resume") + resuming.named(what)
    if elapses and request.user.has_perm("social.publish_post") and resuming.anything_elapsed(what):
        messages.info(request, "Something came due meanwhile: say what becomes of it, then it goes on.")
        return HttpResponseRedirect(plan)
    try:
        do()
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(back)
