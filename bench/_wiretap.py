"""A proxy before the sandbox that notes when a request arrived."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

KEPT = ("content-type", "authorization", "publer-workspace-id")


class Wiretap:
    """Listens on a free port and hands everything on to `target_port`; what stands under /floor ends here."""

    def __init__(self, target_port: int) -> None:
        self.arrived: dict[str, float] = {}
        tap = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _hand_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.command == "POST":
                    tap.arrived[body.decode("utf-8", "replace")] = time.perf_counter()
                if self.path.startswith("/floor"):
                    self._answer(200, {}, b"{}")
                    return
                onward = http.client.HTTPConnection("127.0.0.1", target_port, timeout=30)
                headers = {name: value for name, value in self.headers.items() if name.lower() in KEPT}
                onward.request(self.command, self.path, body or None, headers)
                answer = onward.getresponse()
                self._answer(answer.status, dict(answer.getheaders()), answer.read())
                onward.close()

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = _hand_on

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def when(self, words: str, within: float = 20) -> float:
        """The moment at which a request with these words arrived; waits for it."""
        until = time.perf_counter() + within
        while time.perf_counter() < until:
            for body, moment in list(self.arrived.items()):
                if words in body:
                    return moment
            time.sleep(0.001)
        raise TimeoutError(f"nothing with {words!r} arrived within {within:g} s")
