"""Pictures from addresses that somebody else names: only the public internet, bounded in size and time."""

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urljoin

import certifi
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.response import BaseHTTPResponse
from urllib3.util.url import Url, parse_url

from social.pictures import MAX_BYTES

PATIENCE: Final = 10.0
"""Seconds for all of it: names, redirects, bytes, however slowly they drip."""
REDIRECTS: Final = 3
_PUBLIC_V6: Final = ipaddress.ip_network("2000::/3")
_MOVED: Final = {301, 302, 303, 307, 308}
# The system's resolver has time-outs of its own, longer than ours.
_resolver = ThreadPoolExecutor(4, "resolver")


class NotFetched(Exception):
    """There is no file to be had at the address; `str()` says why, in words for who named it."""


def fetch(url: str) -> tuple[bytes, str]:
    """The bytes at this address, and a name for them without a suffix, which at an address means nothing.

    Every address that a name leads to is checked, and the connection goes to one that was checked: a name
    that leads elsewhere the second time gains nothing. So is each of at most `REDIRECTS` redirects. Raises
    `NotFetched`.
    """
    deadline = time.monotonic() + PATIENCE
    for _ in range(REDIRECTS + 1):
        parts = _parsed(url)
        answer = _ask(parts, deadline)
        if isinstance(answer, bytes):
            return answer, PurePosixPath(unquote(parts.path or "")).stem[:100] or "picture"
        url = urljoin(url, answer)
    raise NotFetched(f"It leads on more than {REDIRECTS} times.")


def _parsed(url: str) -> Url:
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise NotFetched("This is not an address.") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise NotFetched("Only http:// and https:// addresses are fetched.")
    if parts.auth:
        raise NotFetched("An address with a password in it is not fetched.")
    return parts


def _ask(parts: Url, deadline: float) -> "bytes | str":
    """The body, or the address to which it leads on."""
    host = str(parts.host).strip("[]")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    failure = ""
    for address in _addresses(host, port, deadline):
        connection = _connection(str(parts.scheme), host, address, port, _left(deadline))
        try:
            with closing(connection), _hung_up_at(deadline, connection):
                return _exchange(connection, parts, deadline)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            failure = type(error).__name__
    if time.monotonic() >= deadline:
        raise NotFetched(f"It did not come within {PATIENCE:g} seconds.")
    raise NotFetched(f"It could not be fetched ({failure}).")


def _exchange(connection: HTTPConnection, parts: Url, deadline: float) -> "bytes | str":
    headers = {
        "Host": str(parts.netloc),
        "User-Agent": "HotDash",
        "Accept": "image/*",
        "Accept-Encoding": "identity",
    }
    connection.connect()
    connection.request("GET", parts.request_uri, headers=headers, preload_content=False, decode_content=False)
    return _read(connection.getresponse(), deadline)


@contextmanager
def _hung_up_at(deadline: float, connection: HTTPConnection) -> Iterator[None]:
    """End every exchange in time: what drips slowly keeps each single read within its own."""
    # Duplicates, since TLS takes the socket over and the connection forgets it while the last body is read.
    handles: list[socket.socket] = []
    connect = connection._new_conn

    def kept() -> socket.socket:
        sock = connect()
        handles.append(sock.dup())
        return sock

    def hang_up() -> None:
        for handle in handles:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    connection._new_conn = kept  # type: ignore[method-assign]
    watch = threading.Timer(_left(deadline), hang_up)
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        for handle in handles:
            handle.close()


def _addresses(host: str, port: int, deadline: float) -> Sequence[str]:
    """All addresses of a name. Raises `NotFetched` where there is none, or one that is not public."""
    try:
        found = _resolver.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(
            _left(deadline)
        )
    except (OSError, UnicodeError, TimeoutError):
        raise NotFetched("No such host was found.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise NotFetched("No such host was found.")
    if not settings.MEDIA_FETCH_PRIVATE_ADDRESSES and not all(map(is_public, addresses)):
        raise NotFetched("It leads to an address that is not public.")
    return addresses


def is_public(address: str) -> bool:
    """Whether this address belongs to the public internet, in no disguise of IPv6 either."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    if ip.ipv4_mapped:
        return is_public(str(ip.ipv4_mapped))
    return ip in _PUBLIC_V6 and ip.is_global and ip.sixtofour is None and ip.teredo is None


def _connection(scheme: str, host: str, address: str, port: int, timeout: float) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(address, port, timeout=timeout)
    return HTTPSConnection(
        address,
        port,
        timeout=timeout,
        server_hostname=host,
        assert_hostname=host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where(),
    )


def _read(response: BaseHTTPResponse, deadline: float) -> "bytes | str":
    if response.status in _MOVED and response.headers.get("Location"):
        return str(response.headers["Location"])
    if response.status != 200:
        raise NotFetched(f"The server there answers {response.status}.")
    if _whole(response.headers.get("Content-Length", "")) > MAX_BYTES:
        raise _too_large()
    body = bytearray()
    while chunk := response.read1(65536):
        body += chunk
        if len(body) > MAX_BYTES:
            raise _too_large()
        if time.monotonic() >= deadline:
            break
    if time.monotonic() >= deadline:
        raise TimeoutError  # hung up by the watch: what looks like the end is none
    return bytes(body)


def _too_large() -> NotFetched:
    return NotFetched(f"It is larger than {MAX_BYTES // 1048576} MB.")


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _left(deadline: float) -> float:
    return max(0.01, deadline - time.monotonic())
