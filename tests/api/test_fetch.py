"""Pictures that are fetched from somewhere: only from where they may be, and never more than is bearable."""

import datetime
import http.server
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from social.api import fetch
from social.demo.seed import PHOTOS
from social.models import Media, Post
from tests.api.conftest import Program

PICTURE = (PHOTOS / "moss.jpg").read_bytes()


class Shop:
    """A web server on the loopback. `pages` are bytes (sent as they are), a number (an empty answer with that
    status), or what writes to the handler itself."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Any] = {"/moss.jpg": PICTURE}
        self.asked: list[tuple[str, str]] = []
        shop = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked.append((self.path, self.headers["Host"]))
                page = shop.pages.get(self.path, 404)
                if callable(page):
                    page(self)
                    return
                self.send_response(page if isinstance(page, int) else 200)
                body = page if isinstance(page, bytes) else b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def redirect(to: str) -> Callable[[Any], None]:
    def page(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.end_headers()

    return page


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    yield server
    server.stop()


@pytest.fixture
def private(settings: Settings) -> None:
    settings.MEDIA_FETCH_PRIVATE_ADDRESSES = True


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What a name leads to, by name: each look-up takes the next list of addresses; the last one stays."""
    table: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *arguments: Any, **more: Any) -> Any:
        if host not in table:
            return real(host, port, *arguments, **more)
        addresses = table[host].pop(0) if len(table[host]) > 1 else table[host][0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


# ------------------------------------------------------------------------------------------- whence
def test_a_picture_is_fetched(shop: Shop, private: None) -> None:
    shop.pages["/moss.jpg?v=2"] = PICTURE
    assert fetch.fetch(shop.url("/moss.jpg?v=2")) == (PICTURE, "moss")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "127.1",
            "2130706433",
            "0x7f.1",
        ),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "[fd00::1]", "[fe80::1]"),
        *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1", "[ff0e::1]", "255.255.255.255", "[::7f00:1]"),
    ],
)
def test_an_address_that_is_not_public_is_never_asked(host: str) -> None:
    with pytest.raises(fetch.NotFetched, match=r"not public|No such host"):
        fetch.fetch(f"http://{host}:9/a.jpg")


def test_nothing_reaches_the_loopback_unless_a_setting_allows_it(shop: Shop) -> None:
    with pytest.raises(fetch.NotFetched, match="not public"):
        fetch.fetch(shop.url("/moss.jpg"))
    assert shop.asked == []


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    names: dict[str, list[list[str]]], shop: Shop
) -> None:
    names["two.example"] = [["93.184.215.14", "127.0.0.1"]]
    with pytest.raises(fetch.NotFetched, match="not public"):
        fetch.fetch(shop.url("/moss.jpg", "two.example"))


def test_a_name_that_leads_elsewhere_the_second_time_gains_nothing(
    names: dict[str, list[list[str]]], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    names["rebinding.example"] = [["93.184.215.14"], ["127.0.0.1"]]
    went: list[str] = []

    def connect(connection: Any) -> None:
        went.append(connection.host)
        raise OSError("nobody goes out of a test")

    monkeypatch.setattr("social.api.fetch.HTTPConnection.connect", connect)
    with pytest.raises(fetch.NotFetched, match="could not be fetched"):
        fetch.fetch(shop.url("/moss.jpg", "rebinding.example"))
    assert went == ["93.184.215.14"]
    assert shop.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_inwards_is_refused(
    names: dict[str, list[list[str]]], shop: Shop, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    inner = shop.url("/moss.jpg")
    monkeypatch.setattr(
        fetch, "is_public", lambda address: address != "127.0.0.1" or not shop.asked
    )  # the first hop passes for public
    shop.pages["/a"] = lambda handler: (
        handler.send_response(status),
        handler.send_header("Location", inner),
        handler.end_headers(),
    )
    with pytest.raises(fetch.NotFetched, match="not public"):
        fetch.fetch(shop.url("/a"))
    assert [path for path, _ in shop.asked] == ["/a"]


def test_three_redirects_are_followed_and_a_fourth_is_not(shop: Shop, private: None) -> None:
    shop.pages |= {"/1": redirect("/2"), "/2": redirect(shop.url("/3")), "/3": redirect("moss.jpg")}
    assert fetch.fetch(shop.url("/1"))[0] == PICTURE
    shop.pages["/0"] = redirect("/1")
    with pytest.raises(fetch.NotFetched, match="more than 3 times"):
        fetch.fetch(shop.url("/0"))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://a.example/x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:image/png;base64,x",
            "//a/x",
        ),
        *("a.jpg", "http://", "http:///x", "http://a b/", "http://a:99999/"),
        *("gopher://a.example/", "http://a\nb/", "HTTP://", "http://%00/"),
    ],
)
def test_only_plain_web_addresses_are_asked(url: str) -> None:
    with pytest.raises(fetch.NotFetched):
        fetch.fetch(url)


def test_an_address_with_a_password_is_refused(shop: Shop, private: None) -> None:
    with pytest.raises(fetch.NotFetched, match="password"):
        fetch.fetch(f"http://ann:secret@127.0.0.1:{shop.port}/moss.jpg")
    assert shop.asked == []


def test_a_redirect_to_another_scheme_is_refused(shop: Shop, private: None) -> None:
    shop.pages["/a"] = redirect("file:///etc/passwd")
    with pytest.raises(fetch.NotFetched, match="Only http"):
        fetch.fetch(shop.url("/a"))


def test_the_host_that_was_named_is_asked_for(
    names: dict[str, list[list[str]]], shop: Shop, private: None
) -> None:
    names["pictures.example"] = [["127.0.0.1"]]
    fetch.fetch(shop.url("/moss.jpg", "pictures.example"))
    assert shop.asked == [("/moss.jpg", f"pictures.example:{shop.port}")]


def test_the_next_address_is_tried_where_the_first_does_not_answer(
    names: dict[str, list[list[str]]], shop: Shop, private: None
) -> None:
    names["two.example"] = [["127.0.0.2", "127.0.0.1"]]
    with socket.socket() as taken:  # nobody listens there
        taken.bind(("127.0.0.2", 0))
        assert fetch.fetch(shop.url("/moss.jpg", "two.example"))[0] == PICTURE


def test_an_unknown_name_is_said_to_be_unknown() -> None:
    with pytest.raises(fetch.NotFetched, match="No such host"):
        fetch.fetch("http://nowhere.invalid/a.jpg")


# ---------------------------------------------------------------------------------------------- TLS
@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for pictures.example, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pictures.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pictures.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, pem


@pytest.fixture
def safe_shop(certified: tuple[ssl.SSLContext, Path]) -> Iterator[Shop]:
    server = Shop(certified[0])
    yield server
    server.stop()


def test_over_tls_the_name_is_what_must_be_certified(
    names: dict[str, list[list[str]]],
    safe_shop: Shop,
    certified: tuple[ssl.SSLContext, Path],
    private: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certified[1]))
    names |= {"pictures.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
    assert fetch.fetch(safe_shop.url("/moss.jpg", "pictures.example", "https"))[0] == PICTURE
    with pytest.raises(fetch.NotFetched, match="could not be fetched"):
        fetch.fetch(safe_shop.url("/moss.jpg", "other.example", "https"))


def test_over_tls_nobody_vouches_for_himself(
    names: dict[str, list[list[str]]], safe_shop: Shop, private: None
) -> None:
    names["pictures.example"] = [["127.0.0.1"]]
    with pytest.raises(fetch.NotFetched, match="could not be fetched"):
        fetch.fetch(safe_shop.url("/moss.jpg", "pictures.example", "https"))


# ----------------------------------------------------------------------------------------- how much
@pytest.mark.parametrize("status", [204, 206, 304, 400, 404, 500])
def test_only_a_whole_answer_counts(shop: Shop, private: None, status: int) -> None:
    shop.pages["/a"] = status
    with pytest.raises(fetch.NotFetched, match=f"answers {status}"):
        fetch.fetch(shop.url("/a"))


def test_what_says_that_it_is_too_large_is_not_read(
    shop: Shop, private: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 1_048_576)

    def page(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()

    shop.pages["/a"] = page
    with pytest.raises(fetch.NotFetched, match="larger than 1 MB"):
        fetch.fetch(shop.url("/a"))


def test_what_does_not_say_how_large_it_is_is_cut_off(
    shop: Shop, private: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 1_048_576)
    sent = 0

    def page(handler: Any) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        try:
            while sent < 200_000_000:
                sent += handler.wfile.write(b"x" * 65536)
        except OSError:
            return

    shop.pages["/a"] = page
    with pytest.raises(fetch.NotFetched, match="larger than 1 MB"):
        fetch.fetch(shop.url("/a"))
    assert sent < 50_000_000


def test_what_ends_early_is_not_taken_for_whole(shop: Shop, private: None) -> None:
    def page(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(PICTURE)))
        handler.end_headers()
        handler.wfile.write(PICTURE[:1000])

    shop.pages["/a"] = page
    with pytest.raises(fetch.NotFetched):
        fetch.fetch(shop.url("/a"))


@pytest.mark.parametrize("line", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000, b""])
def test_an_answer_that_is_no_http_is_none(shop: Shop, private: None, line: bytes) -> None:
    shop.pages["/a"] = lambda handler: handler.wfile.write(line)
    with pytest.raises(fetch.NotFetched, match="could not be fetched"):
        fetch.fetch(shop.url("/a"))


def _drip_body(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    _drip(handler, b"x")


def _drip_headers(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler, b"x")


def _drip(handler: Any, piece: bytes) -> None:
    until = time.monotonic() + 10
    try:
        while time.monotonic() < until:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        return


def _silent(handler: Any) -> None:
    handler.rfile.read(1)


@pytest.mark.parametrize("page", [_drip_body, _drip_headers, _silent])
def test_what_drips_or_says_nothing_is_given_up(
    shop: Shop, private: None, monkeypatch: pytest.MonkeyPatch, page: Callable[[Any], None]
) -> None:
    monkeypatch.setattr(fetch, "PATIENCE", 0.4)
    shop.pages["/a"] = page
    began = time.monotonic()
    with pytest.raises(fetch.NotFetched, match="did not come within"):
        fetch.fetch(shop.url("/a"))
    assert time.monotonic() - began < 2


def test_a_handshake_that_drips_is_given_up(private: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "PATIENCE", 0.4)
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        with listener.accept()[0] as caller:
            try:
                caller.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KB begins
                while not ended.wait(0.02):
                    caller.sendall(b"x")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=[listener])
        thread.start()
        began = time.monotonic()
        with pytest.raises(fetch.NotFetched, match="did not come within"):
            fetch.fetch(f"https://127.0.0.1:{listener.getsockname()[1]}/a.jpg")
        assert time.monotonic() - began < 2
        ended.set()
        thread.join()


def test_what_drips_over_tls_is_given_up(
    names: dict[str, list[list[str]]],
    safe_shop: Shop,
    certified: tuple[ssl.SSLContext, Path],
    private: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certified[1]))
    monkeypatch.setattr(fetch, "PATIENCE", 0.4)
    names["pictures.example"] = [["127.0.0.1"]]
    safe_shop.pages["/a"] = _drip_headers
    began = time.monotonic()
    with pytest.raises(fetch.NotFetched, match="did not come within"):
        fetch.fetch(safe_shop.url("/a", "pictures.example", "https"))
    assert time.monotonic() - began < 2


def test_a_resolver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(fetch, "PATIENCE", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(5))
    with pytest.raises(fetch.NotFetched, match="No such host"):
        fetch.fetch("http://slow.example/a.jpg")
    released.set()


# ----------------------------------------------------------------------------------------- in a post
def test_a_posts_pictures_are_fetched_and_kept_in_order(
    agent: Program, proposal: dict[str, Any], shop: Shop, private: None
) -> None:
    shop.pages["/vase.jpg"] = (PHOTOS / "vase.jpg").read_bytes()
    media = [{"url": shop.url("/vase.jpg"), "alt_text": "A vase"}, {"url": shop.url("/moss.jpg")}]
    made = agent.post("posts", {**proposal, "channels": ["acc-instagram"], "media": media, "submit": True})
    assert made.status == 201
    assert [item["alt_text"] for item in made.body["media"]] == ["A vase", ""]
    assert {item["sha256"] for item in made.body["media"]} == set(
        Media.objects.values_list("sha256", flat=True)
    )
    later = agent.patch(f"posts/{made.body['id']}", {"media": media[1:]})
    assert [item["sha256"] for item in later.body["media"]] == [made.body["media"][1]["sha256"]]
    assert Media.objects.count() == 2


def test_each_picture_that_is_not_to_be_had_is_named_and_nothing_is_kept(
    agent: Program, proposal: dict[str, Any], shop: Shop, private: None
) -> None:
    shop.pages["/page"] = b"<html>no picture</html>"
    paths = ("/moss.jpg", "/gone.jpg", "/page")
    answer = agent.post("posts", {**proposal, "media": [{"url": shop.url(path)} for path in paths]})
    assert answer.status == 422
    assert answer.body["errors"] == {
        "media[1].url": ["The server there answers 404."],
        "media[2].url": ["page is not a JPEG, PNG, GIF or WebP picture."],
    }
    assert not Post.objects.exists()
    assert not Media.objects.exists()


def test_a_suffix_that_lies_at_an_address_is_forgiven(
    agent: Program, proposal: dict[str, Any], shop: Shop, private: None
) -> None:
    shop.pages["/image.php"] = PICTURE
    assert agent.post("posts", {**proposal, "media": [{"url": shop.url("/image.php")}]}).status == 201


def test_a_private_address_is_refused_in_a_post(agent: Program, proposal: dict[str, Any], shop: Shop) -> None:
    answer = agent.post("posts", {**proposal, "media": [{"url": shop.url("/moss.jpg")}]})
    assert answer.body["errors"] == {"media[0].url": ["It leads to an address that is not public."]}
    assert shop.asked == []


def test_nothing_is_fetched_for_what_is_wrong_otherwise(
    agent: Program, proposal: dict[str, Any], shop: Shop, private: None
) -> None:
    media = [{"url": shop.url("/moss.jpg")}]
    assert agent.post("posts", {**proposal, "channels": ["acc-nowhere"], "media": media}).status == 422
    too_long = {**proposal, "text": "x" * 281, "media": media, "submit": True}
    assert agent.post("posts", too_long).status == 422
    assert shop.asked == []


def test_a_repeated_call_fetches_nothing_again(
    agent: Program, proposal: dict[str, Any], shop: Shop, private: None
) -> None:
    sent = {**proposal, "media": [{"url": shop.url("/moss.jpg")}]}
    for _ in range(2):
        assert agent.post("posts", sent, HTTP_IDEMPOTENCY_KEY="k").status == 201
    assert len(shop.asked) == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [("93.184.215.14", True), ("2606:2800:21f:cb07::1", True), ("fe80::1%eth0", False), ("fec0::1", False)],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert fetch.is_public(address) is public


def test_every_private_network_is_private() -> None:
    for network in ("10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"):
        assert not fetch.is_public(str(ipaddress.ip_network(network)[1]))
