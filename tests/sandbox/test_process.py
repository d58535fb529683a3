"""The sandbox as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_at_once_even_while_a_call_hangs(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "manage.py", "publer_sandbox", "--data", str(tmp_path / "data.sqlite3")]
    environment = os.environ | {"DEBUG": "on", "PUBLER_API_KEY": "secret", "PUBLER_WORKSPACE_ID": "w" * 24}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found
            url, headers = found[0], {"Authorization": "Bearer-API secret"}
            answer = requests.get(f"{url}/api/v1/workspaces", headers=headers, timeout=10)
            assert answer.json()[0]["id"] == "w" * 24
            requests.post(f"{url}/sandbox/faults", json={"any": "hang"}, timeout=10).raise_for_status()
            with pytest.raises(requests.ReadTimeout):
                requests.get(f"{url}/api/v1/workspaces", headers=headers, timeout=(5, 0.2))
            process.send_signal(number)
            _, errors = process.communicate(timeout=5)
            assert (process.returncode, errors) == (0, "")
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("command", "path", "refused"),
    [
        ("shopify_sandbox", "/admin/api/2026-10/graphql.json", {"X-Shopify-Access-Token": "another"}),
        ("chatwoot_sandbox", "/api/v1/accounts/1/conversations/meta", {"Api-Access-Token": "another"}),
    ],
)
def test_the_small_ones_say_where_they_are_take_their_own_key_alone_and_end_at_once(
    command: str, path: str, refused: dict[str, str]
) -> None:
    environment = os.environ | {"DEBUG": "on", "SHOPIFY_ACCESS_TOKEN": "own", "CHATWOOT_API_TOKEN": "own"}
    with subprocess.Popen(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found
            method = "POST" if command == "shopify_sandbox" else "GET"
            allowed = dict.fromkeys(refused, "own")
            body = {"operationName": "shop", "query": "query shop { shop { name } }"}
            answers = [
                requests.request(method, found[0] + path, headers=headers, json=body, timeout=10).status_code
                for headers in (refused, allowed)
            ]
            assert answers == [401, 200]
            requests.post(f"{found[0]}/sandbox/faults", json={"any": "hang"}, timeout=10).raise_for_status()
            with pytest.raises(requests.ReadTimeout):
                requests.request(method, found[0] + path, headers=allowed, json=body, timeout=(5, 0.2))
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=5)
            assert (process.returncode, errors) == (0, "")
        finally:
            process.kill()
