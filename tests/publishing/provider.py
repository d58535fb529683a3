"""Publer as the protocol assumes it, at the HTTP border, on the test's clock: it may lose answers, be
late, refuse."""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import responses

BASE = "http://publer.invalid/api/v1"
PAGE = 10
Answer = tuple[int, dict[str, str], str]


@dataclass
class Listed:
    """A post as the provider holds it."""

    id: str
    account_id: str
    text: str
    state: str
    scheduled_at: datetime
    link: str = ""
    url: str = ""
    job: str = ""
    visible: bool = True


@dataclass
class FakePubler:
    """`next_writes` are taken one a bulk request: "job" (the default), "lost" (taken, no answer), "never"
    (not
    taken, no answer), "late" / "late job" (worked on when `work_on_late` is called), or an answer."""

    now: Callable[[], datetime]
    posts: list[Listed] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    next_writes: list[Any] = field(default_factory=list)
    next_lists: list[Any] = field(default_factory=list)
    miscounts: int = 0  # by so many its list says to be longer than it is
    next_deletes: list[Any] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    late: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    before_send: Callable[[], None] = lambda: None
    refuse: Callable[[dict[str, Any]], str] = lambda body: ""
    change_words: Callable[[str], str] = lambda words: words
    newest_first: bool = True
    workspace: str = "ws1"
    page_size: int = PAGE
    replies: dict[str, Callable[[Any], Answer]] = field(default_factory=dict)
    """What answers a call, by method and path: a test puts its own in."""
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def install(self, mock: responses.RequestsMock) -> None:
        for method, path, reply in (
            ("GET", "/workspaces", self._workspaces),
            ("GET", "/accounts", self._accounts),
            ("POST", "/posts/schedule", self._bulk),
            ("POST", "/posts/schedule/publish", self._bulk),
            ("GET", "/posts", self._list),
            ("DELETE", "/posts", self._delete),
            ("POST", "/media", self._media),
        ):
            self.replies[f"{method} {path}"] = reply
            mock.add_callback(method, BASE + path, callback=self._counted(f"{method} {path}"))
        self.replies["GET /job_status"] = self._job
        mock.add_callback("GET", _job_url(), callback=self._counted("GET /job_status"))

    @property
    def public(self) -> list[Listed]:
        return [post for post in self.posts if post.state.startswith("published")]

    def work_on_late(self) -> None:
        """The provider comes to what it had put off."""
        late, self.late = self.late, []
        for body, job in late:
            self._make(body, job)

    def shows(self, post: Listed) -> bool:
        """Whether the list holds it by now."""
        return post.visible

    def reach(self) -> None:
        """Posts whose time has come go public."""
        for post in self.posts:
            if post.state == "scheduled" and post.scheduled_at <= self.now():
                post.state = "published"
                post.link = f"https://social.example/{post.id}"

    # ------------------------------------------------------------------------------------ answers
    def _counted(self, call: str) -> Callable[[Any], Answer]:
        def counted(request: Any) -> Answer:
            self.calls.append(f"{request.method} {urlsplit(request.url).path.removeprefix('/api/v1/')}")
            return self.replies[call](request)

        return counted

    def _workspaces(self, request: Any) -> Answer:
        return _json([{"id": self.workspace, "name": "Kiln & Linen"}])

    def _accounts(self, request: Any) -> Answer:
        return _json(
            [
                {"id": f"acc-{network}", "provider": network, "name": "Kiln & Linen", "type": "page"}
                for network in NETWORKS
            ]
        )

    def _bulk(self, request: Any) -> Answer:
        self.before_send()
        body = json.loads(request.body)
        self.bodies.append(body)
        if words := self.refuse(body):
            return 422, {"Content-Type": "application/json"}, json.dumps({"errors": [words]})
        what = self.next_writes.pop(0) if self.next_writes else "job"
        job = f"job-{next(self.numbers)}"
        if isinstance(what, Exception):
            raise what
        if isinstance(what, tuple):
            return what
        if what == "never":
            raise requests.ReadTimeout("no answer")
        if what in ("late", "late job"):
            self.late.append((body, job))
        else:
            self._make(body, job)
        if what in ("lost", "late"):
            raise requests.ReadTimeout("no answer")
        return _json({"success": True, "data": {"job_id": job}})

    def _make(self, body: dict[str, Any], job: str) -> None:
        failures = []
        for account, content in entries(body):
            if account["id"] in self.failing:
                failures.append({"account_id": account["id"], "message": self.failing[account["id"]]})
                continue
            at = account.get("scheduled_at")
            number = next(self.numbers)
            self.posts.append(
                Listed(
                    id=f"post-{number}",
                    account_id=account["id"],
                    text=self.change_words(content.get("text", "")),
                    state="scheduled" if at else "published",
                    scheduled_at=datetime.fromisoformat(at) if at else self.now(),
                    link="" if at else f"https://social.example/post-{number}",
                    url=content.get("link", {}).get("url", ""),
                    job=job,
                )
            )
        self.jobs.setdefault(job, {"status": "complete", "payload": {"failures": failures}})

    def _job(self, request: Any) -> Answer:
        job = urlsplit(request.url).path.rpartition("/")[2]
        if job not in self.jobs:
            return 404, {}, '{"errors": ["Not found"]}'
        return _json(self.jobs[job])

    def _list(self, request: Any) -> Answer:
        what = self.next_lists.pop(0) if self.next_lists else None
        if isinstance(what, Exception):
            raise what
        if isinstance(what, tuple):
            return what
        if callable(what):
            what()
        query = parse_qs(urlsplit(request.url).query)
        wanted, page = query.get("account_ids[]", []), int(query["page"][0])
        day = timedelta(days=1)
        start = datetime.fromisoformat(query["from"][0]).replace(tzinfo=self.now().tzinfo)
        end = datetime.fromisoformat(query["to"][0]).replace(tzinfo=self.now().tzinfo) + day
        found = [
            post
            for post in self.posts
            if self.shows(post) and post.account_id in wanted and start <= post.scheduled_at < end
        ]
        found.sort(key=lambda post: post.scheduled_at, reverse=self.newest_first)
        return _json(
            {
                "posts": [
                    {
                        "id": post.id,
                        "text": post.text,
                        "url": post.url,
                        "state": post.state,
                        "account_id": post.account_id,
                        "scheduled_at": post.scheduled_at.isoformat(),
                        "post_link": post.link or None,
                    }
                    for post in found[page * self.page_size : (page + 1) * self.page_size]
                ],
                "total": len(found) + self.miscounts,
                "page": page,
                "per_page": self.page_size,
                "total_pages": -(-len(found) // self.page_size),
            }
        )

    def _delete(self, request: Any) -> Answer:
        ids = parse_qs(urlsplit(request.url).query).get("post_ids[]", [])
        what = self.next_deletes.pop(0) if self.next_deletes else "deleted"
        if what == "never":
            raise requests.ReadTimeout("no answer")
        gone = [post.id for post in self.posts if post.id in ids and post.state.startswith("scheduled")]
        self.posts = [post for post in self.posts if post.id not in gone]
        if what == "lost":
            raise requests.ReadTimeout("no answer")
        return _json({"deleted_ids": gone})

    def _media(self, request: Any) -> Answer:
        number = next(self.numbers)
        return _json(
            {"id": f"media-{number}", "path": f"/m/{number}", "type": "photo", "width": 9, "height": 9}
        )


NETWORKS = ("facebook", "twitter", "linkedin", "threads")


def entries(body: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What a bulk request asks for: each account with the content that it gets."""
    return [
        (account, post["networks"][account["id"].removeprefix("acc-")])
        for post in body["bulk"]["posts"]
        for account in post["accounts"]
    ]


def _job_url() -> Any:
    return re.compile(re.escape(BASE) + "/job_status/.+")


def _json(body: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(body)
