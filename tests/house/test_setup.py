import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.house.checkout import Checkout, Server, copy, copy_with_packages


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return copy_with_packages(tmp_path / "checkout")


def says(checkout: Checkout, **environment: str) -> str:
    done = checkout.run("script/setup", **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_second_setup_says_nothing_and_starts_nothing(checkout: Checkout) -> None:
    assert "Preparing the database" in says(checkout)
    (checkout.path / "manage.py").write_text("raise SystemExit('Django was started')")
    assert says(checkout) == ""


@pytest.mark.slow
def test_a_new_migration_is_noticed(checkout: Checkout) -> None:
    says(checkout)
    (checkout.path / "social" / "migrations" / "__init__.py").write_text("# another\n")
    assert "Preparing the database" in says(checkout)


@pytest.mark.slow
def test_a_lost_database_is_made_again(checkout: Checkout) -> None:
    says(checkout)
    (checkout.path / "var" / "hotdash.sqlite3").unlink()
    assert "Preparing the database" in says(checkout)


@pytest.mark.slow
def test_static_files_are_collected_where_debug_is_off(checkout: Checkout) -> None:
    production = {"DEBUG": "off", "SECRET_KEY": "x" * 60, "FIELD_ENCRYPTION_KEYS": "y" * 60}
    assert "Collecting the static files" in says(checkout, **production)
    assert (checkout.path / "staticfiles" / "staticfiles.json").is_file()
    assert says(checkout, **production) == ""
    assert not (checkout.path / "var" / "sign-in").exists()


@pytest.mark.slow
def test_debug_off_in_the_env_file_is_not_turned_on(checkout: Checkout) -> None:
    (checkout.path / ".env").write_text("DEBUG=off\n")
    done = checkout.run("script/setup")
    assert done.returncode == 1
    assert "SECRET_KEY must be set where DEBUG is off" in done.stderr


def test_a_command_without_its_settings_says_so_in_words() -> None:
    env = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "DEBUG": "off"}

    done = subprocess.run(
        [sys.executable, "manage.py", "sync_channels"], cwd=ROOT, env=env, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY must be set where DEBUG is off")
    assert "DEBUG=on" in done.stderr
    assert "Traceback" not in done.stderr


def python(path: Path, version_check: int, venv_check: int) -> str:
    """A Python that answers the two questions of `script/interpreter.sh` so, and prints 3.9."""
    path.write_text(
        f"""#!/bin/sh
case "$2" in
    *exit*) exit {version_check} ;;
    *ensurepip*) exit {venv_check} ;;
    *) echo 3.9 ;;
esac
"""
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("command", ["setup", "server", "test", "check", "bench"])
def test_a_python_too_old_is_told_in_words(command: str, tmp_path: Path) -> None:
    done = copy(tmp_path / "checkout").run(f"script/{command}", PYTHON=python(tmp_path / "python", 1, 0))
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "here is 3.9" in done.stderr


def test_a_missing_venv_module_is_told_in_words(tmp_path: Path) -> None:
    done = copy(tmp_path / "checkout").run("script/setup", PYTHON=python(tmp_path / "python", 0, 1))
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


@pytest.mark.slow
def test_a_bare_clone_sets_itself_up_even_when_it_was_stopped_half_way(tmp_path: Path) -> None:
    clone = copy(tmp_path / "checkout")
    half = Server(clone)
    half.wait_until(lambda: half.process_of("-m ensurepip"))
    half.process.send_signal(signal.SIGINT)
    assert half.process.wait(60) == 130
    assert clone.is_empty_within(30)
    said = says(clone)
    assert said.splitlines() == [
        "Making .venv …",
        "Installing requirements.txt (this can take a minute) …",
        "Preparing the database …",
    ]
    assert says(clone) == ""


@pytest.mark.parametrize("linked", [False, True])
def test_a_venv_that_is_somebody_elses_is_left_as_it_is(tmp_path: Path, linked: bool) -> None:
    clone = copy(tmp_path / "checkout")
    theirs = tmp_path / "theirs" if linked else clone.path / ".venv"
    theirs.mkdir()
    (theirs / "work").write_text("of years")
    if linked:
        (clone.path / ".venv").symlink_to(theirs)
    done = clone.run("script/setup")
    assert done.returncode == 1
    assert "is not a virtual environment that this set-up made, so it is left as it is." in done.stderr
    assert (theirs / "work").read_text() == "of years"
