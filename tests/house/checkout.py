"""A second checkout, as somebody would clone it, whose virtual environment borrows this one's packages."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from script.children import spawn
from script.embedded import free_port
from tests.environment import NAMES, ROOT

_REMEMBER = (
    "from script import prepare as p; "
    "(p.VENV / 'hotdash-requirements').write_text(p._checksum(str(p.ROOT), p.ROOT / 'requirements.txt'))"
)


@dataclass
class Checkout:
    """Its `script/*` run with nothing set but what a test sets."""

    path: Path
    servers: "list[Server]" = field(default_factory=list)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            cwd=self.path,
            env=clean_environment(environment),
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    def serve(self) -> "Server":
        """Start `script/server`; return when it has said that it is ready."""
        server = Server(self)
        self.servers.append(server)
        server.wait_until(lambda: "Ctrl-C stops everything." in server.said(), 180)
        return server

    def processes(self) -> dict[int, str]:
        """The processes that live in this checkout: number and command."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if Path(os.readlink(entry / "cwd")).is_relative_to(self.path):
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ").strip()
            except OSError:
                continue
        return {pid: command for pid, command in found.items() if command}

    def is_empty_within(self, seconds: float) -> bool:
        """Whether the last process that lives here ends within so many seconds."""
        until = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True


class Server:
    """A running `script/server`, started as a shell's background job: with SIGINT ignored."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.port = free_port()
        self.log = checkout.path / "var" / f"server-{self.port}.log"
        self.log.parent.mkdir(exist_ok=True)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with self.log.open("wb") as output:
                self.process = spawn(
                    [str(checkout.path / "script" / "server")],
                    cwd=checkout.path,
                    env=clean_environment({"PORT": str(self.port)}),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
        finally:
            signal.signal(signal.SIGINT, before)

    def said(self) -> str:
        return self.log.read_text()

    def process_of(self, words: str) -> int | None:
        """The number of the one process whose command has these words; the eldest, where it has children."""
        found = [pid for pid, command in self.checkout.processes().items() if words in command]
        return min(found, default=None)

    def wait_until(self, predicate: Callable[[], object], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not predicate():
            assert time.monotonic() < until, self.said()
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)


def clean_environment(more: dict[str, str]) -> dict[str, str]:
    """What a person's shell has: nothing of HotDash's, nothing of this test run's."""
    foreign = NAMES | {"ENV_FILE", "DJANGO_SETTINGS_MODULE", "EMBEDDED_FOR", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in foreign} | more


def copy(path: Path) -> Checkout:
    """Copy what git would hold, with the changes that are not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, path / name)
    return Checkout(path)


def copy_with_packages(path: Path) -> Checkout:
    """The same, and set up as far as the requirements go, without downloading anything."""
    checkout = copy(path)
    venv = path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    for name in ("gunicorn", "celery"):
        command = (Path(sys.executable).parent / name).read_text()
        (venv / "bin" / name).write_text(re.sub(r"\A#!.*", f"#!{venv}/bin/python", command))
        (venv / "bin" / name).chmod(0o755)
    (venv / "bin" / "pip").write_text(f"#!{venv}/bin/python\nraise SystemExit('pip was called')\n")
    done = checkout.run(str(venv / "bin" / "python"), "-c", _REMEMBER)
    assert done.returncode == 0, done.stderr
    return checkout
