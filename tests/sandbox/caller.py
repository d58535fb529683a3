"""A client of a sandbox whose time stands still."""

import io
from collections.abc import Callable
from typing import Any

import requests
from PIL import Image

from integrations.publer.sandbox.server import Sandbox


class Clock:
    """Unix seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.now = 1_795_510_800.0  # a Tuesday in November 2026, 09:00 UTC

    def __call__(self) -> float:
        return self.now


class Caller:
    """A client of the sandbox's API, with key and workspace unless a call says otherwise."""

    def __init__(self, sandbox: Sandbox, clock: Clock) -> None:
        self.sandbox, self.clock, self.url = sandbox, clock, sandbox.url
        self.session = requests.Session()
        self.session.headers["Connection"] = "close"
        self.headers = {"Authorization": "Bearer-API key", "Publer-Workspace-Id": sandbox.workspace_id}
        self.accounts = {account.provider: account.id for account in reversed(sandbox.api.accounts.values())}

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("headers", self.headers)
        return self.session.request(method, f"{self.url}/api/v1{path}", timeout=10, **options)

    def send(self, *entries: dict[str, Any], path: str = "/posts/schedule/publish") -> requests.Response:
        return self("POST", path, json={"bulk": {"state": "scheduled", "posts": list(entries)}})

    def entry(self, text: str, *providers: str, at: str | None = None, **content: Any) -> dict[str, Any]:
        """One post of a bulk, the same content for each provider."""
        times = {"scheduled_at": at} if at else {}
        return {
            "networks": {provider: {"type": "status", "text": text} | content for provider in providers},
            "accounts": [{"id": self.accounts[provider]} | times for provider in providers],
        }

    def publish(self, text: str, *providers: str, **content: Any) -> str:
        """Send, let it be worked on, and return the job's id."""
        answer = self.send(self.entry(text, *(providers or ("twitter",)), **content))
        self.sandbox.publisher.work()
        return job_id(answer)

    def schedule(self, text: str, at: str, *providers: str) -> str:
        answer = self.send(self.entry(text, *(providers or ("twitter",)), at=at), path="/posts/schedule")
        self.sandbox.publisher.work()
        return job_id(answer)

    def failures(self, job: str) -> list[str]:
        """The messages of a job's failures, in whichever envelope they come."""
        body = self("GET", f"/job_status/{job}").json()
        result = body.get("data", {}).get("result", body)
        failures = result["payload"]["failures"]
        lists = failures.values() if isinstance(failures, dict) else [failures]
        return [failure["message"] for entries in lists for failure in entries]

    def status(self, job: str) -> str:
        body = self("GET", f"/job_status/{job}").json()
        return str(body.get("data", body)["status"])

    def posts(self) -> list[dict[str, Any]]:
        return self.sandbox.posts()

    def fault(self, **wanted: Any) -> None:
        self.session.post(f"{self.url}/sandbox/faults", json=wanted, timeout=10).raise_for_status()

    def upload(self, content: bytes, name: str = "picture.png", mime: str = "image/png") -> dict[str, Any]:
        answer: dict[str, Any] = self("POST", "/media", files={"file": (name, content, mime)}).json()
        return answer


def job_id(answer: requests.Response) -> str:
    body = answer.json()
    return str(body.get("data", body)["job_id"])


def png() -> bytes:
    """A picture, three pixels wide and two high."""
    file = io.BytesIO()
    Image.new("RGB", (3, 2), "#d98e6c").save(file, "PNG")
    return file.getvalue()


NewSandbox = Callable[..., Caller]
