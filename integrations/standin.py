"""What the small stand-in servers share: HTTP, and being told to misbehave.

They answer as the provider's documents say, keep everything in memory, and use nothing else of the project.

/sandbox/faults   GET, POST: what goes wrong, `{"any": "html"}`, `{"any": "hang", "count": 2}`; {}: nothing
/sandbox/calls    GET: calls by name, refused ones beside them
"""

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from integrations.serving import ERROR_PAGE, Answer, Handler, Server, is_from_here

LARGEST_BODY = 1024 * 1024
MODES = {
    "refuse": "Say that the credentials are wrong",
    "throttle": "Say that the limit is used up",
    "html": "Answer with an error page; nothing is taken",
    "hang": "Say nothing for a while, then drop the connection; nothing is taken",
}
LOST = {"lose_after": "Lose the answer, though the call was taken"}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """{} where it is no JSON object."""
        try:
            read = json.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(errors="replace")).items()}


@dataclass(slots=True)
class Fault:
    """`count` calls are left, None: until it is taken back."""

    mode: str
    count: int | None = None
    seconds: float = 60.0


class StandIn:
    """A running stand-in: `start`, use `url`, `stop`. A provider's own says `kind`, `answer`, `refusal` and
    `throttled`."""

    name: ClassVar[str]
    faults_of: ClassVar[Mapping[str, Mapping[str, str]]] = {"any": MODES}
    """By kind of call, what can go wrong with it; `any` comes first."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.lock = threading.RLock()
        self.faults: dict[str, Fault] = {}
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._http = Server(host, port, _Handler, self)
        self.url = self._http.url

    def start(self) -> None:
        self._http.begin()

    def stop(self) -> None:
        self._http.end()

    def kind(self, request: Request) -> str:
        """Which faults this call may suffer, beside those of `any`."""
        return "any"

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def refusal(self, request: Request) -> Answer:
        """That the credentials are wrong."""
        raise NotImplementedError

    def throttled(self, request: Request) -> Answer:
        """That the limit is used up, which it then is."""
        raise NotImplementedError

    def serve(self, request: Request) -> Answer | None:
        """What is answered, faults considered; None for silence."""
        fault = self._fault(self.kind(request))
        if fault.mode == "hang":
            self._http.stopping.wait(fault.seconds)
            return None
        if fault.mode == "html":
            return Answer(502, ERROR_PAGE, "text/html")
        with self.lock:
            if fault.mode in ("refuse", "throttle"):
                return self.refusal(request) if fault.mode == "refuse" else self.throttled(request)
            answer = self.answer(request)
        return None if fault.mode == "lose_after" else answer

    def set_faults(self, wanted: Mapping[str, Any]) -> None:
        """Set exactly these. `ValueError`, in words, when one is unknown; then nothing changes."""
        shared = {name: wanted[name] for name in ("count", "seconds") if name in wanted}
        faults = {}
        for kind, given in wanted.items():
            if kind in shared or not given:
                continue
            settings = {**shared, **(given if isinstance(given, dict) else {"mode": given})}
            if settings.get("mode") not in self.faults_of.get(kind, {}):
                raise ValueError(f"There is no fault {given!r} of {kind!r}; see GET /sandbox/faults.")
            count, seconds = settings.get("count"), settings.get("seconds", 60.0)
            faults[kind] = Fault(str(settings["mode"]), count and int(count), float(seconds))
        with self.lock:
            self.faults = faults

    def _fault(self, kind: str) -> Fault:
        with self.lock:
            kind = "any" if "any" in self.faults else kind
            fault = self.faults.get(kind, Fault(""))
            if fault.count:
                fault.count -= 1
                if not fault.count:
                    del self.faults[kind]
            return fault

    def own_page(self, request: Request) -> Answer:
        """The pages that the provider does not have."""
        if request.path == "/sandbox/calls":
            return Answer(200, {"calls": self.calls, "refused": self.refused})
        if request.path != "/sandbox/faults":
            return Answer(404, {"error": "Not found"})
        if request.method == "POST":
            if not is_from_here(request.headers):
                return Answer(403, {"error": "Only from here"})
            try:
                self.set_faults(request.json)
            except (ValueError, TypeError) as error:
                return Answer(422, {"error": str(error)})
        faults = [
            {"kind": kind, "mode": fault.mode, "count": fault.count, "seconds": fault.seconds}
            for kind, fault in self.faults.items()
        ]
        return Answer(200, {"faults": faults, "modes": self.faults_of})


class _Handler(Handler[StandIn]):
    def do_GET(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self.send(Answer(413, {"error": "Too large"}))
            return
        url, body = urlsplit(self.path), self.rfile.read(int(length))
        request = Request(self.command, url.path, parse_qs(url.query), self.headers, body)
        standin = self.server.standin
        if request.path.startswith("/sandbox/"):
            self.send(standin.own_page(request))
            return
        answer = standin.serve(request)
        if answer is None:
            self.close_connection = True  # nothing is said: the client has to find out
            return
        self.send(answer)

    do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_GET
