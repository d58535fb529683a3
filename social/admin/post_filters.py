"""What the list of posts can be narrowed by. Each asks for the post's own row only: no join, no DISTINCT."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import CheckboxFilter, ChoicesCheckboxFilter, RadioFilter

from social.models import ApiToken, Channel, Delivery, Post, Revision

__all__ = ["AuthorFilter", "ChannelFilter", "LabelFilter", "StatusFilter", "WhenFilter"]
Choices = list[tuple[str, str]]


class StatusFilter(ChoicesCheckboxFilter):
    """By one or several statuses (`status__exact`)."""


class LabelFilter(RadioFilter):
    """By the word beside the status."""

    title = "what to look at"
    parameter_name = "label"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [("unconfirmed", "Not confirmed"), ("expired", "Expired"), ("late", "Late, asks")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        now = timezone.now()
        if self.value() == "unconfirmed":
            return queryset.filter(_has_delivery(status=Delivery.Status.UNCONFIRMED))
        if self.value() == "expired":
            return queryset.filter(status=Post.Status.PENDING, scheduled_at__lte=now)
        if self.value() == "late":
            late = now - timedelta(seconds=settings.LATE_AFTER_SECONDS)
            return queryset.filter(_has_delivery(status=Delivery.Status.QUEUED, due_at__lt=late))
        return queryset


class ChannelFilter(CheckboxFilter):
    """By the channels that the current content is for."""

    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [(str(channel.pk), str(channel)) for channel in Channel.objects.filter(active=True)[:100]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        wanted = [int(value) for value in self.value() or [] if value.isdecimal()]
        if not wanted:
            return queryset
        on_it = Revision.channels.through.objects.filter(
            revision_id=OuterRef("revision_id"), channel_id__in=wanted
        )
        return queryset.filter(Exists(on_it))


class AuthorFilter(CheckboxFilter):
    """By the people and programs that proposed."""

    title = "author"
    parameter_name = "author"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        people = User.objects.filter(is_staff=True).order_by("first_name", "username")[:100]
        programs = ApiToken.objects.order_by("name")[:50]
        return [
            *((f"person-{user.pk}", user.get_full_name() or user.get_username()) for user in people),
            *((f"program-{token.pk}", token.name) for token in programs),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        chosen = [value.partition("-") for value in self.value() or []]
        people = [int(pk) for kind, _, pk in chosen if kind == "person" and pk.isdecimal()]
        programs = [int(pk) for kind, _, pk in chosen if kind == "program" and pk.isdecimal()]
        if not people and not programs:
            return queryset
        return queryset.filter(author_id__in=people, token=None) | queryset.filter(token_id__in=programs)


class WhenFilter(RadioFilter):
    """By the time of the post, in the reader's days."""

    title = "time"
    parameter_name = "when"
    _DAYS = {
        # from midnight today, in days: begin, end
        "today": (0, 1),
        "tomorrow": (1, 2),
        "next-7": (0, 8),
        "last-7": (-7, 1),
        "last-30": (-30, 1),
    }

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Choices:
        return [
            ("today", "Today"),
            ("tomorrow", "Tomorrow"),
            ("next-7", "Next 7 days"),
            ("last-7", "Last 7 days"),
            ("last-30", "Last 30 days"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        days = self._DAYS.get(self.value() or "")
        if days is None:
            return queryset
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        begin, end = (midnight + timedelta(days=number) for number in days)
        return queryset.filter(sort_at__gte=begin, sort_at__lt=end)


def _has_delivery(**conditions: Any) -> Exists:
    return Exists(Delivery.objects.filter(post_id=OuterRef("pk"), **conditions))
