"""What the tests of this floor share: a limiter of their own, a client, and a wire that can misbehave."""

import contextlib
import socket
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integrations.http import ApiClient
from integrations.ratelimit import CostInfo, Leave, Limiter, Priority, Wait, limiter_for
from integrations.standin import StandIn
from tests.integrations.wire import KEY, Wire

S = TypeVar("S", bound=StandIn)


class OpenLimiter(Limiter):
    """Lets everything pass and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.asked: list[Priority] = []
        self.asked_for: list[tuple[int, str]] = []
        self.costs: list[CostInfo | None] = []
        self.answer: Wait | None = None

    def acquire(
        self, priority: Priority = Priority.BACKGROUND, cost: int = 1, route: str = ""
    ) -> Leave | Wait:
        self.asked.append(priority)
        self.asked_for.append((cost, route))
        return self.answer or Leave(str(len(self.asked)), priority)

    def observe(self, leave: Leave, status: int, headers: object, cost: CostInfo | None = None) -> None:
        self.told.append(("observe", leave.id, status))
        self.costs.append(cost)

    def give_back(self, leave: Leave) -> None:
        self.told.append(("give_back", leave.id))

    def lost(self, leave: Leave) -> None:
        self.told.append(("lost", leave.id))


@pytest.fixture
def open_limiter() -> OpenLimiter:
    return OpenLimiter()


@pytest.fixture
def limiter() -> Limiter:
    """On the real store, with a count of its own."""
    return limiter_for("publer", uuid.uuid4().hex)


@pytest.fixture
def client(open_limiter: OpenLimiter) -> Callable[..., ApiClient]:
    def build(base_url: str, *, read_timeout: float = 5.0) -> ApiClient:
        return ApiClient(
            "publer",
            base_url,
            limiter=open_limiter,
            credentials={"Authorization": f"Bearer-API {KEY}"},
            secrets=[KEY],
            connect_timeout=2.0,
            read_timeout=read_timeout,
        )

    return build


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def wire(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Trusted by the client unless a test takes `REQUESTS_CA_BUNDLE` away."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "*")
    made = Wire(certificate)
    yield made
    made.close()


@pytest.fixture
def running() -> Iterator[Callable[[S], S]]:
    """`running(standin)`: the same, started, and stopped when the test is over."""
    with contextlib.ExitStack() as stack:

        def start(standin: S) -> S:
            standin.start()
            stack.callback(standin.stop)
            return standin

        yield start


@pytest.fixture
def nowhere() -> str:
    """Host and port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
