"""Posts brought to where a screen meets them, as the engine does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from social import clock
from social.models import Delivery, Post, Submission
from social.workflow import deliveries as steps

MakePost = Callable[..., Post]
SignIn = Callable[[User], Client]


def send(post: Post, status: str) -> None:
    """Bring all queued deliveries of a post to this end, as the engine does."""
    now = clock.now()
    rows = list(post.deliveries.filter(status="queued").select_related("post", "channel", "connection"))
    submission = Submission.objects.create(
        connection=rows[0].connection,
        kind="now",
        body={},
        stamped_at=now,
        lease_until=now + timedelta(minutes=1),
        state="taken",
        job_id="job-1",
    )
    steps.stamp(rows, submission, now=now)
    if status == "sending":
        return
    for row in rows:
        row.refresh_from_db()
        steps.move(row, "taken over", submission=submission)
        found: dict[str, Any] = {"provider_post_id": f"post-{row.pk}"}
        if status == "published":
            link = f"https://example.com/{row.pk}"
            steps.move(row, "published", permalink=link, published_at=clock.now(), **found)
        elif status == "scheduled":
            steps.move(row, "found scheduled", **found)
        elif status == "failed":
            words = "X did not take it. Nothing was posted."
            steps.move(row, "failed there", problem=words, provider_words='{"error": "<b>187</b>"}')
        else:
            steps.move(row, "job unclear", quiet_from=now)
            if status == "decide":
                words = "Publer took it and has not said what became of it."
                steps.move(row, "put to a person", decide=True, problem=words)


def only(post: Post) -> Delivery:
    """The one delivery of a post."""
    return post.deliveries.get()
