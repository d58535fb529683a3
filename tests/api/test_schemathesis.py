"""Whatever the served document allows, and much that it forbids, is sent to every call of a real server: no
answer is a fault, none is outside the document.

`SCHEMA_CASES=200` asks for that many cases a call; the suite is content with few. Its chains of calls are
left out: they take the `batch` of an address for a post's id.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.stack import Stack

CASES = os.environ.get("SCHEMA_CASES", "")
LONGEST = 3600 if CASES else 240
"""Seconds for one caller."""
# No schema can say that an account exists, that a time lies ahead, or that a file is a picture. A batch is
# answered with 200 and tells of each proposal what became of it.
RULES = """
[checks]
positive_data_acceptance.expected-statuses = [
    "2xx", "3xx", "400", "401", "403", "404", "409", "412", "422", "429",
]

[[operations]]
include-path = "/api/v1/posts/batch"
checks.negative_data_rejection.expected-statuses = ["200", "400", "401", "403", "409", "422", "429"]
"""


@pytest.fixture
def served(new_stack: Callable[..., Stack]) -> Stack:
    """A server with accounts, and with posts in several states."""
    stack = new_stack().up("valkey", "sandbox", "web")
    stack.staff("ann", "Author")
    stack.manage("seed_demo")
    return stack


def token(stack: Stack) -> list[str]:
    scopes = ("posts:read", "posts:write", "posts:publish", "dashboard:read")
    made = stack.manage(
        "create_api_token", "--user", "ann", "--name", "fuzzer", *(x for s in scopes for x in ("--scope", s))
    )
    return ["--header", f"Authorization: Bearer {made.strip()}"]


def session(stack: Stack) -> list[str]:
    password = stack.staff("rob", "Author", "Approver", "Operator")
    browser = requests.Session()
    browser.trust_env = False
    form = browser.get(f"{stack.url}/admin/login/", timeout=30)
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
    assert csrf is not None
    entered = browser.post(
        f"{stack.url}/admin/login/",
        {"username": "rob", "password": password, "csrfmiddlewaretoken": csrf[1]},
        headers={"Referer": stack.url},
        timeout=30,
    )
    assert entered.ok
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return ["--header", f"Cookie: {cookies}", "--header", f"X-CSRFToken: {browser.cookies['csrftoken']}"]


def nobody(_: Stack) -> list[str]:
    return []


@pytest.mark.slow
def test_nothing_is_outside_the_document(served: Stack, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(RULES)
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config)),
        *("run", f"{served.url}/api/v1/openapi.json", "--checks", "all", "--continue-on-failure"),
        *(
            "--max-examples",
            CASES or "4",
            "--phases",
            "examples,coverage,fuzzing" if CASES else "fuzzing",
        ),
        *("--suppress-health-check", "all", "--no-color", "--warnings", "off"),
    ]
    environment = {**os.environ, "NO_PROXY": "*"}
    for caller in (token, session, nobody):
        run = subprocess.run(
            [*command, *caller(served)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        told = f"{caller.__name__}: {run.stdout[-12000:]}\n{run.stderr[-2000:]}"
        assert run.returncode == 0, told
        assert "16 selected / 16 total" in run.stdout
        if CASES:
            print(told)
