"""Connecting Publer from the admin: away to its authorization server and back, or a key in a form."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from integrations.credentials import Credential
from integrations.encryption import Undecipherable, decrypt, encrypt
from integrations.errors import Held, ProviderError, Refused
from integrations.publer import oauth
from integrations.publer.types import Workspace
from integrations.redaction import remember
from social import clock
from social.admin import choice
from social.admin.choice import Choice
from social.explain import span
from social.publishing import access, connect

log = structlog.get_logger("hotdash.connections")

MANAGE = "integrations.manage_connection"
PENDING = "publer_authorization"
"""In the session: a fingerprint of the state, the verifier (encrypted: sessions are rows), and for whom."""
PATIENCE = 600
"""Seconds that a person may take at the provider."""
AGAIN = "Start again with Connect. Nothing was changed."


def may_manage(request: HttpRequest) -> User:
    """The person, where they may connect; else PermissionDenied."""
    if not isinstance(request.user, User) or not request.user.has_perm(MANAGE):
        raise PermissionDenied("Connecting, testing and pausing a provider is for an operator.")
    return request.user


def back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:integrations_connection_changelist"))


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Where to send the browser, as JSON: a form that leads away is stopped by the page's own policy."""
    person = may_manage(request)
    if words := _not_offered():
        return JsonResponse({"words": words}, status=409)
    redirect_uri = request.build_absolute_uri(reverse("admin:integrations_connection_callback"))
    asked = oauth.begin(redirect_uri)
    request.session[PENDING] = {
        "state": oauth.fingerprint(asked.state),
        "verifier": encrypt(asked.verifier),
        "redirect": redirect_uri,
        "user": person.pk,
        "at": time.time(),
    }
    answer = JsonResponse({"url": asked.url})
    answer["Cache-Control"] = "no-store"
    return answer


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the provider. Always answered with a way on, so that no address with a code is kept; for the
    same reason nobody is sent to sign in from here with the address as the way back."""
    code, state = request.GET.get("code", ""), request.GET.get("state", "")
    remember(code)
    remember(state)
    person = request.user
    if not (isinstance(person, User) and person.is_active and person.is_staff):
        return HttpResponseRedirect(reverse("admin:login"))
    pending = request.session.pop(PENDING, None)
    went: HttpResponse | tuple[int, str] = messages.ERROR, "Connecting a provider is for an operator."
    if person.has_perm(MANAGE):
        went = _came_back(request, person, pending, code, state)
    if isinstance(went, tuple):
        messages.add_message(request, *went)
        went = back()
    went["Referrer-Policy"] = "no-referrer"
    return went


def _came_back(
    request: HttpRequest, person: User, pending: Any, code: str, state: str
) -> HttpResponse | tuple[int, str]:
    """Where to go on, or why not in words with their tone."""
    if words := _not_offered():
        return messages.ERROR, words
    if not isinstance(pending, dict) or pending.get("user") != person.pk:
        return messages.ERROR, f"This answer was used before, or was not asked for here. {AGAIN}"
    if not oauth.is_same(state, pending["state"]):
        return messages.ERROR, f"This answer belongs to another question than the one asked here. {AGAIN}"
    if time.time() - pending["at"] > PATIENCE:
        return messages.ERROR, f"The answer took longer than {span(PATIENCE)}. {AGAIN}"
    if request.GET.get("error") == "access_denied":
        return messages.WARNING, "Refused at Publer. Nothing was changed."
    if request.GET.get("error") or not code:
        return messages.ERROR, f"Publer did not allow it. {AGAIN}"
    try:
        grant = oauth.exchange(code, decrypt(pending["verifier"]), pending["redirect"])
    except Undecipherable:
        return messages.ERROR, f"The encryption key was changed meanwhile. {AGAIN}"
    except Refused:
        return (
            messages.ERROR,
            f"Publer did not accept its own answer: used before, too late, or not ours. {AGAIN}",
        )
    except ProviderError as error:
        return messages.ERROR, f"{error.message} {AGAIN}"
    went = connected(request, person, Credential.Kind.OAUTH, grant)
    return (messages.ERROR, went) if isinstance(went, str) else went


def connected(
    request: HttpRequest, person: User, kind: Credential.Kind, grant: oauth.Grant, workspace: str = ""
) -> HttpResponseRedirect | str:
    """Connect with it: where to go on, or why not in words. Where it sees several workspaces and none is
    named, the person is asked for one, and until then nothing is changed."""
    try:
        connection, count = connect.adopt(kind, grant, person, workspace)
    except connect.Several as several:
        choice.hold(request, Choice(kind, grant, several.workspaces, person.pk, clock.now()))
        return HttpResponseRedirect(reverse("admin:integrations_connection_choose"))
    except Held as held:
        return f"Not connected: {held.message} Try again in {span(held.seconds)}."
    except ProviderError as error:
        return f"Not connected. {error.message}"
    log.info("connected", provider="publer", kind=str(kind), workspace=connection.workspace, by=person.pk)
    messages.success(request, f"Connected to {connection}: {count} account{'' if count == 1 else 's'}.")
    return back()


@never_cache
@sensitive_variables()
def choose(request: HttpRequest) -> HttpResponse:
    """Which of the workspaces that it sees; one that was not among them is not taken."""
    person = may_manage(request)
    if words := _environment_wins():
        messages.error(request, words)
        return back()
    held = choice.held(request, person)
    if held is None:
        messages.error(request, f"What was allowed is kept for {span(choice.SECONDS)}, no longer. {AGAIN}")
        return back()
    wrong, wanted = "", request.POST.get("workspace", "")
    if request.method == "POST" and "leave" in request.POST:
        choice.forget(request)
        if held.kind == Credential.Kind.OAUTH:
            access.take_back(held.grant)
        messages.info(request, "Nothing was changed.")
        return back()
    if request.method == "POST" and wanted not in [workspace.id for workspace in held.workspaces]:
        wrong = "Choose one of these."
    elif request.method == "POST":
        went = connected(request, person, held.kind, held.grant_now(), wanted)
        if not isinstance(went, str):
            choice.forget(request)
            return went
        wrong = went
    context = {
        **admin.site.each_context(request),
        "title": "Which workspace",
        "rows": _choices(held.workspaces, wanted),
        "wrong": wrong,
        "back": reverse("admin:integrations_connection_changelist"),
    }
    status = 422 if wrong else 200
    return render(request, "admin/integrations/connection/choose.html", context, status=status)


@dataclass(frozen=True)
class Row:
    """A workspace to choose: `before` where it was connected once, `on` where it is the one to suggest."""

    id: str
    name: str
    before: bool
    on: bool


def _choices(workspaces: Sequence[Workspace], wanted: str) -> list[Row]:
    """The one that was connected last comes first and is suggested."""
    before = connect.connected_before([workspace.id for workspace in workspaces])
    suggested = wanted or next(iter(before), "")
    rows = [Row(one.id, one.name or one.id, one.id in before, one.id == suggested) for one in workspaces]
    return sorted(rows, key=lambda row: before.index(row.id) if row.before else len(before))


class KeyForm(forms.Form):
    """Write-only: what was typed is never shown again."""

    key = forms.CharField(
        label="Key",
        max_length=500,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"class": "hd-input", "autocomplete": "off"}),
    )


@sensitive_post_parameters()
@sensitive_variables()
def key(request: HttpRequest) -> HttpResponse:
    """A form for a key; it is tried before it is kept."""
    person = may_manage(request)
    if words := _environment_wins():
        messages.error(request, words)
        return back()
    form = KeyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        remember(form.cleaned_data["key"])
        went = connected(request, person, Credential.Kind.KEY, oauth.Grant(form.cleaned_data["key"]))
        if not isinstance(went, str):
            return went
        form.add_error("key", went)
    context = {
        **admin.site.each_context(request),
        "title": "Key for Publer",
        "form": form,
        "replaces": access.stored() is not None,
        "back": reverse("admin:integrations_connection_changelist"),
    }
    status = 422 if form.is_bound else 200
    return render(request, "admin/integrations/connection/key.html", context, status=status)


def _environment_wins() -> str:
    if not settings.PUBLER_API_KEY:
        return ""
    return "The environment's key comes first: take PUBLER_API_KEY out of it, then connect here."


def _not_offered() -> str:
    if words := _environment_wins():
        return words
    return "" if oauth.is_offered() else "No authorization server is set: keep a key instead."
