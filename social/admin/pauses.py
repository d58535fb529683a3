"""Who paused and resumed what: read, never written here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from unfold.admin import ModelAdmin
from unfold.decorators import display

from social.explain import moment
from social.models import Switch
from social.workflow.pausing import PERMISSION


@admin.register(Switch)
class SwitchAdmin(ModelAdmin):
    """The newest first. Nobody adds, changes or deletes a line."""

    list_display = ("when", "thing", "did", "who", "why", "end")
    list_display_links = None
    list_select_related = ("by", "connection", "channel")
    list_per_page = 50
    show_full_result_count = False
    sortable_by = ()
    ordering = ("-id",)

    def has_view_permission(self, request: HttpRequest, obj: Switch | None = None) -> bool:
        return request.user.has_perm(PERMISSION)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Switch | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Switch | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": "Pauses", **(extra_context or {})})

    @display(description="When")
    def when(self, row: Switch) -> str:
        return moment(row.at)

    @display(description="What")
    def thing(self, row: Switch) -> str:
        return row.what

    @display(description="Was")
    def did(self, row: Switch) -> str:
        return render_to_string("social/switch_pill.html", {"row": row})

    @display(description="By")
    def who(self, row: Switch) -> str:
        return row.by.get_full_name() or row.by.get_username()

    @display(description="Why")
    def why(self, row: Switch) -> str:
        return row.reason or "–"

    @display(description="Until")
    def end(self, row: Switch) -> str:
        if not row.paused:
            return "–"
        return moment(row.until) if row.until else "somebody resumes it"
