"""The *Channels* page: when each channel posts and when it does not, how long before its time a post is
decided about, and the hashtags that are offered for it.

Names for scripts: `slots_0` (Monday) … `slots_6` ("09:00, 17:30", by the shop's clock), `decide_lead`
(minutes), `default_tags`, `shown`; of a blackout `starts_at`, `ends_at` (`2026-12-24T12:00`, in the person's
zone), `channel` (its id, or nothing for all), `reason`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from social import clock
from social.admin.moment_field import MomentField
from social.admin.post_actions import actor_of
from social.models import Blackout, Channel
from social.moments import dated, moment
from social.wall_clock import beside, place, shop_zone
from social.workflow import Refusal, WrongState, planning

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LEADS = (
    (0, "until its time"),
    (30, "30 minutes before"),
    (60, "1 hour before"),
    (120, "2 hours before"),
    (240, "4 hours before"),
    (480, "8 hours before"),
    (1440, "a day before"),
    (2880, "2 days before"),
)


class PlanForm(forms.Form):
    """When one channel posts."""

    decide_lead = forms.TypedChoiceField(coerce=int, choices=LEADS)
    default_tags = forms.CharField(required=False, max_length=2000)

    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        lead, self.channel = channel.decide_lead, channel
        slots = {f"slots_{day}": ", ".join(channel.slots_on(day)) for day in range(7)}
        kwargs["initial"] = {"decide_lead": lead, "default_tags": channel.default_tags, **slots}
        super().__init__(*args, **kwargs)
        for day in range(7):
            self.fields[f"slots_{day}"] = forms.CharField(required=False, max_length=1000)
        if lead not in dict(LEADS):  # one that was set by hand stays choosable
            choice = forms.TypedChoiceField(coerce=int, choices=[*LEADS, (lead, f"{lead} minutes before")])
            self.fields["decide_lead"] = choice

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for day in range(7):
            self._read(f"slots_{day}", planning.times_of)
        self._read("default_tags", planning.tags_of)
        return cleaned

    def _read(self, name: str, read: Any) -> None:
        try:
            self.cleaned_data[name] = read(self.cleaned_data.get(name, ""))
        except Refusal as refusal:
            self.add_error(name, str(refusal))

    @property
    def days(self) -> Sequence[tuple[str, Any]]:
        """Each day with its field."""
        return [(name, self[f"slots_{number}"]) for number, name in enumerate(DAYS)]


class BlackoutForm(forms.Form):
    """A time in which nothing is planned."""

    starts_at = MomentField()
    ends_at = MomentField()
    channel = forms.ModelChoiceField(Channel.objects.none(), required=False)
    reason = forms.CharField(max_length=200, error_messages={"required": "Say why: others will wonder."})

    def __init__(self, *args: Any, channels: QuerySet[Channel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["channel"].queryset = channels  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Row:
    """One channel as the page shows it."""

    channel: Channel
    slots: Sequence[str]
    """Days that are alike in one line: "Mon to Fri 09:00, 17:30"."""
    next: str
    beside: str
    """What the shop's clock shows then, where that differs."""
    lead: str


@admin.register(Channel)
class ChannelAdmin(ModelAdmin):
    """Channels come from the provider: nobody adds or deletes one here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "blackout/",
                self.admin_site.admin_view(self.add_blackout),
                name="social_channel_blackout",
            ),
            path(
                "blackout/<int:pk>/remove/",
                self.admin_site.admin_view(self.remove_blackout),
                name="social_channel_blackout_remove",
            ),
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        return super().get_queryset(request).select_related("connection")

    # ------------------------------------------------------------------------------------ the list
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return self._page(request, BlackoutForm(channels=self._connected()))

    def _connected(self) -> QuerySet[Channel]:
        return Channel.objects.filter(active=True, connection__connected=True)

    def _page(self, request: HttpRequest, form: BlackoutForm) -> TemplateResponse:
        frame = self.admin_site.each_context(request)
        now = clock.now()
        channels = list(self._connected())
        slots = planning.Slots(channels, now)
        coming = Blackout.objects.filter(ends_at__gt=now).select_related("channel", "by")
        context = {
            **frame,
            "title": "Channels",
            "is_fullwidth": "1",
            "rows": [_row(channel, slots) for channel in channels],
            "blackouts": [(row, *_span(row)) for row in coming],
            "form": form,
            "channels": channels,
            "zone": place(shop_zone()),
            "differs": bool(beside(now)),
            "may_plan": request.user.has_perm(planning.PERMISSION),
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/social/channel/page.html", context, status=status)

    # -------------------------------------------------------------------------------- one channel
    def changeform_view(  # type: ignore[override]
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        channel = self.get_object(request, object_id) if object_id else None
        if channel is None:
            raise Http404("There is no such channel.")
        if not self.has_view_or_change_permission(request, channel):
            raise PermissionDenied
        if request.method != "POST":
            return self._form(request, channel, PlanForm(channel=channel))
        form = PlanForm(request.POST, channel=channel)
        if form.is_valid():
            done = self._save(request, channel, form)
            if done is not None:
                return done
        return self._form(request, channel, form)

    def _save(self, request: HttpRequest, channel: Channel, form: PlanForm) -> HttpResponse | None:
        try:
            planning.plan_channel(
                actor_of(request).person,
                channel.pk,
                slots=[form.cleaned_data[f"slots_{day}"] for day in range(7)],
                decide_lead=form.cleaned_data["decide_lead"],
                default_tags=form.cleaned_data["default_tags"],
                shown=request.POST.get("shown", ""),
            )
        except WrongState as refusal:
            messages.warning(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:social_channel_change", args=[channel.pk]))
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return None
        messages.success(request, f"{channel}: saved.")
        return HttpResponseRedirect(reverse("admin:social_channel_changelist"))

    def _form(self, request: HttpRequest, channel: Channel, form: PlanForm) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": str(channel),
            "crumb": {"link": reverse("admin:social_channel_changelist"), "words": "Channels"},
            "is_fullwidth": "1",
            "channel": channel,
            "form": form,
            "shown": planning.print_of_plan(channel),
            "zone": place(shop_zone()),
            "may_plan": request.user.has_perm(planning.PERMISSION),
        }
        status = 422 if form.errors else 200
        return TemplateResponse(request, "admin/social/channel/plan.html", context, status=status)

    # ---------------------------------------------------------------------------------- blackouts
    @method_decorator(require_POST)
    def add_blackout(self, request: HttpRequest) -> HttpResponse:
        form = BlackoutForm(request.POST, channels=self._connected())
        if not request.user.has_perm(planning.PERMISSION):
            raise PermissionDenied
        if form.is_valid():
            try:
                row = planning.add_blackout(actor_of(request).person, **form.cleaned_data)
            except Refusal as refusal:
                form.add_error("ends_at", str(refusal))
            else:
                messages.success(request, f"{row}: nothing is planned from {' to '.join(_span(row)[:2])}.")
                return HttpResponseRedirect(reverse("admin:social_channel_changelist"))
        return self._page(request, form)

    @method_decorator(require_POST)
    def remove_blackout(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            row = planning.remove_blackout(actor_of(request).person, pk)
        except Refusal as refusal:
            messages.warning(request, str(refusal))
        else:
            messages.success(request, f"{row}: posts can be planned there again.")
        return HttpResponseRedirect(reverse("admin:social_channel_changelist"))


def _row(channel: Channel, slots: planning.Slots) -> Row:
    at = slots.next_free([channel])
    none = "every slot is taken" if channel.has_slots else ""
    lead = dict(LEADS).get(channel.decide_lead, f"{channel.decide_lead} minutes before")
    return Row(channel, slots_words(channel), dated(at) if at else none, beside(at) if at else "", lead)


def slots_words(channel: Channel) -> list[str]:
    """The slots of a channel, days that are alike together: "Mon to Fri 09:00, 17:30"."""
    runs: list[tuple[int, int, list[str]]] = []
    for day in range(7):
        times = channel.slots_on(day)
        if runs and runs[-1][2] == times:
            runs[-1] = (runs[-1][0], day, times)
        else:
            runs.append((day, day, times))
    return [f"{_days(first, last)} {', '.join(times)}" for first, last, times in runs if times]


def _days(first: int, last: int) -> str:
    if (first, last) == (0, 6):
        return "Every day"
    if first == last:
        return DAYS[first][:3]
    return f"{DAYS[first][:3]} {'to' if last - first > 1 else 'and'} {DAYS[last][:3]}"


def _span(row: Blackout) -> tuple[str, str, str]:
    """From when to when, in the reader's zone, and by the shop's clock where that differs."""
    theirs = [beside(at) for at in (row.starts_at, row.ends_at)]
    return moment(row.starts_at), moment(row.ends_at), " to ".join(theirs) if all(theirs) else ""
