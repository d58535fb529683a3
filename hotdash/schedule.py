"""Beat's entries: what runs how often. They come with the migrations; staff change the pace."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from social.admin.form_page import form_page
from social.explain import moment

for _model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(_model)


class _TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    pass


_WORDS = {
    "interval": ("How often", "Where the environment sets a pace, it is written here when Beat starts."),
    "expire_seconds": (
        "Dropped after, seconds",
        "A run that no worker took by then is dropped: the next does it.",
    ),
    "enabled": ("On", "Off: nothing of it runs until somebody switches it on."),
}


class EntryForm(PeriodicTaskForm):
    """django-celery-beat's form in Unfold's widgets; the task is chosen, or stays what it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
        if "regtask" in self.fields:
            self.fields["regtask"].widget = _TaskSelect()
        for name, (label, help_text) in _WORDS.items():
            if name in self.fields:
                self.fields[name].label, self.fields[name].help_text = label, help_text

    def clean(self) -> dict[str, Any]:
        self.cleaned_data.setdefault("task", self.instance.task)
        cleaned: dict[str, Any] = super().clean()  # type: ignore[no-untyped-call]
        return cleaned

    class Meta:
        model = PeriodicTask
        exclude = ()
        widgets = {"description": forms.Textarea}


@admin.register(PeriodicTask)
class EntryAdmin(ModelAdmin):
    """The entries. Only a superuser makes new ones; none is deleted here."""

    form = EntryForm
    add_words = "New entry"
    change_form_template = None
    list_display = ("name", "what", "pace", "last_ran", "state")
    ordering = ("name",)
    list_per_page = 50
    show_full_result_count = False
    sortable_by = ()
    actions = ("switch_on", "switch_off")
    readonly_fields = ("what", "last_ran", "task_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicTask]:
        rows: QuerySet[PeriodicTask] = super().get_queryset(request)
        return rows.select_related("interval", "crontab", "solar", "clocked").exclude(
            name="celery.backend_cleanup"
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            fields = ("name", "regtask", "task", "description", "interval", "expire_seconds", "enabled")
            return ((None, {"fields": fields}), ("Arguments", {"fields": ("args", "kwargs")}))
        shown = ("task_name", "what", "interval", "expire_seconds", "enabled", "last_ran")
        return ((None, {"fields": shown}),)

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": "Schedule", **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        entry = self.get_object(request, unquote(object_id))
        more = {
            **form_page("django_celery_beat_periodictask", "Schedule"),
            "title": entry.name if entry else "",
        }
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, {**more, **(extra_context or {})}
        )
        return answer

    @admin.action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        self._switch(request, queryset, True)

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, rows: QuerySet[PeriodicTask], on: bool) -> None:
        names = ", ".join(rows.values_list("name", flat=True))
        rows.update(enabled=on)
        PeriodicTasks.update_changed()  # type: ignore[no-untyped-call]
        messages.success(request, f"Switched {'on' if on else 'off'}: {names}. Beat follows within seconds.")

    @display(description="Runs")
    def task_name(self, entry: PeriodicTask) -> str:
        return str(entry.task)

    @display(description="What it does")
    def what(self, entry: PeriodicTask) -> str:
        return entry.description or entry.task

    @display(description="How often")
    def pace(self, entry: PeriodicTask) -> str:
        return str(entry.scheduler or "never")

    @display(description="Last started", ordering="last_run_at")
    def last_ran(self, entry: PeriodicTask) -> str:
        return moment(entry.last_run_at) if entry.last_run_at else "not yet"

    @display(description="State", ordering="enabled")
    def state(self, entry: PeriodicTask) -> str:
        return render_to_string("admin/django_celery_beat/pill.html", {"entry": entry})


@admin.register(IntervalSchedule)
class PaceAdmin(ModelAdmin):
    """A pace that an entry can have; reached from the entry's form."""

    def has_delete_permission(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False
