"""HotDash as it runs for people: real processes, each of which a test may kill, in a folder of their own."""

import atexit
import json as json_module
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from honcho.environ import parse_procfile
from psycopg import sql

from script.children import spawn, stop
from script.embedded import Valkey, free_port
from tests.environment import ROOT

# Every wait of the engine in seconds instead of minutes, the inequalities between them kept.
SHORT_CLOCKS = {
    "PROVIDER_CONNECT_TIMEOUT": "0.5",
    "PROVIDER_READ_TIMEOUT": "1.2",
    "PUBLISH_LEASE_SECONDS": "2",
    "RESEND_AFTER_SECONDS": "3",
    "RECONCILE_GRACE_SECONDS": "0.5",
    "ENGINE_GAP_SECONDS": "5",
    "HANDOVER_LEAD_SECONDS": "120",
    "RETRY_BASE_SECONDS": "0.2",
    "DISPATCH_INTERVAL_SECONDS": "0.5",
    "POLL_INTERVAL_SECONDS": "0.3",
    "PUBLISH_GAP_SECONDS": "0",
    "PUBLER_RATE_LIMIT": "100",
    "PUBLER_RATE_PERIOD": "5",
}
_PROCFILE: dict[str, str] = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
_EVERYTHING = ("valkey", "sandbox", "web", "worker", "beat")
_COMMANDS = {"sandbox": "publer_sandbox", "shopify": "shopify_sandbox", "chatwoot": "chatwoot_sandbox"}


class Stack:
    """Valkey, sandbox, web, workers and Beat, on free ports, with a database of their own.

    Names are those of the Procfile, `valkey`, `sandbox`, and `shopify` and `chatwoot`, which are connected
    once they have been started; `worker-2` is a second worker. What is changed in `environment` counts from a
    process's next start; `more` are further arguments of the stand-ins.
    """

    alive: "list[Stack]" = []  # those whose logs a failing test shows

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.valkey = Valkey(folder / "valkey")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._web_port, self._ports = free_port(), {name: free_port() for name in _COMMANDS}
        self.more: dict[str, tuple[str, ...]] = {}
        self._database = _Database(folder)
        self.environment = {
            "DEBUG": "on",
            "ENV_FILE": os.devnull,
            "SECRET_KEY": secrets.token_urlsafe(40),
            "DATABASE_URL": self._database.url,
            "REDIS_URL": self.valkey.url,
            "PORT": str(self._web_port),
            "PUBLER_BASE_URL": f"{self.sandbox_url}/api/v1",
            "PUBLER_API_KEY": secrets.token_urlsafe(24),
            **SHORT_CLOCKS,
            **environment,
        }
        self._logs: dict[str, Path] = {}
        (folder / "logs").mkdir(parents=True)
        Stack.alive.append(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._web_port}"

    @property
    def sandbox_url(self) -> str:
        return self._address("sandbox")

    def unconnected(self, client_secret: str) -> Self:
        """From the next start on nothing lets HotDash in to Publer, and the sandbox is where it may ask."""
        self.environment |= {
            "PUBLER_API_KEY": "",
            "PUBLER_OAUTH_CLIENT_ID": "hotdash",
            "PUBLER_OAUTH_CLIENT_SECRET": client_secret,
            **{
                f"PUBLER_OAUTH_{name.upper()}_URL": f"{self.sandbox_url}/oauth/{name}"
                for name in ("authorize", "token", "revoke")
            },
        }
        return self

    # Processes ------------------------------------------------------------------------------------

    def up(self, *names: str) -> Self:
        """Start these (everything, where none is named) in this order; read the accounts from the sandbox,
        where the environment has a key for it."""
        self._database.make()
        for name in names or _EVERYTHING:
            self.start(name)
            if name == "sandbox" and self.environment["PUBLER_API_KEY"]:
                self.manage("sync_channels", "--skip-checks")
        return self

    def start(self, name: str) -> None:
        """Start one process and wait until it works."""
        log = self._logs[name] = self.folder / "logs" / f"{name}.log"
        self.environment |= {
            key: value for key, value in self._connects(name).items() if key not in self.environment
        }
        if name == "valkey":
            self.valkey.start()
            assert self.valkey.process is not None
            self.processes[name] = self.valkey.process
            self._logs[name] = self.valkey.folder / "log"
            return
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.processes[name] = spawn(
                self._command(name), env=self._env(), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )
        works: dict[str, Callable[[], Any]] = {
            "web": lambda: _answers(f"{self.url}/healthz"),
            **{each: partial(_answers, f"{self._address(each)}/sandbox/") for each in _COMMANDS},
            "worker": lambda: b" ready." in log.read_bytes()[before:],
        }
        ready = works.get(name.split("-")[0])
        if ready is not None:
            self.wait_until(ready, 90, f"{name} works")

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one process; wait for its end where the signal asks for it."""
        process = self.processes[name]
        process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            process.wait(40)

    def restart(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        if self.processes[name].poll() is None:
            self.kill(name, number)
        self.start(name)

    def stop(self) -> None:
        """Stop everything, in the order of `script/server`; drop the database."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
        names = (*_COMMANDS, "valkey")
        below = [self.processes.pop(name) for name in names if name in self.processes]
        stop(self.processes.values(), patience=10)
        for process in below:
            stop([process], patience=5)
        self.processes.clear()
        if self in Stack.alive:
            Stack.alive.remove(self)
            self._database.drop()

    # What a test does and sees --------------------------------------------------------------------

    def manage(self, *arguments: str) -> str:
        """Run a management command; return its standard output. Raise `AssertionError` where it fails."""
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> str:
        """Run Python with these arguments; return its standard output. Raise `AssertionError` where it
        fails."""
        return self.begin_python(*arguments)()

    def begin_python(self, *arguments: str) -> Callable[[], str]:
        """As `python`, but without waiting: what is returned waits for it."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=self._env(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def ended() -> str:
            said, complained = process.communicate()
            assert process.returncode == 0, f"{' '.join(arguments)}: {said}{complained}"
            return said

        return ended

    def shell(self, code: str) -> str:
        """Run Python in the project (models are imported); return its standard output, stripped."""
        return self.manage("shell", "--verbosity", "0", "--command", code).strip()

    def staff(self, name: str, *groups: str) -> str:
        """Make a member of staff; return the password."""
        password = secrets.token_urlsafe(12)
        self._database.add_person(name, PBKDF2PasswordHasher().encode(password, secrets.token_hex(8)), groups)
        return password

    def sandbox(self, path: str, json: Any = None, name: str = "sandbox") -> Any:
        """Ask a stand-in (`/sandbox/posts`, …), with a POST where `json` is given; return its answer."""
        data = None if json is None else json_module.dumps(json).encode()
        request = urllib.request.Request(
            f"{self._address(name)}{path}",
            data,
            {"Content-Type": "application/json", "Accept": "application/json"},
        )
        with _opener().open(request, timeout=10) as answer:
            body = answer.read()
        return json_module.loads(body) if body else None

    def wait_until(self, predicate: Callable[[], Any], seconds: float = 20, what: str = "") -> Any:
        """Return the first true answer of `predicate`; raise `AssertionError` after so many seconds."""
        until = time.monotonic() + seconds
        while not (answer := predicate()):
            assert time.monotonic() < until, f"not within {seconds:g} s: {what or 'what was waited for'}"
            time.sleep(0.05)
        return answer

    def logs(self) -> dict[str, str]:
        """What each process has said so far."""
        return {name: path.read_text(errors="replace") for name, path in self._logs.items() if path.exists()}

    def back_up(self) -> Path:
        """A backup of the database, as people make one while everything runs; its file."""
        file = self.folder / f"backup-{secrets.token_hex(4)}"
        self._database.back_up(file)
        return file

    def restore(self, file: Path) -> None:
        """Put a backup in the database's place. Nothing that uses it may run."""
        self._database.restore(file)

    def _address(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def _connects(self, name: str) -> dict[str, str]:
        """What lets the other processes know this one."""
        if name == "shopify":
            secret = secrets.token_urlsafe(24)
            return {
                "SHOPIFY_BASE_URL": self._address(name),
                "SHOPIFY_CLIENT_ID": "sandbox",
                "SHOPIFY_CLIENT_SECRET": secret,
            }
        if name == "chatwoot":
            return {
                "CHATWOOT_BASE_URL": self._address(name),
                "CHATWOOT_ACCOUNT_ID": "1",
                "CHATWOOT_API_TOKEN": secrets.token_urlsafe(24),
            }
        return {}

    def _command(self, name: str) -> list[str]:
        if name in _COMMANDS:
            more = self.more.get(name, ())
            if name == "sandbox":
                more = ("--data", str(self.folder / "sandbox.sqlite3"), "--delay", "0.1", *more)
            return [sys.executable, "manage.py", _COMMANDS[name], "--port", str(self._ports[name]), *more]
        return ["/bin/sh", "-c", f"exec {_PROCFILE[name.split('-')[0]]}"]

    def _env(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, "PYTHONUNBUFFERED": "1", **self.environment, "PATH": path}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


DROP = "DROP DATABASE IF EXISTS {} WITH (FORCE)"


class _Database:
    """A SQLite file; where DATABASE_URL names a PostgreSQL server, a database of its own on it."""

    def __init__(self, folder: Path) -> None:
        given = urlsplit(os.environ.get("DATABASE_URL", ""))
        self._name = f"hotdash_stack_{secrets.token_hex(4)}"
        self._file = folder / "hotdash.sqlite3"
        self._server = None
        self.url = f"sqlite:///{self._file}"
        if given.scheme.startswith("postgres"):
            self._server = urlunsplit(given._replace(scheme="postgresql"))
            self.url = urlunsplit(given._replace(path=f"/{self._name}"))

    def make(self) -> None:
        """Make it with all its tables, where it is not there yet."""
        if self._server is None:
            if not self._file.exists():
                shutil.copy(_migrated_file(), self._file)
        elif not self._made():
            _run(self._server, "CREATE DATABASE {} TEMPLATE {}", self._name, _migrated_database(self._server))

    def add_person(self, name: str, password: str, groups: Sequence[str]) -> None:
        """By the database alone: a process of Django for each would take two seconds."""
        columns = {
            "username": name,
            "password": password,
            "date_joined": datetime.now(UTC).isoformat(),
            "is_staff": True,
            "is_active": True,
            "is_superuser": False,
            **dict.fromkeys(("first_name", "last_name", "email"), ""),
        }
        self._write(
            f"INSERT INTO auth_user ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
            *columns.values(),
        )
        for group in groups:
            self._write(
                "INSERT INTO auth_user_groups (user_id, group_id) SELECT auth_user.id, auth_group.id"
                " FROM auth_user, auth_group WHERE username = %s AND auth_group.name = %s",
                name,
                group,
            )

    def _write(self, statement: str, *values: object) -> None:
        if self._server is None:
            with closing(sqlite3.connect(self._file, timeout=20)) as database, database:
                database.execute(statement.replace("%s", "?"), values)
        else:
            with psycopg.connect(self._own) as server:
                server.execute(statement, values)

    def back_up(self, file: Path) -> None:
        if self._server is None:
            with (
                closing(sqlite3.connect(self._file)) as database,
                closing(sqlite3.connect(file)) as copy,
            ):
                database.backup(copy)
        else:
            self._tool("pg_dump", "--format=custom", f"--file={file}", self._own)

    def restore(self, file: Path) -> None:
        if self._server is None:
            for suffix in ("", "-wal", "-shm"):
                self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
            shutil.copy(file, self._file)
        else:
            self.drop()
            _run(self._server, "CREATE DATABASE {}", self._name)
            self._tool("pg_restore", f"--dbname={self._own}", str(file))

    @property
    def _own(self) -> str:
        return urlunsplit(urlsplit(self.url)._replace(scheme="postgresql"))

    def _tool(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def drop(self) -> None:
        if self._server is not None:
            _run(self._server, DROP, self._name)

    def _made(self) -> bool:
        assert self._server is not None
        with psycopg.connect(self._server) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [self._name]
            ).fetchone()
        return found is not None


@cache
def _migrated_file() -> Path:
    """A database with all its tables, made once by each test process: copying it takes no time."""
    folder = Path(tempfile.mkdtemp(prefix="hotdash-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "migrated.sqlite3"
    _migrate(f"sqlite:///{path}")
    return path


@cache
def _migrated_database(server: str) -> str:
    """Its like on a PostgreSQL server: the name of one that others are copied from."""
    name = f"hotdash_stack_{secrets.token_hex(4)}"
    atexit.register(_run, server, DROP, name)
    _run(server, "CREATE DATABASE {}", name)
    _migrate(urlunsplit(urlsplit(server)._replace(path=f"/{name}")))
    return name


def _migrate(url: str) -> None:
    env = {**os.environ, "DATABASE_URL": url, "DEBUG": "on", "ENV_FILE": os.devnull}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=env, cwd=ROOT, check=True
    )


def _run(server: str, statement: str, *names: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _answers(url: str) -> bool:
    try:
        _opener().open(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
