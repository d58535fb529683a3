"""What Publer's answers mean to us. Tolerant in what is accepted: its documents and its wire differ
(contracts/publer-openapi.yml against what its clients report)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

JobState = Literal["working", "complete", "failed"]


def _words(value: object) -> object:
    return "" if value is None else value


def _moment(value: object) -> object:
    """A time that cannot be read is no time; it must not make a page of posts unreadable."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and value else None
    except ValueError:
        return None


def _utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


Text = Annotated[str, BeforeValidator(_words)]
Id = Annotated[str, Field(min_length=1)]
Moment = Annotated[datetime | None, BeforeValidator(_moment), AfterValidator(_utc)]


class PublerModel(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class User(PublerModel):
    id: Id
    email: Text = ""
    name: Text = ""


class Workspace(PublerModel):
    id: Id
    name: Text = ""
    plan: Text = ""


class Account(PublerModel):
    """A connected profile. `provider` is the network; `type` page, profile, group, business, channel,
    location, blog."""

    id: Id
    provider: Text = ""
    name: Text = ""
    social_id: Text = ""
    picture: Text = ""
    type: Text = ""


class JobAccepted(PublerModel):
    """Publer took the request over. Not that anything is public, nor that every post in it is fine."""

    job_id: Annotated[Id, Field(max_length=100)]
    """One that cannot be kept is none: what became of the request is then unknown, and looked for."""
    status: int
    body_excerpt: str = ""

    @model_validator(mode="before")
    @classmethod
    def _either_envelope(cls, value: Any) -> Any:
        if isinstance(value, dict) and not value.get("job_id") and isinstance(value.get("data"), dict):
            return {**value, "job_id": value["data"].get("job_id")}
        return value


class Failure(PublerModel):
    """One post of a job that was not taken. The account is all that names it; "" where not even that is
    told."""

    account_id: Text = ""
    account_name: Text = ""
    provider: Text = ""
    message: Text = ""


class Job(PublerModel):
    """`complete` says that the posts without a failure were taken, not that they are public."""

    state: JobState
    failures: tuple[Failure, ...] = ()

    @classmethod
    def from_answer(cls, answer: object) -> Self:
        """Reads the three envelopes. Raises ValueError where none of them is there."""
        levels = list(_levels(answer))
        states = {_STATES.get(str(level["status"]).lower()) for level in levels if level.get("status")}
        state = next((known for known in _BY_CAUTION if known in states), None)
        if state is None or None in states:
            raise ValueError("no known status")
        failures = [
            level["payload"].get("failures") for level in levels if isinstance(level.get("payload"), dict)
        ]
        return cls(state=state, failures=tuple(_failures(failures)))


class ListedPost(PublerModel):
    """A post in Publer's list. `state` is Publer's own word; times without a zone are taken for UTC."""

    id: Id
    text: Text = ""
    url: Text = ""
    state: Text = ""
    type: Text = ""
    account_id: Text = ""
    network: Text = ""
    scheduled_at: Moment = None
    post_link: Text = ""
    has_media: bool = False


class PostPage(PublerModel):
    """One page of the list; `page` counts from 0, `total` over all pages. The page size is Publer's."""

    posts: tuple[ListedPost, ...]
    total: int = Field(ge=0)
    page: int = Field(ge=0)
    per_page: int = Field(gt=0)
    total_pages: int = Field(ge=0)

    @model_validator(mode="before")
    @classmethod
    def _count_pages(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("total_pages") is not None:
            return value
        total, per_page = value.get("total"), value.get("per_page")
        if not isinstance(total, int) or not isinstance(per_page, int) or per_page < 1:
            return value
        return {**value, "total_pages": -(-total // per_page)}


class ProviderMedia(PublerModel):
    """An uploaded file, to be named by `id` in a post."""

    id: Id
    path: Text = ""
    type: Text = ""
    width: float | None = None
    height: float | None = None


class Deleted(PublerModel):
    deleted_ids: tuple[Id, ...]


_STATES: dict[str, JobState] = {
    "working": "working",
    "pending": "working",
    "queued": "working",
    "processing": "working",
    "complete": "complete",
    "completed": "complete",
    "failed": "failed",
    "error": "failed",
}
_BY_CAUTION: tuple[JobState, ...] = ("failed", "working", "complete")


def _levels(answer: object) -> Iterator[dict[str, Any]]:
    """The answer and what is wrapped in it, from the outside in."""
    level = answer
    while isinstance(level, dict):
        yield level
        level = level.get("data") or level.get("result")


def _failures(found: object) -> Iterator[Failure]:
    """`[]`, `{}`, a list of entries, or an object keyed by something with lists inside."""
    if isinstance(found, dict) and "message" in found:
        try:
            yield Failure.model_validate(found)
        except ValidationError:
            yield Failure(message=str(found["message"]))
    elif isinstance(found, dict):
        for part in found.values():
            yield from _failures(part)
    elif isinstance(found, list):
        for part in found:
            yield from _failures(part)
    elif isinstance(found, str) and found:
        yield Failure(message=found)
