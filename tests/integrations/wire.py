"""A server of real sockets, for what a faked transport cannot say: what breaks, and when."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

KEY = "plantedKey-9f8e7d6c5b4a+/="

Behaviour = Callable[[socket.socket, socket.socket], None]
"""What the server does once it has read the request; the plain socket and, above it, the one that speaks
TLS."""


class Wire:
    """Servers of one connection each. `received` is what they read, all together."""

    def __init__(self, certificate: Path | None) -> None:
        self.received = b""
        self.connections = 0
        self._certificate = certificate
        self._threads: list[threading.Thread] = []
        self._listeners: list[socket.socket] = []

    def serve(self, behave: Behaviour, *, tls: bool = False) -> str:
        """Start a server and return its address."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._listeners.append(listener)
        thread = threading.Thread(target=self._answer, args=(listener, behave, tls), daemon=True)
        thread.start()
        self._threads.append(thread)
        return f"http{'s' if tls else ''}://localhost:{listener.getsockname()[1]}"

    def _answer(self, listener: socket.socket, behave: Behaviour, tls: bool) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            with contextlib.suppress(OSError), plain:
                spoken = self._secured(plain) if tls else plain
                with spoken:
                    self.received += self._request(spoken)
                    behave(plain, spoken)

    def _secured(self, plain: socket.socket) -> ssl.SSLSocket:
        assert self._certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        return context.wrap_socket(plain, server_side=True)

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        """Everything up to the end of the body, so that what comes next comes after the whole request."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self._threads:
            thread.join(5)


def http(status: str, body: str = "", **headers: str) -> Behaviour:
    """Answer plainly and close."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    answer = "\r\n".join(lines) + "\r\n\r\n" + body

    def behave(_: socket.socket, spoken: socket.socket) -> None:
        spoken.sendall(answer.encode())

    return behave
