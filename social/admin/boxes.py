"""A choice of several, as boxes with words."""

from typing import Any

from django import forms
from django.template.loader import render_to_string


class Boxes(forms.CheckboxSelectMultiple):
    """Drawn from the project's own templates, which Django's form renderer does not look through."""

    template_name = "hotdash/boxes.html"

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> str:
        return render_to_string(template_name, context)
