"""HTTP as every stand-in server speaks it."""

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

ERROR_PAGE = b"<!DOCTYPE html><title>502 Bad Gateway</title><h1>Bad gateway</h1>"


class Named(Protocol):
    """A stand-in: `name` is what it calls itself in `Server`."""

    name: ClassVar[str]


S = TypeVar("S", bound=Named)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is sent as JSON, or as it is when it is bytes."""

    status: int
    body: Any
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Server(ThreadingHTTPServer, Generic[S]):
    """Serves one stand-in from `begin` to `end`; `url` is its address."""

    daemon_threads = True
    block_on_close = False  # a connection that hangs on purpose must not hold up the end
    request_queue_size = 128

    def __init__(self, host: str, port: int, handler: "type[Handler[S]]", standin: S) -> None:
        super().__init__((host, port), handler)
        self.standin = standin
        self.stopping = threading.Event()
        shown = "127.0.0.1" if host in ("", "0.0.0.0") else host  # noqa: S104 (an address to show)
        self.url = f"http://{shown}:{self.server_port}"

    def begin(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def end(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or our own end, is no error."""
        if not self.stopping.is_set() and not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler, Generic[S]):
    """One connection. Every answer has a length, so that it can carry the next call."""

    protocol_version = "HTTP/1.1"
    timeout = 75  # seconds that an idle connection is kept
    wbufsize = 64 * 1024  # headers and body leave in one packet
    disable_nagle_algorithm = True
    server: Server[S]

    def version_string(self) -> str:
        return self.server.standin.name

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the counts stand at /sandbox/calls."""

    def send(self, answer: Answer, headers: Mapping[str, str] | None = None) -> None:
        """Send it, with these headers beside its own, which win."""
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        always = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(body)),
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in {**always, **(headers or {}), **answer.headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def is_from_here(headers: Message) -> bool:
    """Whether no foreign web page presses the button: a browser names the page's origin."""
    origin = headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == headers.get("Host")
