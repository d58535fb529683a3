"""The set-up that is missing. Needs nothing but Python itself, and decides without importing Django.

Each step leaves a stamp, a checksum of all that it was made from; while that fits, the step is not repeated.
"""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from script.children import run

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VAR = ROOT / "var"


def main(*arguments: str) -> int:
    """Do what is missing; return the exit code.

    `--tests`: the development requirements instead, and no database. `--then COMMAND…`: become that command.
    """
    at = arguments.index("--then") if "--then" in arguments else len(arguments)
    for_tests, then = "--tests" in arguments[:at], arguments[at + 1 :]
    use_environment()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # raises KeyboardInterrupt
    try:
        with _alone():
            requirements(dev=for_tests)
            if not for_tests:
                application()
    except NotOurs as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"The set-up stopped: {_in_words(error.cmd)} failed.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The set-up was stopped; the next run goes on from here.", file=sys.stderr)
        return 130
    if then:
        os.execvp(then[0], then)  # noqa: S606
    return 0


def use_environment() -> None:
    """DEBUG is on where nobody set it, and the virtual environment's commands are found first."""
    if "DEBUG" not in os.environ and "DEBUG" not in names_in_env_file():
        os.environ["DEBUG"] = "on"
    os.environ["VIRTUAL_ENV"] = str(VENV)
    os.environ["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.chdir(ROOT)


def names_in_env_file() -> set[str]:
    """Return the names that `.env` (or the file that ENV_FILE names) gives a value."""
    path = env_file()
    if not path.is_file():
        return set()
    return set(re.findall(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", path.read_text(), re.MULTILINE))


def env_file() -> Path:
    return Path(os.environ.get("ENV_FILE") or ROOT / ".env")


def requirements(*, dev: bool) -> None:
    """Make `.venv` and install what `requirements.txt` (or, with `dev`, `-dev.txt`) pins, hash by hash."""
    # The development set contains the other one.
    wanted = ROOT / "requirements-dev.txt" if dev else ROOT / "requirements.txt"
    python = VENV / "bin" / "python"
    # With the path: commands in .venv/bin name their interpreter by it, so a moved checkout starts anew.
    stamp = _checksum(str(ROOT), wanted)
    stamps = VENV / "hotdash-requirements"
    written = stamps.read_text().split() if stamps.is_file() else []
    if python.exists() and stamp in written:
        return
    if not _whole():
        _clear(stamps)
        _say("Making .venv")
        base = getattr(sys, "_base_executable", sys.executable)
        run([base, "-m", "venv", str(VENV)])
        written = []
    _say(f"Installing {wanted.name} (this can take a minute)")
    # --require-virtualenv: whatever befell .venv, the interpreter it was made of is never written to.
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "--require-virtualenv"]
    run([*pip, "install", "-qq", "--require-hashes", "--requirement", str(wanted)])
    # One set may have been changed while the other was not: what no longer fits is dropped.
    sets = {_checksum(str(ROOT), ROOT / name) for name in ("requirements.txt", "requirements-dev.txt")}
    kept = {stamp, _checksum(str(ROOT), ROOT / "requirements.txt")} | (set(written) & sets)
    stamps.write_text("\n".join(sorted(kept)) + "\n")


def application() -> None:
    """Bring the database up to date, collect the static files where DEBUG is off, make the first staff."""
    manage = [str(VENV / "bin" / "python"), "manage.py"]
    # Only the default database can be judged by a file; any other is asked each time.
    own = "DATABASE_URL" not in os.environ and "DATABASE_URL" not in names_in_env_file()
    migrations = sorted(
        path
        for room in ("hotdash", "integrations", "social")
        for path in ROOT.glob(f"{room}/**/migrations/*.py")
    )
    stamp = _checksum(_relevant_environment(), ROOT / "requirements.txt", *migrations)
    if not (own and (VAR / "hotdash.sqlite3").exists() and _stamped("database", stamp)):
        if own:
            _say("Preparing the database")
        run([*manage, "migrate", "--verbosity", "0"])
        run([*manage, "first_staff"], stdout=subprocess.DEVNULL)
        _write_stamp("database", stamp)
    if not _debug():
        static = sorted(path for path in ROOT.glob("static/**/*") if path.is_file())
        stamp = _checksum(_relevant_environment(), ROOT / "requirements.txt", *static)
        if not ((ROOT / "staticfiles").is_dir() and _stamped("static", stamp)):
            _say("Collecting the static files")
            run([*manage, "collectstatic", "--no-input", "--verbosity", "0"])
            _write_stamp("static", stamp)


def _debug() -> bool:
    value = os.environ.get("DEBUG")
    if value is None:
        found = re.findall(r"^\s*(?:export\s+)?DEBUG\s*=\s*['\"]?(\w*)", env_file().read_text(), re.MULTILINE)
        value = found[-1] if found else ""
    return value.lower() in {"true", "on", "ok", "y", "yes", "1"}  # as django-environ reads it


def _relevant_environment() -> str:
    settings = env_file().read_text() if env_file().is_file() else ""
    return f"{ROOT}\n{os.environ.get('DEBUG')}\n{os.environ.get('DATABASE_URL')}\n{settings}"


@contextmanager
def _alone() -> Iterator[None]:
    """Two commands started at once in one checkout make it once: the second waits for the first."""
    VAR.mkdir(exist_ok=True)
    with open(VAR / "setup.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another set-up in this checkout")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _whole() -> bool:
    """Whether `.venv` was made to its end, and under this path."""
    pip = VENV / "bin" / "pip"
    made = (VENV / "pyvenv.cfg").is_file() and (VENV / "bin" / "python").exists() and pip.is_file()
    return made and str(VENV).encode() in pip.read_bytes()


class NotOurs(Exception):
    """Somebody else's `.venv` stands where ours would; the words say what to do."""


def _clear(stamps: Path) -> None:
    """Make room for `.venv`. What this set-up began bears its stamps from the first moment on; anything else,
    a link's target too, is somebody's and stays. Raises NotOurs."""
    link = f" (a link to {VENV.readlink()})" if VENV.is_symlink() else ""
    if link or (VENV.exists() and not stamps.is_file() and not _is_empty(VENV)):
        raise NotOurs(
            f"{VENV}{link} is not a virtual environment that this set-up made, so it is left as it is. "
            "Move or remove it, then run this again."
        )
    if VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    stamps.touch()


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _checksum(*parts: str | Path) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else str(part.name).encode() + part.read_bytes()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _stamped(name: str, stamp: str) -> bool:
    path = VAR / "stamps" / name
    return path.is_file() and path.read_text() == stamp


def _write_stamp(name: str, stamp: str) -> None:
    (VAR / "stamps").mkdir(exist_ok=True)
    (VAR / "stamps" / name).write_text(stamp)


def _say(words: str) -> None:
    print(f"{words} …", file=sys.stderr, flush=True)


def _in_words(command: object) -> str:
    return (
        " ".join(Path(part).name if "/" in part else part for part in command)
        if isinstance(command, list)
        else str(command)
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
