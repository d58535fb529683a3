"""How the admin looks and what its sidebar leads to: Unfold's settings."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

Callback = Callable[[HttpRequest], Any]


def _file(path: str) -> Callback:
    return lambda request: static(path)


def _may(permission: str) -> Callback:
    return lambda request: request.user.has_perm(permission)


def _below(name: str, *but: str) -> Callback:
    """Whether the page stands under this address, and under none of the others."""

    def below(request: HttpRequest) -> bool:
        return request.path.startswith(reverse(name)) and not any(_below(one)(request) for one in but)

    return below


def _item(title: str, icon: str, name: str, permission: str, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": lambda request: reverse(name),
        "active": _below(name),
        "permission": _may(permission),
        **more,
    }


def _tabs(request: HttpRequest) -> list[dict[str, Any]]:
    """The tabs of each list whose model admin has a method `tabs(request)`; asked once a request."""
    from django.contrib import admin

    known = getattr(request, "hotdash_tabs", None)
    if known is None:
        known = [
            {"models": [model._meta.label_lower], "items": model_admin.tabs(request)}
            for model, model_admin in admin.site._registry.items()
            if hasattr(model_admin, "tabs") and request.path.startswith(_list_of(model))
        ]
        request.hotdash_tabs = known  # type: ignore[attr-defined]
    return list(known)


def _list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "HotDash",
    "SITE_HEADER": "HotDash",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    # Colours and radius stand in theme.css: Unfold would write them into a <style>, which the policy refuses.
    "COLORS": lambda request: {},
    "STYLES": [_file("hotdash/theme.css"), _file("hotdash/admin.css"), _file("hotdash/frame.css")],
    "SCRIPTS": [_file("hotdash/admin.js")],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _file("hotdash/icon.svg")}],
    "LOGIN": {"image": _file("hotdash/photos/vase.jpg"), "form": "hotdash.signin.SignInForm"},
    "COMMAND": {"search_models": False, "show_history": False, "search_callback": "hotdash.search.posts"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": [
            {
                "items": [
                    {
                        "title": "Home",
                        "icon": "home",
                        "link": lambda request: reverse("admin:index"),
                        "active": lambda request: request.path == reverse("admin:index"),
                    },
                    _item(
                        "Review",
                        "rate_review",
                        "admin:social_post_review",
                        "social.approve_post",
                        badge="hotdash.bar.review_badge",
                        badge_variant="warning",
                    ),
                    _item(
                        "Posts",
                        "stacks",
                        "admin:social_post_changelist",
                        "social.view_post",
                        badge="hotdash.bar.posts_badge",
                        badge_variant="danger",
                        active=_below(
                            "admin:social_post_changelist",
                            "admin:social_post_queue",
                            "admin:social_post_calendar",
                            "admin:social_post_review",
                        ),
                    ),
                    _item("Calendar", "calendar_month", "admin:social_post_calendar", "social.view_post"),
                ]
            },
            {
                "title": "Set-up",
                "items": [
                    _item(
                        "Integrations",
                        "cable",
                        "admin:integrations_connection_changelist",
                        "integrations.view_connection",
                    ),
                    _item("Channels", "hub", "admin:social_channel_changelist", "social.view_channel"),
                    _item("Agents", "smart_toy", "admin:social_apitoken_changelist", "social.view_apitoken"),
                    _item("People", "group", "admin:auth_user_changelist", "auth.view_user"),
                    _item(
                        "Schedule",
                        "schedule",
                        "admin:django_celery_beat_periodictask_changelist",
                        "django_celery_beat.view_periodictask",
                    ),
                    _item("Audit trail", "history", "admin:social_event_changelist", "social.view_event"),
                    _item("Queue", "swap_vert", "admin:social_post_queue", "social.watch_publishing"),
                ],
            },
        ],
    },
    "TABS": lambda request: _tabs(request),
}
