"""Agents: a token is issued with a secret that is shown once, stopped and let go on, revoked for good, never
deleted. What it may and who answers for it is never changed."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from social.admin import agent_pages
from social.admin.asking import ask
from social.admin.boxes import Boxes
from social.admin.form_page import form_page
from social.explain import moment
from social.models import ApiToken
from social.models.token import SCOPES

if TYPE_CHECKING:
    _Form = forms.ModelForm[ApiToken]
    _UserField = forms.ModelChoiceField[User]
else:
    _Form = forms.ModelForm
    _UserField = forms.ModelChoiceField


class _People(_UserField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.get_full_name() or obj.get_username())


class TokenForm(_Form):
    """Name, owner and scopes of a new token."""

    scopes = forms.MultipleChoiceField(
        label="May",
        choices=[(scope, f"{scope}: {words}") for scope, words in SCOPES.items()],
        widget=Boxes,
        help_text="No token can approve: that is for people alone.",
    )

    class Meta:
        model = ApiToken
        fields = ("name", "user", "purpose", "daily_quota", "scopes")
        labels = {"user": "Who answers for it", "purpose": "What it does", "daily_quota": "Proposals a day"}
        help_texts = {
            "name": "As the screens show it, for example content-agent.",
            "user": "Counts as an author of what the token makes, so somebody else approves it.",
            "purpose": "In a few words, for example: proposes what is back in stock.",
            "daily_quota": "Empty: as many as it likes.",
        }
        widgets = {
            "name": UnfoldAdminTextInputWidget,
            "user": UnfoldAdminSelectWidget,
            "purpose": UnfoldAdminTextInputWidget,
            "daily_quota": UnfoldAdminTextInputWidget,
        }

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if ApiToken.objects.filter(name__iexact=name, revoked_at=None).exists():
            raise forms.ValidationError(
                "There is a token of this name: revoke it first, or take another name."
            )
        return name


class AgentForm(_Form):
    """What may be changed of an agent: not what it is called, who answers for it, or what it may."""

    class Meta:
        model = ApiToken
        fields = ("purpose", "daily_quota", "instructions", "notes")
        labels = {
            "purpose": "What it does",
            "daily_quota": "Proposals a day",
            "instructions": "Standing instructions",
            "notes": "How far to trust it",
        }
        help_texts = {
            "purpose": "In a few words.",
            "daily_quota": "Empty: as many as it likes. The day is the shop’s.",
            "instructions": "One a line. It reads them before it proposes.",
            "notes": "For people alone: the agent never sees this.",
        }
        widgets = {
            "purpose": forms.TextInput({"class": "hd-input"}),
            "daily_quota": forms.NumberInput({"class": "hd-input", "min": 0}),
            "instructions": forms.Textarea({"class": "hd-input", "rows": 5}),
            "notes": forms.Textarea({"class": "hd-input", "rows": 4}),
        }


_FORM = form_page("social_apitoken", "Agents")


@admin.register(ApiToken)
class TokenAdmin(ModelAdmin):
    """Lists agents, issues, stops and revokes their tokens."""

    form = TokenForm
    add_words = "New agent"
    search_fields = ("name", "user__username", "user__first_name", "user__last_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return super().get_queryset(request).select_related("user")

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Who proposes, and how it fares."""
        if not self.has_view_permission(request):
            raise PermissionDenied("The agents are for an operator.")
        context = {
            **self._frame(request, "Agents"),
            **agent_pages.the_list(request.GET.get("page", "")),
            "may_add": self.has_add_permission(request),
        }
        return render(request, "social/agents.html", context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        answer: HttpResponse = super().add_view(
            request,
            form_url,
            {**_FORM, "title": "New agent", "save_words": "Issue its key", **(extra_context or {})},
        )
        return answer

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One agent, and what it was told. A token itself is never changed."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("A token is never changed: revoke it and issue a new one.")
        token = self._token(request, object_id)
        context = {
            **self._frame(request, token.name),
            **agent_pages.one(token, request.GET.get("show", ""), request.GET.get("page", "")),
            "may": [SCOPES.get(scope, scope) for scope in token.scopes],
        }
        return render(request, "social/agent.html", context)

    def _frame(self, request: HttpRequest, title: str) -> dict[str, Any]:
        context = self.admin_site.each_context(request)
        return {**context, "title": title, "is_fullwidth": "1", "may_stop": _may_stop(request)}

    def _token(self, request: HttpRequest, object_id: str) -> ApiToken:
        if not self.has_view_permission(request):
            raise PermissionDenied("The agents are for an operator.")
        token: ApiToken | None = self.get_object(request, unquote(object_id))
        if token is None:
            raise Http404("There is no such agent.")
        return token

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            people = User.objects.filter(is_active=True).order_by("first_name", "username")
            # Who is not a superuser lets no program act for one.
            kwargs["queryset"] = people if request.user.is_superuser else people.filter(is_superuser=False)
            kwargs.update(form_class=_People, initial=request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "user" in form.base_fields:
            wrapper = form.base_fields["user"].widget  # people are not made or changed from here
            wrapper.can_add_related = wrapper.can_change_related = wrapper.can_view_related = False
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Issue it. The secret stays on this object, for the answer to this request alone."""
        issued, secret = ApiToken.issue(
            user_id=obj.user_id,
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            purpose=obj.purpose,
            daily_quota=obj.daily_quota,
        )
        obj.pk, obj._state.adding = issued.pk, False
        obj.secret_once = secret

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in the answer itself, so that it is stored nowhere."""
        context = {
            **self.admin_site.each_context(request),
            "title": "New agent",
            "heading": f"{obj.name} is ready",
            "secret_label": "Its secret",
            "secret": obj.secret_once,  # type: ignore[attr-defined]
            "lines": [
                "This is the only time that it is shown. HotDash keeps only its fingerprint.",
                "The program sends it with each call, as: Authorization: Bearer …",
            ],
            "back": reverse("admin:social_apitoken_changelist"),
            "back_words": "Agents",
        }
        return render(request, "hotdash/secret.html", context)

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str) -> URLPattern:
            found: URLPattern = path(route, self.admin_site.admin_view(view), name=f"social_apitoken_{name}")
            return found

        return [
            page("stop/", self.stop_all, "stop_all"),
            page("<path:object_id>/revoke/", self.revoke, "revoke"),
            page("<path:object_id>/stop/", self.stop, "stop"),
            page("<path:object_id>/start/", require_POST(self.start), "start"),
            page("<path:object_id>/edit/", self.edit, "edit"),
            *super().get_urls(),
        ]

    # ------------------------------------------------------------------------- stop and go on
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then refuse all its calls until somebody lets it go on. The list's switch does not ask."""
        token = self._to_stop(request, object_id)
        back = reverse("admin:social_apitoken_change", args=[token.pk])
        if token.stopped_at is not None:
            messages.info(request, f"{token} was stopped {moment(token.stopped_at)} already.")
            return HttpResponseRedirect(back)
        reason = request.POST.get("reason", "").strip()[:300]
        at_once = "at_once" in request.POST
        if request.method == "POST" and (reason or at_once):
            self._stop(request, [token], reason)
            messages.success(
                request,
                f"{token} is stopped: its calls are refused, and it is told{' why' if reason else ''}.",
            )
            return HttpResponseRedirect(reverse("admin:social_apitoken_changelist") if at_once else back)
        return ask(
            request,
            self.admin_site,
            title="Stop",
            question=f"Stop {token}?",
            lines=(
                "Its calls are refused until somebody lets it go on. What it has proposed stays, and "
                "can still be decided.",
            ),
            button="Stop it",
            back=back,
            back_words=str(token),
            dangerous=True,
            reason_label="Why?",
            reason_help=f"{token} is told this when it calls.",
            reason_error="Say why: the agent is told." if request.method == "POST" else "",
        )

    def stop_all(self, request: HttpRequest) -> HttpResponse:
        """Ask why, then stop every agent."""
        if not _may_stop(request):
            raise PermissionDenied("Stopping an agent is for an operator.")
        back = reverse("admin:social_apitoken_changelist")
        running = list(ApiToken.objects.filter(revoked_at=None, stopped_at=None))
        reason = request.POST.get("reason", "").strip()[:300]
        if request.method == "POST" and reason:
            self._stop(request, running, reason)
            messages.success(
                request, "Every agent is stopped: their calls are refused, and they are told why."
            )
            return HttpResponseRedirect(back)
        return ask(
            request,
            self.admin_site,
            title="Stop all",
            question="Stop every agent?",
            lines=(
                f"{len(running)} {'is' if len(running) == 1 else 'are'} on. Their calls are refused until "
                "somebody lets each of them go on; people go on writing and deciding.",
            ),
            button="Stop all",
            back=back,
            back_words="Agents",
            dangerous=True,
            reason_label="Why?",
            reason_help="Each agent is told this when it calls.",
            reason_error="Say why: the agents are told." if request.method == "POST" else "",
        )

    def _stop(self, request: HttpRequest, tokens: list[ApiToken], reason: str) -> None:
        for token in tokens:
            stopped = ApiToken.objects.filter(pk=token.pk, stopped_at=None).update(
                stopped_at=timezone.now(), stopped_by=request.user.pk, stop_reason=reason
            )
            if stopped:
                self.log_change(request, token, f"Stopped. {reason}".strip())

    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it go on."""
        token = self._to_stop(request, object_id)
        going = ApiToken.objects.filter(pk=token.pk, revoked_at=None, stopped_at__isnull=False).update(
            stopped_at=None, stopped_by=None, stop_reason=""
        )
        if going:
            self.log_change(request, token, "Let go on.")
            messages.success(request, f"{token} may propose again.")
        elif token.revoked_at:
            messages.error(request, f"{token} is revoked, for good: issue a new key.")
        else:
            messages.info(request, f"{token} was on already.")
        if "at_once" in request.POST:
            return HttpResponseRedirect(reverse("admin:social_apitoken_changelist"))
        return HttpResponseRedirect(reverse("admin:social_apitoken_change", args=[token.pk]))

    def _to_stop(self, request: HttpRequest, object_id: str) -> ApiToken:
        if not _may_stop(request):
            raise PermissionDenied("Stopping an agent is for an operator.")
        return self._token(request, object_id)

    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What it does, its quota, its instructions and how far it is trusted."""
        if not _may_stop(request):
            raise PermissionDenied("Editing an agent is for an operator.")
        token = self._token(request, object_id)
        form = AgentForm(request.POST or None, instance=token)
        if request.method == "POST" and form.is_valid():
            changed = {name: form.cleaned_data[name] for name in form.changed_data}
            if changed:
                ApiToken.objects.filter(pk=token.pk).update(**changed)
                self.log_change(request, token, f"Changed {', '.join(sorted(changed)).replace('_', ' ')}.")
            messages.success(request, f"{token} is saved." if changed else "Nothing was changed.")
            return HttpResponseRedirect(reverse("admin:social_apitoken_change", args=[token.pk]))
        context = {**self._frame(request, f"Edit {token}"), "form": form, "token": token}
        return render(request, "social/agent_form.html", context, status=422 if form.is_bound else 200)

    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then stop a token for good."""
        if not _may_stop(request):
            raise PermissionDenied("Revoking a token is for an operator.")
        token = self._token(request, object_id)
        back = reverse("admin:social_apitoken_change", args=[token.pk])
        if token.revoked_at is not None:
            messages.info(request, f"{token} was revoked {moment(token.revoked_at)} already.")
            return HttpResponseRedirect(back)
        if request.method == "POST":
            ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
            self.log_change(request, token, "Revoked.")
            messages.success(request, f"{token} is revoked: its calls are refused from now on.")
            return HttpResponseRedirect(back)
        return ask(
            request,
            self.admin_site,
            title="Revoke",
            question=f"Revoke {token}?",
            lines=(
                "Its calls are refused at once, and for good. What it proposed stays as it is.",
                "To let the program work again, issue a new token.",
            ),
            button="Revoke it",
            back=back,
            back_words=str(token),
            dangerous=True,
        )


def _may_stop(request: HttpRequest) -> bool:
    return request.user.has_perm("social.change_apitoken")
