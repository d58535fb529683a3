"""What the search in the sidebar finds besides pages: posts by their name or text."""

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from social.models import Post

MOST = 20


def posts(request: HttpRequest, term: str) -> list[SearchResult]:
    """At most `MOST` posts, latest first."""
    if not request.user.has_perm("social.view_post"):
        return []
    found = (
        Post.objects.filter(Q(title__icontains=term) | Q(revision__text__icontains=term))
        .select_related("revision")
        .order_by("-sort_at", "-id")[:MOST]
    )
    return [
        SearchResult(
            title=post.name,
            description=post.get_status_display(),
            link=reverse("admin:social_post_change", args=[post.pk]),
            icon="stacks",
        )
        for post in found
    ]
