"""The calls of the README's tour, by curl, against a real server, just as they stand there."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from social.models.token import SCOPES
from tests.environment import ROOT
from tests.stack import Stack


def tour() -> list[str]:
    """Each command of the block that calls curl, its continuation lines with it."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    block = next(block for block in blocks if "curl" in block)
    commands: list[str] = []
    for line in block.splitlines():
        if line.startswith(" "):
            commands[-1] += f"\n{line}"
        else:
            commands.append(line)
    return commands


EXPECTED = {"/publish": "409", "/retry": "409", "$API/posts --json": "201"}
"""What is not answered with 200: nobody has approved the post, and nothing of it has failed."""


@pytest.mark.slow
def test_every_call_of_the_tour_is_answered_as_told(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    stack = new_stack().up("valkey", "sandbox", "web")
    stack.staff("ann", "Author")
    arguments = [word for scope in SCOPES for word in ("--scope", scope)]
    token = stack.manage("create_api_token", "--user", "ann", "--name", "content-agent", *arguments).strip()
    channel = stack.shell("from social.models import Channel; print(Channel.objects.first().account_id)")
    lines = [f"TOKEN={token} CHANNEL={channel} POST=1", "set -e", "export no_proxy=127.0.0.1"]
    calls = []
    for command in tour():
        if not command.startswith("curl"):
            lines.append(command.replace("http://127.0.0.1:8000", stack.url))
            continue
        # Parallel to the command as people type it, only what is shown differs.
        calls.append(command)
        lines.append(command.replace("curl", "curl -sS -o /dev/null -w '%{http_code}\\n'", 1))
    run = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    statuses = run.stdout.split()
    assert len(statuses) == len(calls) >= 16
    for call, status in zip(calls, statuses, strict=True):
        expected = next((code for part, code in EXPECTED.items() if part in call), "200")
        assert status == expected, f"{call}: {status}"


def test_the_tour_leads_past_every_call() -> None:
    from social.api.api import api

    shown = "\n".join(tour())
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method in methods:
            short = path.removeprefix("/api/v1").replace("{post_id}", "$POST")
            verb = {"patch": "-X PATCH ", "get": ""}.get(method, "")
            assert re.search(rf'{re.escape(verb)}"?\$API{re.escape(short)}(?=[\s?"])', shown), (method, path)
