"""A moment as a person writes it: a date and a time by their own clock."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from social.wall_clock import is_left_out, left_out_words

NOT_ONE = "This is not a date and a time: write it like 2026-11-24T12:00."


class MomentField(forms.DateTimeField):
    """Of an hour that comes twice, as the clocks go back, it is the first; the other one can be written with
    its offset (`2026-10-25T02:30+01:00`). A time that the clocks leave out is refused in words."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"error_messages": {"invalid": NOT_ONE}, **kwargs})

    def to_python(self, value: Any) -> datetime | None:
        try:
            return super().to_python(value)
        except forms.ValidationError as refused:
            wall = parse_datetime(str(value).strip()) if refused.code == "ambiguous_timezone" else None
            if wall is None:
                raise
            local = wall.replace(tzinfo=timezone.get_current_timezone(), fold=0)
            if is_left_out(local):
                raise forms.ValidationError(left_out_words(local), code="left_out") from None
            return local
