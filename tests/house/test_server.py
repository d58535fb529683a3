"""`script/server` as people and machines treat it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.chaos.people import Person
from tests.environment import ROOT
from tests.house.checkout import Checkout, copy_with_packages

pytestmark = pytest.mark.slow

EVERY_PROCESS = (
    "valkey-server",
    "publer_sandbox",
    "shopify_sandbox",
    "chatwoot_sandbox",
    "gunicorn",
    "hotdash worker",
    "hotdash beat",
)


@pytest.fixture(scope="module")
def new_checkout(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Checkout]:
    made: dict[str, Checkout] = {}

    def make(name: str) -> Checkout:
        if name not in made:
            made[name] = copy_with_packages(tmp_path_factory.mktemp(name) / "checkout")
        return made[name]

    return make


@pytest.fixture
def checkout(new_checkout: Callable[[str], Checkout]) -> Iterator[Checkout]:
    checkout = new_checkout("first")
    yield checkout
    end(checkout)


def end(checkout: Checkout) -> None:
    for server in checkout.servers:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGINT)
            server.process.wait(60)
    checkout.servers.clear()


def test_it_prints_addresses_and_a_sign_in(checkout: Checkout) -> None:
    server = checkout.serve()
    said = server.said()
    assert f"HotDash          http://127.0.0.1:{server.port}/" in said
    assert "/sandbox/   (what the public would see)" in said
    assert "Sign in as       ann   password " in said
    assert "Sign in as       bob   password " in said
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=5) as answer:
        assert answer.status == 200


def test_shop_and_inbox_are_on_the_dashboard_soon_after_the_start(checkout: Checkout) -> None:
    server = checkout.serve()
    environment = {"DEBUG": "on"}
    done = checkout.run(
        ".venv/bin/python", "manage.py", "create_api_token", "--user", "ann", "--name", "board",
        "--scope", "dashboard:read", **environment,
    )  # fmt: skip
    board: dict[str, Any] = {}

    def both_were_read() -> bool:
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/api/v1/dashboard",
            headers={"Authorization": f"Bearer {done.stdout.strip()}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            board.update(json.load(answer))
        return all(board[tile]["as_of"] for tile in ("shop", "support"))

    server.wait_until(both_were_read, 30)  # Beat's first look comes after a minute
    assert (board["shop"]["currency"], board["shop"]["low_stock"]) == ("EUR", 5)
    assert board["support"]["open"] > 0


def test_the_sandbox_is_connected_without_a_click_and_connect_can_be_tried(checkout: Checkout) -> None:
    server = checkout.serve()
    found = re.search(r"Sign in as +bob +password (\S+)", server.said())
    assert found is not None
    person = Person.at(f"http://127.0.0.1:{server.port}", "bob", found.group(1))
    page = person.reads("/admin/integrations/connection/")
    assert "Connected as Kiln & Linen, a sandbox" in page
    assert "A key, kept encrypted since" in page
    assert "Connect instead" in page
    asked = person.posts("/admin/integrations/connection/publer/connect/").json()["url"]
    allowed = requests.post(asked, {"answer": "allow"}, allow_redirects=False, timeout=10).headers["Location"]
    assert "A permission given at the provider" in person.reads(allowed.removeprefix(person.url))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_its_process_alone_stops_everything(checkout: Checkout, number: signal.Signals) -> None:
    server = checkout.serve()
    started = checkout.processes().values()
    assert [words for words in EVERY_PROCESS if not any(words in command for command in started)] == []
    server.process.send_signal(number)
    assert server.process.wait(60) == 0
    assert checkout.processes() == {}
    assert not (checkout.path / "var" / "valkey" / "url").exists()


def test_killed_itself_it_leaves_no_process_and_starts_again(checkout: Checkout) -> None:
    server = checkout.serve()
    port = (checkout.path / "var" / "sandbox" / "port").read_text()
    server.process.kill()
    server.process.wait()
    assert checkout.is_empty_within(30)
    again = checkout.serve()
    assert f"The last server here (process {server.process.pid}) was killed" in again.said()
    assert (checkout.path / "var" / "sandbox" / "port").read_text() == port


def test_each_killed_process_comes_back(checkout: Checkout) -> None:
    server = checkout.serve()
    address = (checkout.path / "var" / "valkey" / "url").read_text()
    before = {words: server.process_of(words) for words in EVERY_PROCESS}
    for pid in before.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    server.wait_until(
        lambda: all(server.process_of(words) not in (None, pid) for words, pid in before.items())
    )
    server.wait_until(lambda: "ended (SIGKILL); starting it again" in server.said())
    assert (checkout.path / "var" / "valkey" / "url").read_text() == address


def test_two_checkouts_do_not_meet(checkout: Checkout, new_checkout: Callable[[str], Checkout]) -> None:
    other = new_checkout("second")
    first, second = checkout.serve(), other.serve()
    addresses = {(each.path / "var" / "valkey" / "url").read_text() for each in (checkout, other)}
    assert len(addresses) == 2
    there = set(other.processes())
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(60) == 0
    assert set(other.processes()) == there
    assert second.process.poll() is None
    end(other)


def test_a_second_one_in_a_checkout_says_who_is_first(checkout: Checkout) -> None:
    server = checkout.serve()
    done = checkout.run("script/server", PORT="1")
    assert done.returncode == 1
    words = f"HotDash runs already in this checkout: process {server.process.pid}, http://127.0.0.1:{server.port}/"
    assert done.stderr.strip() == words


def test_a_taken_port_is_told_before_anything_starts(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = checkout.run("script/server", PORT=str(port))
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert checkout.processes() == {}


def test_a_process_that_keeps_dying_stops_everything() -> None:
    program = (
        "from script import supervisor\n"
        "supervisor.AGAIN_AFTER = 0\n"
        "house = supervisor.Supervisor(width=6)\n"
        "house.start('steady', ['sleep', '60'], 0)\n"
        "house.start('broken', ['false'], 0)\n"
        "try:\n"
        "    house.watch(30)\n"
        "except supervisor.Stopped as stopped:\n"
        "    house.stop()\n"
        "    raise SystemExit(stopped.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "broken | ended (exit code 1), 5 times within a minute: stopping everything" in done.stdout
