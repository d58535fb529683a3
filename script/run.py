"""What stands behind `script/server`: everything that is missing, then all processes until one says stop."""

import fcntl
import os
import secrets
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TextIO

from script import prepare
from script.embedded import NoValkey, Valkey, free_port, write_private
from script.prepare import ROOT, VAR

if TYPE_CHECKING:
    from script.supervisor import Supervisor

# The floors of the house: what stands higher stops earlier.
VALKEY, SANDBOX, PROCFILE = 0, 1, 2


def main() -> int:
    """Set up, start, supervise, stop; return the exit code."""
    prepare.use_environment()
    lock = _only_server_here()
    if lock is None:
        return 1
    if "--prepared" not in sys.argv:
        if code := prepare.main():
            return code
        # With what was installed, as the same process: a signal to it always reaches the one that starts all.
        python = str(prepare.VENV / "bin" / "python")
        os.execv(python, [python, "-m", "script.run", "--prepared"])  # noqa: S606

    import environ

    environ.Env.read_env(prepare.env_file())
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    if trouble := _trouble_with_port(host, port):
        print(trouble, file=sys.stderr)
        return 1
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/"  # noqa: S104
    if left := lock.read().split():
        print(f"The last server here (process {left[0]}) was killed; starting anew.", file=sys.stderr)
    lock.truncate(0)
    print(os.getpid(), url, file=lock, flush=True)
    code = _serve(url)
    lock.truncate(0)
    return code


def _serve(url: str) -> int:
    from script.supervisor import Stopped, Supervisor

    os.environ["PYTHONUNBUFFERED"] = "1"
    processes = _procfile()
    house = Supervisor(width=max(len(name) for name in (*processes, "sandbox", "chatwoot")))
    valkey = None if _is_set("REDIS_URL") else Valkey(VAR / "valkey")
    try:
        if valkey is not None:
            _start_valkey(house, valkey)
        feed = None if _is_set("PUBLER_API_KEY") else _start_sandboxes(house)
        # Before web, so that nothing keeps the sign-in from being printed as soon as that answers.
        _, staff = house.once("first_staff", _manage("first_staff"))
        for name, command in processes.items():
            house.start(name, ["/bin/sh", "-c", f"exec {command}"], PROCFILE)
        _wait(house, "web", lambda: _answers(f"{url}healthz"))
        house.print(_welcome(url, feed, staff))
        while True:
            house.watch(60)
    except Stopped as stopped:
        code = stopped.code
    except (NoValkey, TimeoutError) as error:
        print(error, file=sys.stderr)
        code = 1
    house.print("Stopping …")
    house.stop()
    if valkey is not None:
        valkey.withdraw()
    return code


def _start_valkey(house: "Supervisor", valkey: Valkey) -> None:
    house.start("valkey", valkey.prepare(), VALKEY)
    _wait(house, "valkey", valkey.answers)
    valkey.publish()


def _start_sandboxes(house: "Supervisor") -> str:
    """Start a stand-in for each provider that is not set up and let the other processes know it; connect and
    fill Publer's, and return its address."""
    port = _own_port("port")
    os.environ["PUBLER_BASE_URL"] = f"http://127.0.0.1:{port}/api/v1"
    os.environ["PUBLER_WORKSPACE_ID"] = ""
    # Its key is kept in the admin, not in the environment, where it would win: so Connect can be tried.
    for name, path in (("AUTHORIZE", "authorize"), ("TOKEN", "token"), ("REVOKE", "revoke")):
        os.environ[f"PUBLER_OAUTH_{name}_URL"] = f"http://127.0.0.1:{port}/oauth/{path}"
    os.environ["PUBLER_OAUTH_CLIENT_ID"] = "hotdash"
    os.environ["PUBLER_OAUTH_CLIENT_SECRET"] = _remembered("client-secret", secrets.token_urlsafe(24))
    os.environ["PUBLER_OAUTH_SCOPE"] = ""
    started = {"sandbox": (port, "publer_sandbox")}
    if not (_is_set("SHOPIFY_STORE_DOMAIN") or _is_set("SHOPIFY_BASE_URL")):
        port = _own_port("shopify-port")
        os.environ["SHOPIFY_BASE_URL"] = f"http://127.0.0.1:{port}"
        os.environ["SHOPIFY_ACCESS_TOKEN"] = ""
        os.environ["SHOPIFY_CLIENT_ID"] = "sandbox"
        os.environ["SHOPIFY_CLIENT_SECRET"] = _remembered("shopify-secret", secrets.token_urlsafe(24))
        started["shopify"] = (port, "shopify_sandbox")
    if not _is_set("CHATWOOT_BASE_URL"):
        port = _own_port("chatwoot-port")
        os.environ["CHATWOOT_BASE_URL"] = f"http://127.0.0.1:{port}"
        os.environ["CHATWOOT_ACCOUNT_ID"] = "1"
        os.environ["CHATWOOT_API_TOKEN"] = _remembered("chatwoot-token", secrets.token_urlsafe(24))
        started["chatwoot"] = (port, "chatwoot_sandbox")
    for name, (port, command) in started.items():
        house.start(name, _manage(command, "--port", str(port)), SANDBOX)
    for name, (port, _) in started.items():
        _wait(house, name, partial(_answers, f"http://127.0.0.1:{port}/sandbox/"))
    for command in ("connect_sandbox", "seed_demo"):
        code, _ = house.once(command, _manage(command))
        if code:
            house.print(f"{command} failed; going on without it.")
    return f"http://127.0.0.1:{started['sandbox'][0]}/sandbox/"


def _own_port(name: str) -> int:
    """The port of last time; where it is taken, another one from now on."""
    port = int(_remembered(name, str(free_port())))
    if _trouble_with_port("127.0.0.1", str(port)):
        port = free_port()
        _remember(name, str(port))
    return port


def _welcome(url: str, feed: str | None, staff: list[str]) -> str:
    lines = ["", f"HotDash          {url}"]
    if feed:
        lines.append(f"Publer sandbox   {feed}   (what the public would see)")
    for line in staff:
        name, password, groups = line.split("\t")
        lines.append(f"Sign in as       {name}   password {password}   ({groups})")
    return "\n".join([*lines, "Ctrl-C stops everything.", ""])


def _only_server_here() -> TextIO | None:
    """Lock this checkout for one server; where another one has it, say so and return None."""
    VAR.mkdir(exist_ok=True)
    # The kernel lets go of the lock when its holder dies: a file left behind locks nobody out.
    lock = open(VAR / "server.lock", "a+")  # noqa: SIM115
    lock.seek(0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = lock.read().split()
        words = f"process {holder[0]}, {holder[1]}" if len(holder) == 2 else "it is still starting"
        print(f"HotDash runs already in this checkout: {words}", file=sys.stderr)
        return None
    return lock


def _trouble_with_port(host: str, port: str) -> str | None:
    if not port.isdigit() or not 0 < int(port) < 65536:
        return f"PORT is {port!r}; it must be a number from 1 to 65535."
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))
            probe.listen()
    except OSError as error:
        return (
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another port: PORT=8001 script/server"
        )
    return None


def _wait(house: "Supervisor", name: str, answers: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not answers():
        if time.monotonic() > until:
            raise TimeoutError(f"{name} does not answer.")
        house.watch(0.1)


def _answers(url: str) -> bool:
    """Whether somebody speaks HTTP there, whatever is said."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _procfile() -> dict[str, str]:
    from honcho.environ import parse_procfile

    return dict(parse_procfile((ROOT / "Procfile").read_text()).processes)


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name, "").strip() or os.environ.get(f"{name}_FILE"))


def _remembered(name: str, default: str) -> str:
    """Return what `var/sandbox/NAME` says; where there is nothing yet, `default` from now on."""
    path = VAR / "sandbox" / name
    if not path.exists():
        _remember(name, default)
    return path.read_text().strip()


def _remember(name: str, value: str) -> None:
    (VAR / "sandbox").mkdir(exist_ok=True)
    write_private(VAR / "sandbox" / name, value)


if __name__ == "__main__":
    sys.exit(main())
