"""One test a row of the table: what each outcome of a write proves, and what the limiter is told of it."""

import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
import responses

from integrations.errors import BadAnswer, NotSent, OutcomeUnknown, ProviderError, Refused, RefusedKind
from integrations.http import Answer, ApiClient, Call
from tests.integrations.wire import http

BASE = "http://publer.invalid/api/v1"
POST = Call("POST", "posts/schedule", json={"bulk": {}})
Build = Callable[..., ApiClient]


@pytest.fixture
def publer() -> Any:
    with responses.RequestsMock() as mock:
        yield mock


def write(client: ApiClient) -> Answer:
    return client.write(POST, client.leave())


def outcome(client: ApiClient) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        write(client)
    return caught.value


def test_a_refused_connection_proves_that_nothing_was_sent(
    client: Build, open_limiter: Any, nowhere: str
) -> None:
    assert type(outcome(client(f"http://{nowhere}"))) is NotSent
    assert open_limiter.told == [("give_back", "1")]


def test_a_name_that_is_not_known_proves_that_nothing_was_sent(client: Build) -> None:
    assert type(outcome(client("http://no-such-name.invalid"))) is NotSent


def test_a_connect_time_out_proves_that_nothing_was_sent(
    client: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", hangs)
    assert type(outcome(client("http://127.0.0.1:9"))) is NotSent


def test_a_certificate_that_is_not_trusted_proves_that_nothing_was_sent(
    client: Build, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert type(outcome(client(wire.serve(http("200 OK"), tls=True)))) is NotSent
    assert wire.received == b""


def test_an_address_that_is_none_proves_that_nothing_was_sent(client: Build) -> None:
    assert type(outcome(client("no address"))) is NotSent


def test_an_environment_proxy_that_refuses_proves_that_nothing_was_sent(
    client: Build, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://{nowhere}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert type(outcome(client("https://publer.invalid"))) is NotSent


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (429, "rate_limited", {"error": "Rate limit exceeded"}),
        (401, "auth", {"errors": ["Invalid key"]}),
        (403, "auth", {"errors": ["Scope missing"]}),
        (404, "setup", {"errors": ["Not found"]}),
        (413, "setup", {"errors": ["Too large"]}),
        (400, "permanent", {"errors": ["Type is wrong"]}),
        (422, "permanent", {"errors": {"base": ["Type is wrong"]}}),
    ],
)
def test_a_refusal_in_the_providers_own_words_took_nothing(
    client: Build, publer: Any, open_limiter: Any, status: int, kind: RefusedKind, body: dict[str, Any]
) -> None:
    publer.post(f"{BASE}/posts/schedule", status=status, json=body)
    error = outcome(client(BASE))
    assert isinstance(error, Refused)
    assert (error.kind, error.status) == (kind, status)
    assert error.errors
    assert error.errors[0] in str(error)
    assert open_limiter.told == [("observe", "1", status)]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 429])
def test_a_page_of_html_is_nobodys_refusal(client: Build, publer: Any, status: int) -> None:
    publer.post(
        f"{BASE}/posts/schedule", status=status, body="<html>Blocked</html>", content_type="text/html"
    )
    error = outcome(client(BASE))
    assert type(error) is OutcomeUnknown
    assert "Blocked" in error.body


@pytest.mark.parametrize("body", [{"error": "odd"}, {"errors": []}, {"message": "odd"}, ["odd"], None])
@pytest.mark.parametrize("status", [400, 422])
def test_a_422_without_errors_is_unknown(client: Build, publer: Any, status: int, body: object) -> None:
    publer.post(f"{BASE}/posts/schedule", status=status, json=body)
    assert type(outcome(client(BASE))) is OutcomeUnknown


@pytest.mark.parametrize("status", [500, 502, 503, 504, 301, 302, 307, 308, 402, 405, 409, 418, 599])
def test_every_other_status_is_unknown_whatever_it_says(
    client: Build, publer: Any, open_limiter: Any, status: int
) -> None:
    publer.post(
        f"{BASE}/posts/schedule",
        status=status,
        json={"errors": ["no"]},
        headers={"Location": f"{BASE}/other"},
    )
    assert type(outcome(client(BASE))) is OutcomeUnknown
    assert len(publer.calls) == 1
    assert open_limiter.told == [("observe", "1", status)]


def test_a_read_time_out_is_unknown_and_never_sent_again(client: Build, wire: Any, open_limiter: Any) -> None:
    def silent(_: socket.socket, spoken: socket.socket) -> None:
        spoken.recv(1)  # until the client gives up

    error = outcome(client(wire.serve(silent), read_timeout=0.2))
    assert type(error) is OutcomeUnknown
    assert (wire.received.count(b"POST "), wire.connections) == (1, 1)
    assert open_limiter.told == [("lost", "1")]


def reset(plain: socket.socket, spoken: socket.socket) -> None:
    spoken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    spoken.close()


def cut(_: socket.socket, spoken: socket.socket) -> None:
    spoken.shutdown(socket.SHUT_RDWR)


def garbage_below_tls(plain: socket.socket, spoken: socket.socket) -> None:
    os.write(spoken.fileno(), b"HTTP/1.1 400 plain text on a TLS socket\r\n\r\n")


@pytest.mark.parametrize(
    ("behave", "tls"), [(reset, False), (reset, True), (cut, False), (cut, True), (garbage_below_tls, True)]
)
def test_a_connection_that_breaks_after_the_request_is_unknown(
    client: Build, wire: Any, open_limiter: Any, behave: Any, tls: bool
) -> None:
    error = outcome(client(wire.serve(behave, tls=tls)))
    assert type(error) is OutcomeUnknown
    assert wire.received.count(b"POST ") == 1
    assert wire.received.endswith(b'{"bulk": {}}')
    assert open_limiter.told == [("lost", "1")]


def test_an_answer_that_breaks_off_is_unknown(client: Build, wire: Any) -> None:
    def halved(_: socket.socket, spoken: socket.socket) -> None:
        spoken.sendall(b'HTTP/1.1 422 No\r\nContent-Length: 999\r\n\r\n{"errors": ["no"]}')

    assert type(outcome(client(wire.serve(halved)))) is OutcomeUnknown


def test_an_answer_without_end_is_cut_and_unknown(
    client: Build, publer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.http.LARGEST_ANSWER", 1000)
    publer.post(f"{BASE}/posts/schedule", status=422, json={"errors": ["x" * 2000]})
    assert type(outcome(client(BASE))) is OutcomeUnknown


def test_an_answer_that_drips_is_given_up(client: Build, wire: Any) -> None:
    def drips(_: socket.socket, spoken: socket.socket) -> None:
        spoken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:  # ends with the client's connection
            spoken.sendall(b"x")
            time.sleep(0.05)

    started = time.monotonic()
    api = client(wire.serve(drips), read_timeout=0.3)
    api._timeouts = (0.2, 0.3)
    answer = write(api)
    assert not answer.complete
    assert answer.json is None
    assert time.monotonic() - started < 2


def test_a_write_never_follows_a_redirect(client: Build, wire: Any) -> None:
    target = wire.serve(http("200 OK", "{}"))
    assert type(outcome(client(wire.serve(http("307 Moved", Location=target))))) is OutcomeUnknown
    assert wire.connections == 1


def test_a_write_has_a_connection_of_its_own(client: Build, wire: Any) -> None:
    def keeps(_: socket.socket, spoken: socket.socket) -> None:
        spoken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    api = client(wire.serve(keeps))
    api.read(Call("GET", "accounts"))
    write(api)
    assert wire.connections == 2


def test_a_2xx_is_handed_on_with_its_json(client: Build, publer: Any) -> None:
    publer.post(f"{BASE}/posts/schedule", status=202, json={"job_id": "j1"})
    answer = write(client(BASE))
    assert (answer.status, answer.json) == (202, {"job_id": "j1"})


@pytest.mark.parametrize(
    ("status", "body"), [(502, "<html>"), (302, ""), (404, "<html>"), (500, '{"errors": ["no"]}')]
)
def test_a_read_that_brings_nothing_usable_is_a_bad_answer(
    client: Build, publer: Any, status: int, body: str
) -> None:
    publer.get(f"{BASE}/accounts", status=status, body=body)
    with pytest.raises(BadAnswer):
        client(BASE).read(Call("GET", "accounts"))


def test_a_read_can_be_refused_too(client: Build, publer: Any) -> None:
    publer.get(f"{BASE}/accounts", status=403, json={"errors": ["Scope missing"]})
    with pytest.raises(Refused, match="Scope missing"):
        client(BASE).read(Call("GET", "accounts"))
