"""A stock form in the frame of our pages."""

from typing import Any

from django.urls import reverse_lazy


def form_page(model: str, plural: str) -> dict[str, Any]:
    """Context for the form of one `app_model`: its list, called `plural`, is the way back."""
    return {
        "subtitle": "",
        "crumb": {"link": reverse_lazy(f"admin:{model}_changelist"), "words": plural},
        "show_save_and_continue": False,
        "show_save_and_add_another": False,
    }
