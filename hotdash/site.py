"""The admin site."""

from typing import Any

from django.conf import settings
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite


class HotdashSite(UnfoldAdminSite):
    """Unfold's admin site with HotDash's name, home, and the strips above every page."""

    site_title = "HotDash"
    site_header = "HotDash"
    index_title = "Home"
    empty_value_display = "–"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # History needs every row: nothing is deleted a hundred at a time.
        self.disable_action("delete_selected")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        from hotdash import bar

        context: dict[str, Any] = super().each_context(request)
        now = bar.read(request)
        return {
            **context,
            "shop_name": settings.SHOP_NAME,
            "sandbox": now.sandbox,
            "strips": now.strips,
        }

    def extra_urls(self) -> list[URLPattern]:
        from hotdash import home, kit, queue

        urls = [
            path("publishing/pause/", self.admin_view(home.pause), name="pause_publishing"),
            path("publishing/resume/", self.admin_view(home.resume), name="resume_publishing"),
            path("social/post/queue/", self.admin_view(queue.page), name="social_post_queue"),
            path("social/post/queue/live/", self.admin_view(queue.live), name="social_post_queue_live"),
            path("social/post/queue/look/", self.admin_view(queue.look_now), name="social_post_queue_look"),
        ]
        if settings.DEBUG:
            urls.append(path("kit/", self.admin_view(kit.kit), name="kit"))
        return urls

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from hotdash import home

        answer: TemplateResponse = super().index(request, {**home.context(request), **(extra_context or {})})
        return answer

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """As Unfold's, which falls over a page that is not there."""
        try:
            return super().search(request, extra_context)
        except (ValueError, InvalidPage):
            raise Http404("There is no such page of results.") from None
