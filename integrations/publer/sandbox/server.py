"""The sandbox's HTTP: who may call, what goes wrong on the wire, which room answers.

/api/v1/…            Publer's API (`api`)
/sandbox/            the feed; / leads there
/sandbox/faults      GET, POST: what goes wrong (`faults`)
/sandbox/empty       POST: forget all posts
/sandbox/posts       GET: every post as plain JSON
/sandbox/calls       GET: API calls by route, refused ones beside them
/sandbox/permissions POST {"revoke": true} or {"end": true}: take back what was allowed, or end its tokens
/oauth/…             the authorization server (`authorization`)
/p/ID  /media/ID     one post, one picture
"""

import hmac
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from integrations.publer.sandbox.answers import Refused, errors
from integrations.publer.sandbox.api import Api
from integrations.publer.sandbox.authorization import Client, Permissions
from integrations.publer.sandbox.faults import Fault, Faults
from integrations.publer.sandbox.feed import Feed
from integrations.publer.sandbox.publish import Publisher
from integrations.publer.sandbox.reading import Call, Query
from integrations.publer.sandbox.rules import shop_accounts
from integrations.publer.sandbox.store import Post, Store, new_id
from integrations.publer.sandbox.window import Window
from integrations.publer.sandbox.writing import Writer
from integrations.serving import ERROR_PAGE, Answer, Handler, Server, is_from_here

PREFIX = "/api/v1"
LARGEST_BODY = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """How a sandbox is set up. `api_key` and `workspace_id` may be "": any key, a made-up workspace."""

    data: str | Path
    host: str = "127.0.0.1"
    port: int = 0
    api_key: str = ""
    workspace_id: str = ""
    plan: str = "business"
    limit: int = 100
    period: float = 120.0
    gap: float = 60.0
    delay: float = 0.3
    spread: float = 0.0
    further_accounts: int = 0
    further_workspaces: int = 0
    oauth_client_id: str = ""
    oauth_client_secret: str = ""
    token_life: float = 3600.0


@dataclass(frozen=True, slots=True)
class Route:
    """`kind` is the faults' word for it; `alone` needs no workspace header."""

    method: str
    pattern: re.Pattern[str]
    kind: str
    call: Callable[..., Answer]
    name: str
    alone: bool = False


class Sandbox:
    """A running stand-in: `start`, use `url`, `stop`. `clock` gives unix seconds."""

    name: ClassVar[str] = "PublerSandbox"

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings, self.clock = settings, clock
        self.store = Store(settings.data)
        self.faults = Faults()
        self.window = Window(settings.limit, settings.period, clock)
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.http = Server(settings.host, settings.port, _Handler, self)
        self.url = self.http.url
        accounts = {account.id: account for account in shop_accounts(settings.further_accounts)}
        self.workspace_id = settings.workspace_id or self.store.fact("workspace", new_id())
        self.writer = Writer(self.url, accounts, settings.plan)
        empty = tuple(
            self.store.fact(f"workspace {number + 2}", new_id())
            for number in range(settings.further_workspaces)
        )
        self.api = Api(
            self.store,
            accounts,
            self.writer,
            self.workspace_id,
            settings.delay,
            settings.spread,
            clock,
            empty,
        )
        self.publisher = Publisher(
            self.store,
            self.faults,
            accounts,
            plan=settings.plan,
            gap=settings.gap,
            clock=clock,
            fetch=self._fetch,
        )
        self.feed = Feed(self.store, self.faults, accounts, clock)
        client = Client(settings.oauth_client_id, settings.oauth_client_secret)
        self.permissions = Permissions(self.store, client, settings.token_life, clock, self.feed.authorize)
        self.routes = _routes(self.api)

    def start(self, *, working: bool = True) -> None:
        """Serve and, unless `working` is off, work on jobs by itself; returns at once."""
        self.http.begin()
        if working:
            threading.Thread(target=self.publisher.run, daemon=True).start()

    def stop(self) -> None:
        self.publisher.stop()
        self.http.end()
        self.store.close()

    def accepts(self, scheme: str, key: str) -> bool:
        """A key, or a token that was granted here."""
        if scheme == "Bearer":
            return self.permissions.lets_in(key)
        return (
            scheme == "Bearer-API"
            and bool(key)
            and (
                not self.settings.api_key or hmac.compare_digest(key.encode(), self.settings.api_key.encode())
            )
        )

    def posts(self) -> list[dict[str, Any]]:
        """All posts in the order in which they were made, for tests and scripts."""
        return [self._plain(post) for post in self.store.posts("1 ORDER BY number")]

    def _plain(self, post: Post) -> dict[str, Any]:
        names = (
            "id",
            "account_id",
            "provider",
            "text",
            "state",
            "made_at",
            "scheduled_at",
            "published_at",
            "job_id",
        )
        plain = {name: getattr(post, name) for name in names}
        return plain | {
            "media": len(post.media),
            "link": post.link.get("url"),
            "post_link": self.writer.link(post),
        }

    def _fetch(self, entry: dict[str, Any]) -> str:
        with urlopen(Request(entry["url"]), timeout=10) as response:  # noqa: S310 (http and https only, by `upload_from_url`)
            content = response.read(LARGEST_BODY + 1)
            mime = response.headers.get_content_type()
        if len(content) > LARGEST_BODY:
            raise ValueError("too large")
        name, caption = str(entry.get("name") or "file"), str(entry.get("caption") or "")
        return self.api.keep_media(name, mime, content, caption).id


def _routes(api: Api) -> list[Route]:
    def route(method: str, path: str, kind: str, call: Callable[..., Answer], alone: bool = False) -> Route:
        pattern = re.compile(re.sub(r"\{\w+\}", r"([^/]+)", path))
        return Route(method, pattern, kind, call, f"{method} {path}", alone)

    return [
        route("GET", "/users/me", "any", api.me, alone=True),
        route("GET", "/workspaces", "any", api.workspaces, alone=True),
        route("GET", "/accounts", "any", api.list_accounts),
        route("POST", "/posts/schedule", "write", api.schedule),
        route("POST", "/posts/schedule/publish", "write", api.publish),
        route("GET", "/job_status/{id}", "job", api.job_status),
        route("GET", "/posts", "list", api.list_posts),
        route("PUT", "/posts/{id}", "edit", api.update_post),
        route("DELETE", "/posts", "edit", api.delete_posts),
        route("POST", "/media", "media", api.upload),
        route("POST", "/media/from-url", "media", api.upload_from_url),
        route("GET", "/media", "any", api.list_media),
    ]


class _Handler(Handler[Sandbox]):
    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    @property
    def sandbox(self) -> Sandbox:
        return self.server.standin

    def _serve(self) -> None:
        self._limits: dict[str, str] = {}
        url = urlsplit(self.path)
        body = self._body()
        if body is None:
            return
        if url.path.startswith(f"{PREFIX}/"):
            self._serve_api(url.path.removeprefix(PREFIX), parse_qs(url.query), body)
        else:
            self._send(self._page(url.path, parse_qs(url.query), body))

    def _body(self) -> bytes | None:
        """The request's body; None when it was refused and answered."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.close_connection = True
            self._send(errors(411, "A Content-Length is needed"))
            return None
        if int(length) > LARGEST_BODY:
            self.close_connection = True
            self._send(errors(413, "The file is too large"))
            return None
        return self.rfile.read(int(length))

    # the API ------------------------------------------------------------------------------------------

    def _serve_api(self, path: str, query: Query, body: bytes) -> None:
        route, match = next(
            (
                (r, m)
                for r in self.sandbox.routes
                if r.method == self.command and (m := r.pattern.fullmatch(path))
            ),
            (None, None),
        )
        name = route.name if route else f"{self.command} (unknown)"
        self.sandbox.calls[name] += 1
        answer = self._refusal(route)
        if answer is None and route and match:
            fault = self.sandbox.faults.take(route.kind)
            workspace = self.headers.get("Publer-Workspace-Id", "")
            call = Call(query, body, self.headers.get("Content-Type", ""), fault, workspace)
            answer = self._answer(route, call, match.groups())
        if answer is None:
            self.close_connection = True  # nothing is said: the client has to find out
            self.sandbox.calls[f"{name} (unanswered)"] += 1
            return
        if answer.status >= 400:
            self.sandbox.refused[f"{answer.status} {name}"] += 1
        self._send(answer)

    def _refusal(self, route: Route | None) -> Answer | None:
        """Why this call is not let in, or None; notes the window's headers for the answer."""
        self._limits = self.sandbox.window.headers()
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if not self.sandbox.accepts(scheme, key.strip()):
            return errors(401, "Unauthorized")
        admitted, self._limits = self.sandbox.window.admit()
        if not admitted:
            return errors(429, "Rate limit exceeded. Retry later.")
        if route is None:
            return errors(404, "Not found")
        workspace = self.headers.get("Publer-Workspace-Id")
        if workspace is None and not route.alone:
            return errors(403, "Publer-Workspace-Id header is missing")
        if workspace not in (None, self.sandbox.workspace_id, *self.sandbox.api.empty_workspaces):
            return errors(403, "You don't have access to this workspace")
        return None

    def _answer(self, route: Route, call: Call, groups: tuple[str, ...]) -> Answer | None:
        """What is answered, the call's fault considered; None for silence."""
        fault = call.fault
        if fault.mode == "hang":
            self.server.stopping.wait(fault.seconds)
        if fault.mode in ("hang", "lose_before"):
            return None
        early = self._early(fault)
        if early:
            return early
        try:
            answer = route.call(call, *groups)
        except Refused as refused:
            return refused.answer
        self.sandbox.publisher.wake()
        if fault.mode in ("lose_after", "late_lost"):
            return None
        if fault.mode == "slow":
            self.server.stopping.wait(fault.seconds)
        return _spoiled(answer, fault)

    def _early(self, fault: Fault) -> Answer | None:
        """The answers that are given before anything is taken."""
        if fault.mode == "refuse_key":
            return errors(401, "Unauthorized")
        if fault.mode == "rate_limited":
            self._limits["X-RateLimit-Remaining"] = "0"
            return errors(429, "Rate limit exceeded. Retry later.")
        if fault.mode == "refuse_content":
            return errors(422, fault.message)
        if fault.mode == "html":
            return Answer(502, ERROR_PAGE, "text/html")
        return None

    # everything else ----------------------------------------------------------------------------------

    def _page(self, path: str, query: Query, body: bytes) -> Answer:
        sandbox, method = self.sandbox, self.command
        if method == "POST" and not is_from_here(self.headers):
            return errors(403, "Only the feed's own page may do this")
        if method == "POST" and path == "/sandbox/empty":
            sandbox.store.empty()
            return self._back()
        if path.startswith("/oauth/"):
            return sandbox.permissions.answer(method, path, query, body, dict(self.headers))
        if method == "POST" and path == "/sandbox/permissions":
            return self._change_permissions(body)
        if path == "/sandbox/faults":
            return self._set_faults(body) if method == "POST" else Answer(200, sandbox.faults.as_json())
        if method not in ("GET", "HEAD"):
            return errors(405, "This address is only read")
        if path == "/sandbox/posts":
            return Answer(200, sandbox.posts())
        if path == "/sandbox/calls":
            return Answer(
                200, {"calls": sandbox.calls, "total": _total(sandbox.calls), "refused": sandbox.refused}
            )
        if path == "/":
            return Answer(302, b"", "text/plain", {"Location": "/sandbox/"})
        return sandbox.feed.answer(path, query) or errors(404, "Not found")

    def _set_faults(self, body: bytes) -> Answer:
        form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        try:
            wanted = (
                {k: v[0] for k, v in parse_qs(body.decode()).items()} if form else json.loads(body or b"{}")
            )
            if not isinstance(wanted, dict):
                raise ValueError("The body is a JSON object.")
            self.sandbox.faults.replace(wanted)
        except ValueError as error:
            return errors(422, str(error))
        return self._back() if form else Answer(200, self.sandbox.faults.as_json())

    def _change_permissions(self, body: bytes) -> Answer:
        try:
            wanted = json.loads(body or b"{}")
        except ValueError:
            return errors(422, "The body is a JSON object")
        if wanted.get("revoke"):
            self.sandbox.permissions.revoke_all()
        if wanted.get("end"):
            self.sandbox.permissions.end_all()
        return Answer(200, {"done": True})

    def _back(self) -> Answer:
        """To the feed, for a person's browser; a script reads that it is done."""
        if "text/html" in self.headers.get("Accept", ""):
            return Answer(303, b"", "text/plain", {"Location": "/sandbox/"})
        return Answer(200, {"done": True})

    def _send(self, answer: Answer) -> None:
        own = {"X-HotDash-Sandbox": f"{self.sandbox.url}/sandbox/", "Cache-Control": "no-store"}
        self.send(answer, own | self._limits)


def _spoiled(answer: Answer, fault: Fault) -> Answer:
    if fault.mode == "html_taken":
        return Answer(502, ERROR_PAGE, "text/html")
    if fault.mode == "garbage":
        return replace(answer, status=200, body=b"%PDF-1.4 \xe2\xe3 not what you asked for")
    if fault.mode == "no_job":
        return replace(answer, status=200, body={"success": True, "data": {}})
    return answer


def _total(calls: Counter[str]) -> int:
    return sum(count for name, count in calls.items() if not name.endswith("(unanswered)"))
