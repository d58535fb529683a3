"""Publer's API, version 1 (https://publer.com/docs)."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

from pydantic import TypeAdapter

from integrations.errors import BadAnswer, OutcomeUnknown
from integrations.http import Answer, ApiClient, Call
from integrations.publer.types import (
    Account,
    Deleted,
    Job,
    JobAccepted,
    PostPage,
    ProviderMedia,
    User,
    Workspace,
)
from integrations.ratelimit import Leave, Limiter, Priority

SANDBOX_HEADER = "X-HotDash-Sandbox"
EXCERPT = 2000
HAND_OVER = "posts/schedule"
"""The route of the bulk writes; the one for posts that go out now begins so, too."""
T = TypeVar("T")


class PublerClient:
    """One workspace of one key. Every call may raise the errors of `integrations.errors`; none sleeps or
    repeats.

    `sandbox_feed_url` is where the stand-in server shows its feed, as of the last answer; "" with the real
    one.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        workspace_id: str,
        limiter: Limiter,
        connect_timeout: float,
        read_timeout: float,
        scheme: str = "Bearer-API",
    ) -> None:
        """`scheme`: plain `Bearer` is for a granted token; with a key it gets a 401."""
        self.sandbox_feed_url = ""
        self._in_workspace = {"Publer-Workspace-Id": workspace_id}
        self._api = ApiClient(
            "publer",
            base_url,
            limiter=limiter,
            credentials={"Authorization": f"{scheme} {api_key}"},
            secrets=[api_key],
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )

    def __repr__(self) -> str:
        return f"<PublerClient {self._api!r} workspace {self._in_workspace['Publer-Workspace-Id']}>"

    def leave(self, priority: Priority = Priority.BACKGROUND, route: str = HAND_OVER) -> Leave:
        """The limiter's leave for one write, to be used at once or given back; who has to wait for it is
        shown with `route`. Raises Held."""
        return self._api.leave(priority, route=route)

    def give_back(self, leave: Leave) -> None:
        """The write will not be made."""
        self._api.give_back(leave)

    # Reads --------------------------------------------------------------------------------------------

    def me(self, priority: Priority = Priority.BACKGROUND) -> User:
        """Whose key this is."""
        return self._read(Call("GET", "users/me"), User.model_validate, priority)

    def workspaces(self, priority: Priority = Priority.BACKGROUND) -> tuple[Workspace, ...]:
        """What the key may work in."""
        return self._read(Call("GET", "workspaces"), _workspaces.validate_python, priority)

    def accounts(self, priority: Priority = Priority.BACKGROUND) -> tuple[Account, ...]:
        """The profiles connected to the workspace."""
        return self._read(self._call("GET", "accounts"), _accounts.validate_python, priority)

    def job_status(self, job_id: str, priority: Priority = Priority.BACKGROUND) -> Job:
        """How far a job is. An unknown or forgotten id raises Refused with kind `setup`."""
        return self._read(
            self._call("GET", "job_status/{job_id}", path={"job_id": job_id}), Job.from_answer, priority
        )

    def posts(
        self,
        page: int = 0,
        date_from: date | None = None,
        date_to: date | None = None,
        account_ids: Sequence[str] = (),
        state: str = "all",
        priority: Priority = Priority.BACKGROUND,
    ) -> PostPage:
        """One page of the list; one call. Both dates or neither: Publer ignores one alone."""
        if (date_from is None) != (date_to is None):
            raise ValueError("Both dates or neither.")
        params = [
            ("state", state),
            ("page", str(page)),
            *(("account_ids[]", account) for account in account_ids),
        ]
        if date_from and date_to:
            params += [("from", date_from.isoformat()), ("to", date_to.isoformat())]
        return self._read(self._call("GET", "posts", params=params), PostPage.model_validate, priority)

    # Writes -------------------------------------------------------------------------------------------

    def schedule(self, body: dict[str, Any], leave: Leave) -> JobAccepted:
        """Hand over posts for later, or drafts. `body` is made by `content.envelope`."""
        return self._job(self._call("POST", HAND_OVER, json=body), leave)

    def publish(self, body: dict[str, Any], leave: Leave) -> JobAccepted:
        """Hand over posts to be published now."""
        return self._job(self._call("POST", f"{HAND_OVER}/publish", json=body), leave)

    def edit_post(
        self, post_id: str, text: str, title: str | None = None, priority: Priority = Priority.BACKGROUND
    ) -> None:
        """Change the words of a post that Publer holds."""
        post = {"text": text} if title is None else {"text": text, "title": title}
        call = self._call("PUT", "posts/{post_id}", path={"post_id": post_id}, json={"post": post})
        self._write(call, dict, self.leave(priority, call.route))

    def delete_posts(self, ids: Sequence[str], priority: Priority = Priority.BACKGROUND) -> tuple[str, ...]:
        """Remove posts; answers the ids that Publer names as removed. One whose outcome is unknown may be
        repeated."""
        call = self._call("DELETE", "posts", params=[("post_ids[]", post_id) for post_id in ids])
        return self._write(call, Deleted.model_validate, self.leave(priority, call.route)).deleted_ids

    def upload_media(
        self, content: bytes, filename: str, content_type: str, priority: Priority = Priority.BACKGROUND
    ) -> ProviderMedia:
        """Give Publer a file. Repeating it makes a second, unused copy and nothing else."""
        call = self._call(
            "POST",
            "media",
            files={"file": (filename, content, content_type)},
            data={"direct_upload": "false", "in_library": "false"},
        )
        return self._write(call, ProviderMedia.model_validate, self.leave(priority, call.route))

    def media_from_url(self, url: str, name: str, priority: Priority = Priority.BACKGROUND) -> JobAccepted:
        """Let Publer fetch a file; the job tells when it has it."""
        body = {"media": [{"url": url, "name": name}], "type": "single"}
        call = self._call("POST", "media/from-url", json=body)
        return self._job(call, self.leave(priority, call.route))

    # --------------------------------------------------------------------------------------------------

    def _call(self, method: str, route: str, **parts: Any) -> Call:
        return Call(method, route, headers=self._in_workspace, **parts)

    def _job(self, call: Call, leave: Leave) -> JobAccepted:
        answer = self._answered(self._api.write(call, leave))
        taken = answer.json if isinstance(answer.json, dict) else {}
        told = {**taken, "status": answer.status, "body_excerpt": answer.text[:EXCERPT]}
        return self._parse(answer, lambda _: JobAccepted.model_validate(told), OutcomeUnknown)

    def _read(self, call: Call, parse: Callable[[Any], T], priority: Priority) -> T:
        return self._parse(self._answered(self._api.read(call, priority)), parse, BadAnswer)

    def _write(self, call: Call, parse: Callable[[Any], T], leave: Leave) -> T:
        return self._parse(self._answered(self._api.write(call, leave)), parse, OutcomeUnknown)

    def _answered(self, answer: Answer) -> Answer:
        self.sandbox_feed_url = answer.headers.get(SANDBOX_HEADER, "")
        return answer

    def _parse(
        self, answer: Answer, parse: Callable[[Any], T], error: type[BadAnswer] | type[OutcomeUnknown]
    ) -> T:
        """What the answer means. A `success: false` is never good, whatever else stands there."""
        says_no = isinstance(answer.json, dict) and answer.json.get("success") is False
        try:
            parsed = None if says_no else parse(answer.json)
        except (ValueError, TypeError, LookupError):  # pydantic's ValidationError is a ValueError
            parsed = None
        if parsed is None:
            raise self._api.unusable(answer, error, "Publer's answer does not say what became of the call.")
        return parsed


_workspaces = TypeAdapter(tuple[Workspace, ...])
_accounts = TypeAdapter(tuple[Account, ...])
