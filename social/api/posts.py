"""Posts: propose, read, edit, and what may be asked for them. Each call is one verb of the workflow."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Body, Header, Query, Router
from pydantic import BaseModel, ValidationError

from social import agents, feedback, workflow
from social.api import idempotency, problems, proposals, quota, schemas
from social.api.auth import caller, may
from social.api.conditional import IfMatch, fresh, unchanged_since, version_of
from social.api.problems import WRONG_STATE, Problem, invalid
from social.api.representation import posts, represent
from social.explain import Situation
from social.models import Approval, Event, Post, Revision

S = Post.Status
router = Router(tags=["posts"])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[ -~]+$",
        description="of your choice, one a call: sent again with it, it is done once and answered alike",
    ),
]
NoBody = Annotated[schemas.Nothing | None, Body()]

_READ = {
    304: None,
    401: schemas.ProblemOut,
    403: schemas.ProblemOut,
    422: schemas.InvalidOut,
    503: schemas.ProblemOut,
}
_ONE = {**_READ, 404: schemas.ProblemOut}
_WRITE = {
    401: schemas.ProblemOut,
    403: schemas.ProblemOut,
    422: schemas.InvalidOut,
    503: schemas.ProblemOut,
    400: schemas.ProblemOut,
    409: schemas.ProblemOut,
    413: schemas.ProblemOut,
    415: schemas.ProblemOut,
}
_PROPOSE = {**_WRITE, 429: schemas.ProblemOut}
_WRITE_ONE = {**_WRITE, 404: schemas.ProblemOut}


def answered(status: int, model: BaseModel) -> JsonResponse:
    """The answer as it is stored for a repeated call, too."""
    return JsonResponse(model.model_dump(mode="json", by_alias=True), status=status)


# --------------------------------------------------------------------------------------------- read
@router.get("posts", auth=may("posts:read", "social.view_post"), response={200: schemas.PostPage, **_READ})
def list_posts(request: HttpRequest, filters: Query[schemas.PostFilters]) -> HttpResponse:
    """Posts, newest first. `next_cursor` leads to the next page; posts made meanwhile shift nothing."""
    _only_known(request, schemas.PostFilters)
    rows = _filtered(filters)
    page = list(rows.order_by("-created_at", "-id")[: filters.limit + 1])
    situation = Situation.read()
    answer = schemas.PostPage(
        items=[represent(post, situation) for post in page[: filters.limit]],
        next_cursor=_cursor(page[filters.limit - 1]) if len(page) > filters.limit else None,
    )
    return fresh(request, answered(200, answer))


@router.get(
    "posts/{int:post_id}", auth=may("posts:read", "social.view_post"), response={200: schemas.PostOut, **_ONE}
)
def get_post(request: HttpRequest, post_id: int) -> HttpResponse:
    """One post: its content, what was decided about it, and where it is on each channel."""
    return _shown(request, post_id)


@router.get(
    "posts/{int:post_id}/events",
    auth=may("posts:read", "social.view_post"),
    response={200: schemas.EventList, **_ONE},
    by_alias=True,
)
def list_events(request: HttpRequest, post_id: int) -> HttpResponse:
    """The audit trail of one post, oldest first."""
    Post.objects.only("pk").get(pk=post_id)
    rows = Event.objects.filter(post_id=post_id).select_related("delivery__channel").order_by("id")
    return fresh(request, answered(200, schemas.EventList(items=[_event(row) for row in rows])))


@router.get(
    "posts/{int:post_id}/feedback",
    auth=may("posts:read", "social.view_post"),
    response={200: schemas.FeedbackList, **_ONE},
)
def post_feedback(request: HttpRequest, post_id: int) -> HttpResponse:
    """What people decided about one post and changed in it, oldest first."""
    Post.objects.only("pk").get(pk=post_id)
    rows = list(feedback.decisions().filter(post=post_id))
    _note_told(request, rows)
    return fresh(request, answered(200, schemas.FeedbackList(items=[_feedback(row) for row in rows])))


@router.get(
    "feedback",
    auth=may("posts:read", "social.view_post"),
    response={200: schemas.FeedbackPage, **_READ},
)
def list_feedback(request: HttpRequest, filters: Query[schemas.FeedbackFilters]) -> HttpResponse:
    """What people decided, oldest first: about this token's own proposals; for staff, about all."""
    _only_known(request, schemas.FeedbackFilters)
    who = caller(request)
    rows = feedback.decisions()
    if who.token is not None:
        rows = rows.filter(post__token=who.token)
    if filters.since:
        rows = rows.filter(created_at__gte=filters.since)
    if filters.cursor:
        rows = rows.filter(pk__gt=_after(filters.cursor))
    page = list(rows[: filters.limit + 1])
    _note_told(request, page[: filters.limit])
    answer = schemas.FeedbackPage(
        items=[_feedback(row) for row in page[: filters.limit]],
        next_cursor=str(page[filters.limit - 1].pk) if len(page) > filters.limit else None,
    )
    return fresh(request, answered(200, answer))


# -------------------------------------------------------------------------------------------- write
@router.post("posts", auth=may("posts:write", "social.add_post"), response={201: schemas.PostOut, **_PROPOSE})
def create_post(request: HttpRequest, payload: schemas.PostIn, key: Key = None) -> HttpResponse:
    """Propose a post. It stays a draft, or with `submit` waits for a person's approval."""
    if key is not None and (known := idempotency.replay(request, key)) is not None:
        return known
    actor = caller(request)
    quota.some_left(actor.token)
    content = proposals.check(payload)
    found = proposals.fetched(payload.media)
    situation = Situation.read()

    def work() -> HttpResponse:
        post_id = _propose(actor, payload, content, found)
        response = _shown(request, post_id, situation, status=201)
        response.headers["Location"] = f"{request.path}/{post_id}"
        return response

    return idempotency.once(request, key, work)


@router.post(
    "posts/batch",
    auth=may("posts:write", "social.add_post"),
    response={200: schemas.BatchOut, **_PROPOSE},
)
def create_posts(request: HttpRequest, payload: schemas.BatchIn, key: Key = None) -> HttpResponse:
    """Propose many posts. Each is taken or refused for itself: `items` says which, in the order sent."""
    if key is not None and (known := idempotency.replay(request, key)) is not None:
        return known
    actor = caller(request)
    quota.some_left(actor.token)
    rows = [_checked(item) for item in payload.posts]
    situation = Situation.read()

    def work() -> HttpResponse:
        items = [_row(request, actor, row, situation) for row in rows]
        return answered(200, schemas.BatchOut(items=items))

    return idempotency.once(request, key, work)


_Checked = tuple[schemas.PostIn, workflow.Content, list[proposals.Fetched]]


def _checked(item: Any) -> _Checked | Problem:
    """One row of a batch with its pictures, or what is wrong with it; nothing is written yet."""
    try:
        sent = schemas.PostIn.model_validate(item)
        return sent, proposals.check(sent), proposals.fetched(sent.media)
    except ValidationError as error:
        return problems.of_model(error)
    except (Problem, workflow.Refusal) as error:
        return problems.of_exception(error)


def _row(
    request: HttpRequest, actor: workflow.Actor, row: _Checked | Problem, situation: Situation
) -> schemas.BatchRow:
    if isinstance(row, Problem):
        return schemas.BatchRow(
            status=row.status, problem=schemas.ProblemOut(**problems.document(request, row))
        )
    try:
        with transaction.atomic():
            post_id = _propose(actor, *row)
    except (Problem, workflow.Refusal) as refusal:
        problem = problems.of_exception(refusal)
        return schemas.BatchRow(
            status=problem.status, problem=schemas.ProblemOut(**problems.document(request, problem))
        )
    return schemas.BatchRow(status=201, post=represent(posts().get(pk=post_id), situation))


def _propose(
    actor: workflow.Actor,
    sent: schemas.PostIn,
    content: workflow.Content,
    found: Sequence[proposals.Fetched],
) -> int:
    quota.take(actor.token)
    post = workflow.create(
        actor,
        proposals.with_pictures(content, found, actor.person),
        title=sent.title,
        source=Post.Source.API if actor.token else Post.Source.STAFF,
        evidence=sent.evidence,
    )
    if sent.submit:
        workflow.submit(post.pk, actor)
    return post.pk


@router.patch(
    "posts/{int:post_id}",
    auth=may("posts:write", "social.change_post"),
    response={200: schemas.PostOut, 412: schemas.ProblemOut, **_WRITE_ONE},
)
def patch_post(
    request: HttpRequest,
    post_id: int,
    payload: schemas.PostPatch,
    key: Key = None,
    if_match: IfMatch = None,
) -> HttpResponse:
    """Change a post that nobody has approved. One that waits for approval becomes a draft again.

    With `If-Match` only the version that it names is changed, so that nobody's edit is lost.
    """
    if key is not None and (known := idempotency.replay(request, key)) is not None:
        return known
    actor = caller(request)
    _editable(Post.objects.get(pk=post_id))
    found = proposals.fetched(payload.media)
    situation = Situation.read()

    def work() -> HttpResponse:
        post = Post.objects.select_for_update(no_key=True).get(pk=post_id)
        _editable(post)
        unchanged_since(post, if_match)
        if payload.model_fields_set:
            if post.status == S.PENDING:
                workflow.withdraw(post_id, actor)
            content = proposals.changed(post.content(), payload, found, actor.person)
            title = payload.title if "title" in payload.model_fields_set else None
            workflow.edit(post_id, actor, content, title=title)
        return _shown(request, post_id, situation)

    return idempotency.once(request, key, work)


def _verb(
    request: HttpRequest,
    post_id: int,
    key: str | None,
    verb: Callable[[int, workflow.Actor], Post],
    status: int,
) -> HttpResponse:
    situation = Situation.read()

    def work() -> HttpResponse:
        verb(post_id, caller(request))
        return _shown(request, post_id, situation, status=status)

    return idempotency.once(request, key, work)


@router.post(
    "posts/{int:post_id}/submit",
    auth=may("posts:write", "social.change_post"),
    response={200: schemas.PostOut, **_WRITE_ONE},
)
def submit_post(request: HttpRequest, post_id: int, nothing: NoBody = None, key: Key = None) -> HttpResponse:
    """Ask for approval."""
    return _verb(request, post_id, key, workflow.submit, 200)


@router.post(
    "posts/{int:post_id}/cancel",
    auth=may("posts:write", "social.view_post"),
    response={200: schemas.PostOut, **_WRITE_ONE},
)
def cancel_post(request: HttpRequest, post_id: int, nothing: NoBody = None, key: Key = None) -> HttpResponse:
    """End a post that is not out. What is public stays public."""
    return _verb(request, post_id, key, workflow.cancel, 200)


@router.post(
    "posts/{int:post_id}/retry",
    auth=may("posts:write", "social.view_post"),
    response={200: schemas.PostOut, **_WRITE_ONE},
)
def retry_post(request: HttpRequest, post_id: int, nothing: NoBody = None, key: Key = None) -> HttpResponse:
    """Send again what failed for certain."""
    return _verb(request, post_id, key, workflow.retry, 200)


@router.post(
    "posts/{int:post_id}/publish",
    auth=may("posts:publish", "social.publish_post"),
    response={202: schemas.PostOut, **_WRITE_ONE},
)
def publish_post(request: HttpRequest, post_id: int, nothing: NoBody = None, key: Key = None) -> HttpResponse:
    """Send an approved post at once. Approves nothing: any other post is answered with 409 and why."""
    return _verb(request, post_id, key, _publish, 202)


def _publish(post_id: int, actor: workflow.Actor) -> Post:
    try:
        return workflow.publish(post_id, actor)
    except workflow.NotAllowed as refusal:
        state = Post.objects.values_list("status", flat=True).get(pk=post_id)
        raise Problem(WRONG_STATE, str(refusal), state=state) from None


# ------------------------------------------------------------------------------------------- pieces
def _note_told(request: HttpRequest, rows: Sequence[Approval]) -> None:
    token = caller(request).token
    if token is not None:
        agents.note_told(token, rows)


def _shown(
    request: HttpRequest, post_id: int, situation: Situation | None = None, *, status: int = 200
) -> HttpResponse:
    post = posts().get(pk=post_id)
    answer = answered(status, represent(post, situation or Situation.read()))
    return fresh(request, answer, version_of(post))


def _editable(post: Post) -> None:
    """Raises the refusal of a post that is past being changed here."""
    if post.status not in (S.DRAFT, S.PENDING, S.REJECTED):
        raise workflow.WrongState(workflow.how_it_came_to_be(post), post.status)


def _event(row: Event) -> schemas.EventOut:
    return schemas.EventOut(
        id=row.pk,
        at=row.created_at,
        actor=row.actor_name,
        is_person=row.is_person,
        verb=row.verb,
        from_=row.from_status or None,
        to=row.to_status or None,
        channel=row.delivery.channel.account_id if row.delivery else None,
        note=row.note,
        data=row.data,
    )


def _feedback(row: Approval) -> schemas.FeedbackOut:
    told = feedback.feedback_of(row)
    return schemas.FeedbackOut(
        id=row.pk,
        post=row.post_id,
        title=row.post.title,
        outcome=told.outcome,
        by=row.user.get_full_name() or row.user.get_username(),
        at=row.created_at,
        reason=row.reason,
        proposed_revision=told.proposed.number,
        decided_revision=told.decided.number,
        fields=[
            schemas.FieldOut(
                field=field.name,
                proposed=field.proposed,
                decided=field.decided,
                diff=[schemas.PieceOut(kind=piece.kind, text=piece.text) for piece in field.diff],
            )
            for field in told.fields
        ],
    )


def _after(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit()) or len(cursor) > 18:
        raise invalid({"cursor": ["This is no cursor of this list."]})
    return int(cursor)


def _filtered(filters: schemas.PostFilters) -> QuerySet[Post]:
    rows = posts()
    if filters.status:
        rows = rows.filter(status=filters.status)
    if filters.channel:
        rows = rows.filter(revision__in=_on(filters.channel))
    if filters.q:
        rows = rows.filter(
            Q(title__icontains=filters.q)
            | Q(revision__text__icontains=filters.q)
            | Q(revision__link__icontains=filters.q)
        )
    if filters.from_:
        rows = rows.filter(created_at__gte=filters.from_)
    if filters.to:
        rows = rows.filter(created_at__lt=filters.to)
    if filters.cursor:
        made, pk = _place(filters.cursor)
        rows = rows.filter(created_at__lte=made).exclude(created_at=made, pk__gte=pk)
    return rows


def _on(account_id: str) -> QuerySet[Revision]:
    """What is meant for this account."""
    return Revision.objects.filter(channels__account_id=account_id)


def _cursor(post: Post) -> str:
    return base64.urlsafe_b64encode(f"{post.created_at.isoformat()} {post.pk}".encode()).decode()


def _place(cursor: str) -> tuple[datetime, int]:
    try:
        made, pk = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().split(" ")
        at, number = datetime.fromisoformat(made), int(pk)
        if at.tzinfo is None or number < 0:
            raise ValueError(cursor)
    except (ValueError, binascii.Error):
        raise invalid({"cursor": ["This is no cursor of this list."]}) from None
    return schemas.in_utc(at), number


def _only_known(request: HttpRequest, model: type[BaseModel]) -> None:
    """A filter that is misspelt would otherwise show everything."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    unknown: dict[str, Any] = {
        name: ["There is no such filter."] for name in request.GET if name not in names
    }
    if unknown:
        raise invalid(unknown)
