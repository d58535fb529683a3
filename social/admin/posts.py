"""The screens of a post: list, form, one post."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from social.admin import calendar, composer, desk, import_page, post_filters, post_form, post_page, resume
from social.admin.post_actions import MOST, PostActions
from social.admin.post_list import CappedPaginator, Row, drawn, row_of, tabs
from social.admin.situation import situation_of
from social.models import Post

_ACTIONS = {
    # name            tone      what the browser asks before the POST ("" asks nothing)
    "approve_posts": ("hd-pri", "They go out at their times, or within seconds where they have none."),
    "reject_posts": ("hd-bad", ""),
    "submit_posts": ("", "Somebody else decides about them."),
    "retry_posts": ("", "What failed for certain is sent again."),
    "recall_posts": ("", "Publer is asked to take off what it has for later. What is public stays."),
    "cancel_posts": ("", "What is not out yet does not go out. What is public stays."),
}


@admin.register(Post)
class PostAdmin(PostActions, ModelAdmin):  # type: ignore[misc]
    """Posts. Nothing is written here but through `social.workflow`, and nothing is ever deleted by hand."""

    actions = list(_ACTIONS)
    list_display = ["what", "where", "state", "when", "people"]
    list_display_links = None
    list_filter = [
        ("status", post_filters.StatusFilter),
        post_filters.LabelFilter,
        post_filters.ChannelFilter,
        post_filters.AuthorFilter,
        post_filters.WhenFilter,
    ]
    list_filter_submit = True
    list_filter_sheet = True
    list_fullwidth = True
    list_before_template = "social/post_tabs.html"  # type: ignore[assignment]
    search_fields = [
        "title",
        "revision__text",
        "revision__link",
        "author__first_name",
        "author__last_name",
        "author__username",
        "token__name",
    ]
    search_help_text = "Search text, link, author"
    add_words = "New post"
    ordering = ["-sort_at", "-id"]
    sortable_by = ()
    list_per_page = 25
    list_max_show_all = 0
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    # ------------------------------------------------------------------------------------ who may
    def has_delete_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return False

    # ----------------------------------------------------------------------------------- the list
    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        return drawn(super().get_queryset(request))

    def changelist_view(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        bulk = {"bulk_actions": self._bulk_actions(request), "most": MOST}
        answer: HttpResponse = super().changelist_view(
            request,
            {"title": "Posts", **bulk, **(extra_context or {})},  # type: ignore[dict-item]
        )
        context = getattr(answer, "context_data", None) or {}
        if "cl" in context:
            self._draw(request, context)
        return answer

    def _bulk_actions(self, request: HttpRequest) -> list[dict[str, str]]:
        """The actions that this person may use, in the order of the bar."""
        may = self.get_actions(request) or {}
        return [
            {"name": name, "label": cast(Any, may[name])[2], "tone": tone, "asks": asks}
            for name, (tone, asks) in _ACTIONS.items()
            if name in may
        ]

    def _draw(self, request: HttpRequest, context: dict[str, Any]) -> None:
        situation = situation_of(request)
        for post in context["cl"].result_list:
            post.row = row_of(post, situation)
        context["tabs"] = tabs(request.GET)
        # A tab that fits says itself what it narrows by.
        narrows = ["channel", "author", "when"]
        if not any(tab.active for tab in context["tabs"]):
            narrows += ["status__exact", "label"]
        context["narrowed"] = sum(bool(request.GET.get(key)) for key in narrows)

    @display(description="Post")
    def what(self, post: Post) -> SafeString:
        return _cell("what", post)

    @display(description="Channels")
    def where(self, post: Post) -> SafeString:
        return _cell("where", post)

    @display(description="Status")
    def state(self, post: Post) -> SafeString:
        return _cell("state", post)

    @display(description="When")
    def when(self, post: Post) -> SafeString:
        return _cell("when", post)

    @display(description="People")
    def people(self, post: Post) -> SafeString:
        return _cell("people", post)

    # ------------------------------------------------------------------------------- the one post
    def get_urls(self) -> list[URLPattern]:
        views = {"do": post_page.Do, "fate": post_page.FateView, "receipt": post_page.ReceiptView}
        own = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view.as_view(post_admin=self)),
                name=f"social_post_{name}",
            )
            for name, view in views.items()
        ]
        dates = {"": calendar.CalendarView, "cost/": calendar.CostView, "move/": calendar.MoveView}
        own += [
            path(
                f"calendar/{end}",
                self.admin_site.admin_view(view.as_view(post_admin=self)),
                name=f"social_post_calendar{'_' if end else ''}{end.strip('/')}",
            )
            for end, view in dates.items()
        ]
        own += [
            path(
                f"{name}/",
                self.admin_site.admin_view(view.as_view(post_admin=self)),
                name=f"social_post_{name}",
            )
            for name, view in {"preview": composer.Preview, "picture": composer.Picture}.items()
        ]
        plan = self.admin_site.admin_view(resume.ResumePlan.as_view(post_admin=self))
        review = self.admin_site.admin_view(desk.Desk.as_view(post_admin=self))
        imports = self.admin_site.admin_view(import_page.ImportView.as_view(post_admin=self))
        return [
            path("import/", imports, name="social_post_import"),
            path("resume/", plan, name="social_post_resume"),
            path("review/", review, name="social_post_review"),
            *own,
            *super().get_urls(),
        ]

    def changeform_view(  # type: ignore[override]
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if object_id is None:
            return post_form.add(self, request)
        post = self.get_object(request, object_id)
        if post is None:
            messages.warning(request, "There is no such post.")
            return HttpResponseRedirect(reverse("admin:social_post_changelist"))
        return post_form.change(self, request, post)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The post's own page tells all of it."""
        return HttpResponseRedirect(reverse("admin:social_post_change", args=[object_id]))


def _cell(name: str, post: Post) -> SafeString:
    row: Row = post.row  # type: ignore[attr-defined]
    return render_to_string(f"social/post_cell_{name}.html", {"row": row, "post": post})
