"""People and their groups: invited, deactivated and reactivated, never deleted, since history names them."""

import secrets
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import password_validation
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm
from unfold.widgets import UnfoldAdminPasswordWidget

from social.admin.asking import ask
from social.admin.boxes import Boxes
from social.admin.form_page import form_page
from social.explain import moment

if TYPE_CHECKING:
    _Form = forms.ModelForm[User]
    _Groups = forms.ModelMultipleChoiceField[Group]
    _UserAdmin = UserAdmin[User]
else:
    _Form = forms.ModelForm
    _Groups = forms.ModelMultipleChoiceField
    _UserAdmin = UserAdmin

GROUP_WORDS = {
    "Author": "drafts posts and asks for approval",
    "Approver": "approves and rejects posts of others; recalls, cancels, pauses publishing",
    "Operator": "people, connection, tokens, schedule; retries, recalls, pauses publishing",
}


class _GroupField(_Groups):
    """Groups as boxes, each with what its people may do."""

    widget = Boxes

    def label_from_instance(self, obj: Any) -> str:
        words = GROUP_WORDS.get(obj.name)
        return f"{obj.name}: {words}" if words else str(obj.name)


class InviteForm(_Form):
    """A new person. Their password is set here, or made and shown once."""

    password = forms.CharField(
        label="Password",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Leave it empty to have one made: it is shown once, on the next page.",
    )

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "groups")

    def clean_password(self) -> str:
        password = str(self.cleaned_data.get("password") or "")
        if password:
            password_validation.validate_password(password, self.instance)
        return password

    def clean_username(self) -> str:
        username = str(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=username).exists():
            raise forms.ValidationError("Somebody has this username already.")
        return username

    def save(self, commit: bool = True) -> User:
        user = super().save(commit=False)
        self.made_password = "" if self.cleaned_data["password"] else secrets.token_urlsafe(12)
        user.set_password(self.cleaned_data["password"] or self.made_password)
        user.is_staff = True
        if commit:
            user.save()
            self.save_m2m()
        return user


admin.site.unregister(User)
admin.site.unregister(Group)

_FORM = form_page("auth_user", "People")


@admin.register(User)
class PersonAdmin(_UserAdmin, ModelAdmin):  # type: ignore[misc]
    """People. What makes somebody a superuser is neither shown to nor set by anybody who is not one."""

    add_form = InviteForm
    change_password_form = AdminPasswordChangeForm
    add_words = "Invite a person"
    add_form_template = "admin/change_form.html"
    change_form_outer_before_template: Any = "admin/auth/user/state.html"
    list_display = ("person", "member_of", "seen", "state")
    list_display_links = ("person",)
    list_filter = ("groups", "is_active")
    search_help_text = "Search name, email"
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-is_active", "first_name", "username")
    filter_horizontal = ()
    sortable_by = ()
    add_fieldsets: Any = (
        (None, {"fields": ("username", "first_name", "last_name", "email")}),
        ("What they may do", {"fields": ("groups",)}),
        ("Sign-in", {"fields": ("password",)}),
    )
    _person = (None, {"fields": ("username", "first_name", "last_name", "email")})
    _groups = ("What they may do", {"fields": ("groups",)})
    _member = ("What they may do", {"fields": ("member_of",)})
    _sign_in = ("Sign-in", {"fields": ("new_password", "seen", "joined")})
    _rights = (
        "Beyond the groups",
        {
            "fields": ("is_staff", "is_superuser", "user_permissions"),
            "description": "Shown to superusers alone.",
        },
    )

    # ---- who may
    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not super().has_change_permission(request, obj):
            return False
        person = self._resolved(obj)
        return person is None or request.user.is_superuser or not person.is_superuser

    def _resolved(self, obj: Any) -> User | None:
        """The person: Unfold hands over the row, its key, or nothing."""
        if obj is None or isinstance(obj, User):
            return obj
        return User.objects.filter(pk=unquote(str(obj))).first()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        if not self.has_change_permission(request, obj):
            return (self._person, self._member, ("Sign-in", {"fields": ("seen", "joined")}))
        if request.user.is_superuser:
            return (self._person, self._groups, self._sign_in, self._rights)
        # Nobody gives themselves more than they have.
        return (self._person, self._member if obj.pk == request.user.pk else self._groups, self._sign_in)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return ("new_password", "seen", "joined", "member_of") if obj else ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            return _GroupField(
                queryset=Group.objects.order_by("name"),
                required=False,
                label="Groups",
                help_text="Nothing chosen: they see only Home.",
            )
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    # ---- pages
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": "People", **(extra_context or {})})

    @method_decorator(sensitive_post_parameters())
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        return super().add_view(
            request,
            form_url,
            {**_FORM, "title": "Invite a person", "save_words": "Invite", **(extra_context or {})},
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        person = self._resolved(object_id)
        more = {
            **_FORM,
            "title": person and (person.get_full_name() or person.get_username()),
            "may_switch": person is not None and self._may_switch(request, person),
        }
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, {**more, **(extra_context or {})}
        )
        return answer

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            obj.password_once = form.made_password

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show a password that was made in the answer itself, so that it is stored nowhere but as a hash."""
        made = getattr(obj, "password_once", "")
        people = reverse("admin:auth_user_changelist")
        if not made:
            messages.success(
                request, f"{obj.get_full_name() or obj} can sign in now, as {obj.get_username()}."
            )
            return HttpResponseRedirect(people)
        context = {
            **self.admin_site.each_context(request),
            "title": "Invite a person",
            "heading": f"{obj.get_full_name() or obj} can sign in now",
            "secret_label": f"The password of {obj.get_username()}",
            "secret": made,
            "lines": [
                "This is the only time that it is shown. Hand it over in person or through a safe channel.",
                "They can change it themselves: at the foot of the sidebar, under their name.",
            ],
            "back": people,
            "back_words": "People",
        }
        return render(request, "hotdash/secret.html", context)

    # ---- deactivate and reactivate
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<path:object_id>/deactivate/", view(self.deactivate), name="auth_user_deactivate"),
            path("<path:object_id>/reactivate/", view(self.reactivate), name="auth_user_reactivate"),
            *super().get_urls(),
        ]

    def _may_switch(self, request: HttpRequest, person: User) -> bool:
        return person.pk != request.user.pk and self.has_change_permission(request, person)

    def _to_switch(self, request: HttpRequest, object_id: str) -> User:
        person = self._resolved(object_id)
        if person is None:
            raise Http404("There is no such person.")
        if person.pk == request.user.pk:
            raise PermissionDenied("Nobody deactivates themselves: ask another operator.")
        if not self.has_change_permission(request, person):
            raise PermissionDenied(
                "A superuser is changed by a superuser alone, everybody else by an operator."
            )
        return person

    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then shut a person out: sign-in, sessions and tokens."""
        person = self._to_switch(request, object_id)
        name = person.get_full_name() or person.get_username()
        if request.method == "POST":
            with transaction.atomic():
                User.objects.filter(pk=person.pk).update(is_active=False)
                ended = _end_sessions(person)
                self.log_change(request, person, f"Deactivated; {ended} sessions ended.")
            messages.success(
                request, f"{name} is deactivated: signed out everywhere, and their tokens are refused."
            )
            return self._back_to(person)
        return ask(
            request,
            self.admin_site,
            title="Deactivate",
            question=f"Deactivate {name}?",
            lines=(
                "They are signed out everywhere at once and cannot sign in.",
                f"{_tokens(person)} What they wrote and decided stays, under their name.",
            ),
            button="Deactivate",
            back=reverse("admin:auth_user_change", args=[person.pk]),
            back_words=name,
            dangerous=True,
        )

    def reactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then let a person in again."""
        person = self._to_switch(request, object_id)
        name = person.get_full_name() or person.get_username()
        if request.method == "POST":
            User.objects.filter(pk=person.pk).update(is_active=True)
            self.log_change(request, person, "Reactivated.")
            messages.success(request, f"{name} can sign in again.")
            return self._back_to(person)
        return ask(
            request,
            self.admin_site,
            title="Reactivate",
            question=f"Reactivate {name}?",
            lines=(
                "They can sign in again with the password that they had, in the groups that they had.",
                "Their API tokens that were not revoked work again, too.",
            ),
            button="Reactivate",
            back=reverse("admin:auth_user_change", args=[person.pk]),
            back_words=name,
        )

    def _back_to(self, person: User) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[person.pk]))

    # ---- cells
    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @display(description="Person", ordering="first_name")
    def person(self, user: User) -> str:
        return render_to_string("admin/auth/user/person.html", {"person": user})

    @display(description="Groups")
    def member_of(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or "none"

    @display(description="Last sign-in", ordering="last_login")
    def seen(self, user: User) -> str:
        return moment(user.last_login) if user.last_login else "never"

    @display(description="Password")
    def new_password(self, user: User) -> SafeString:
        return format_html('<a class="hd-link" href="{}">Set a new password</a>', "../password/")

    @display(description="Invited", ordering="date_joined")
    def joined(self, user: User) -> str:
        return moment(user.date_joined)

    @display(description="State", ordering="is_active")
    def state(self, user: User) -> str:
        return render_to_string("admin/auth/user/pill.html", {"person": user})


def _tokens(person: User) -> str:
    names = list(person.api_tokens.filter(revoked_at=None).values_list("name", flat=True)[:5])
    if not names:
        return "They answer for no API token."
    return f"The API tokens that they answer for are refused at once: {', '.join(names)}."


def _end_sessions(person: User) -> int:
    """Delete the sessions of one person; a kept one would live again when they are reactivated."""
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator(chunk_size=500):
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()
            ended += 1
    return ended


@admin.register(Group)
class WordsGroupAdmin(GroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Groups and what their people may do. They come with HotDash; a superuser may change them."""

    list_display = ("name", "words", "people")
    ordering = ("name",)
    search_fields = ()
    sortable_by = ()
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        return ("name", "permissions") if request.user.is_superuser else ("name", "words", "people", "rights")

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("words", "people", "rights")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).prefetch_related("user_set", "permissions")

    @display(description="What they do")
    def words(self, group: Group) -> str:
        return GROUP_WORDS.get(group.name, "a group of your own")

    @display(description="People")
    def people(self, group: Group) -> str:
        names = [
            user.get_full_name() or user.get_username() for user in group.user_set.all() if user.is_active
        ]
        return ", ".join(sorted(names)) or "nobody"

    @display(description="Rights")
    def rights(self, group: Group) -> SafeString:
        lines = sorted(permission.name for permission in group.permissions.all())
        drawn = format_html_join("", "<span class='hd-line'>{}</span>", ((line,) for line in lines))
        return format_html("<span>{}</span>", drawn)
