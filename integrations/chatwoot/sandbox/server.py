"""The sandbox's HTTP: who may call, how often, and what is answered below /api/v1 and /api/v2."""

import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from integrations.chatwoot.sandbox import inbox
from integrations.chatwoot.sandbox.inbox import ACCOUNT, ME, Conversation, Inbox
from integrations.serving import Answer
from integrations.standin import LOST, MODES, Request, StandIn

PERIOD = 60
STATUSES = ("open", "resolved", "pending", "snoozed")
CONVERSATIONS, CONTACTS, BEFORE, AFTER = 25, 15, 20, 100
"""Page sizes."""
WINDOWS = (
    ("address", 3000, r".*"),
    ("meta", 30, r"/conversations/meta"),
    ("contacts", 100, r"/contacts/search"),
    ("reports of a token", 100, r"/reports/.*"),
    ("reports of an account", 1000, r"/reports/.*"),
)
_ROUTES = (
    ("v1", "GET", "/conversations/meta", "meta"),
    ("v1", "GET", "/conversations", "list_conversations"),
    ("v1", "GET", "/conversations/{id}/messages", "list_messages"),
    ("v1", "POST", "/conversations/{id}/messages", "add_message"),
    ("v1", "GET", "/conversations/{id}/labels", "labels"),
    ("v1", "POST", "/conversations/{id}/labels", "set_labels"),
    ("v1", "POST", "/conversations/{id}/assignments", "assign"),
    ("v1", "POST", "/conversations/{id}/toggle_status", "toggle_status"),
    ("v1", "GET", "/contacts/search", "search_contacts"),
    ("v2", "GET", "/reports/summary", "report"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a sandbox is set up. Without a token any is taken; `limits` replaces those of `WINDOWS` by name."""

    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    limits: Mapping[str, int] | None = None


class Sandbox(StandIn):
    """A stand-in for one account. `clock` gives unix seconds."""

    name = "ChatwootSandbox"
    faults_of: ClassVar[Mapping[str, Mapping[str, str]]] = {"any": MODES, "write": MODES | LOST}

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        super().__init__(settings.host, settings.port)
        self.settings, self.clock = settings, clock
        self.inbox = Inbox(clock())
        self._window, self._used = 0, dict.fromkeys((name for name, _, _ in WINDOWS), 0)

    def kind(self, request: Request) -> str:
        return "write" if request.method == "POST" else "read"

    def answer(self, request: Request) -> Answer:
        found = re.fullmatch(r"/api/(v1|v2)/accounts/(\w+)(/.*)", request.path)
        path = found[3] if found else ""
        name = re.sub(r"/\d+(?=/)", "/{id}", path)
        self.calls[f"{request.method} {name}"] += 1
        answer = (self._limited(path) if path else None) or self._let_in(request)
        if answer is None and found and found[2] == str(ACCOUNT):
            answer = self._routed(request, found[1], path)
        answer = answer or _error(404, "Resource could not be found")
        if answer.status >= 400:
            self.refused[f"{answer.status} {request.method} {name}"] += 1
        return answer

    def refusal(self, request: Request) -> Answer:
        return _error(401, "Invalid Access Token")

    def throttled(self, request: Request) -> Answer:
        self._used["address"] = 10**9
        self._window = int(self.clock()) // PERIOD
        return _retry_later()

    # --------------------------------------------------------------------------------------------------

    def _limited(self, path: str) -> Answer | None:
        """Count the call in each of its windows, which all begin with a minute of the clock."""
        window = int(self.clock()) // PERIOD
        if window != self._window:
            self._window, self._used = window, dict.fromkeys(self._used, 0)
        over = False
        for name, limit, pattern in WINDOWS:
            if re.fullmatch(pattern, path):
                self._used[name] += 1
                over |= self._used[name] > (self.settings.limits or {}).get(name, limit)
        return _retry_later() if over else None

    def _let_in(self, request: Request) -> Answer | None:
        """Before most installations stands nginx, which drops `api_access_token` for its underscores."""
        token, wanted = request.headers.get("Api-Access-Token", ""), self.settings.token
        if not token:
            return Answer(401, {"errors": ["You need to sign in or sign up before continuing."]})
        if wanted and not hmac.compare_digest(token.encode(), wanted.encode()):
            return self.refusal(request)
        return None

    def _routed(self, request: Request, version: str, path: str) -> Answer | None:
        for of_version, method, route, name in _ROUTES:
            match = re.fullmatch(route.replace("{id}", r"(\d+)"), path)
            if match and (of_version, method) == (version, request.method):
                answer = getattr(self, name)
                if not match.groups():
                    return Answer(200, answer(request))
                conversation = self.inbox.conversations.get(int(match[1]))
                said = answer(request, conversation) if conversation else None
                return said if said is None or isinstance(said, Answer) else Answer(200, said)
        return None

    # What can be asked --------------------------------------------------------------------------------

    def meta(self, request: Request) -> Any:
        found = self.inbox.found(_one(request, "status", "open"), _one(request, "q"))
        return {"meta": self.inbox.counts(found)}

    def list_conversations(self, request: Request) -> Any:
        every = self.inbox.found(_one(request, "status", "open"), _one(request, "q"))
        if _one(request, "sort_by") == "waiting_since_asc":
            every.sort(key=lambda each: each.waiting_since or self.clock())
        wanted: Callable[[Conversation], bool] = {
            "me": lambda each: each.assignee == ME,
            "unassigned": lambda each: each.assignee is None,
            "assigned": lambda each: each.assignee is not None,
        }.get(_one(request, "assignee_type"), lambda each: True)
        found = _page([each for each in every if wanted(each)], request, CONVERSATIONS)
        payload = [inbox.conversation(each) for each in found]
        return {"data": {"meta": self.inbox.counts(every), "payload": payload}}

    def list_messages(self, request: Request, conversation: Conversation) -> Any:
        found, before, after = conversation.messages, _one(request, "before"), _one(request, "after")
        if after:
            found = [each for each in found if each.id > int(after)][:AFTER]
        else:
            found = [each for each in found if not before or each.id < int(before)][-BEFORE:]
        meta = {"labels": conversation.labels, "additional_attributes": {}}
        return {"meta": meta, "payload": [inbox.message(each, conversation) for each in found]}

    def add_message(self, request: Request, conversation: Conversation) -> Any:
        content = request.json.get("content")
        if not isinstance(content, str) or not content.strip():
            return Answer(422, {"message": "Content can't be blank", "attributes": ["content"]})
        said = self.inbox.say(
            conversation,
            content,
            self.clock(),
            kind=0 if request.json.get("message_type") == "incoming" else 1,
            private=bool(request.json.get("private")),
            agent=ME,
        )
        return inbox.message(said, conversation)

    def labels(self, request: Request, conversation: Conversation) -> Any:
        return {"payload": conversation.labels}

    def set_labels(self, request: Request, conversation: Conversation) -> Any:
        wanted = request.json.get("labels")
        if not isinstance(wanted, list):
            return _error(422, "param is missing or the value is empty: labels")
        conversation.labels = [str(label) for label in wanted]
        return {"payload": conversation.labels}

    def assign(self, request: Request, conversation: Conversation) -> Any:
        agent = request.json.get("assignee_id")
        if agent not in inbox.AGENTS:
            return None
        conversation.assignee = agent
        return inbox.user(agent)

    def toggle_status(self, request: Request, conversation: Conversation) -> Any:
        status = request.json.get("status")
        if status not in STATUSES:
            return _error(422, f"'{status}' is not a valid status")
        conversation.status = status
        if status == "open" and conversation.assignee is None:
            conversation.assignee = ME
        payload = {"success": True, "current_status": status, "conversation_id": conversation.id}
        return {"meta": {}, "payload": payload}

    def search_contacts(self, request: Request) -> Any:
        found = self.inbox.contacts(_one(request, "q"))
        meta = {"count": len(found), "current_page": _one(request, "page", "1")}
        return {"meta": meta, "payload": _page(found, request, CONTACTS)}

    def report(self, request: Request) -> Any:
        since, until = float(_one(request, "since", "0")), float(_one(request, "until", str(self.clock())))
        before = self.inbox.summary(2 * since - until, since)
        return self.inbox.summary(since, until) | {"previous": before}


def _one(request: Request, name: str, default: str = "") -> str:
    return request.query.get(name, [default])[0]


def _page(found: list[Any], request: Request, size: int) -> list[Any]:
    page = int(_one(request, "page", "1"))
    return found[(page - 1) * size : page * size]


def _error(status: int, words: str) -> Answer:
    return Answer(status, {"error": words})


def _retry_later() -> Answer:
    return Answer(429, b"Retry later\n", "text/plain")
