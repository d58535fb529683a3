"""`script/test --planted [WORDS…]`: plants each bug of `tests.planted.bugs` (or those whose sentence holds
one of the words) into a copy of this checkout and demands that a test notices. `--by FILE`: that file alone.

The exit code is 1 where a bug goes unnoticed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.planted.bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("hotdash", "integrations", "social", "script", "static", "templates", "tests")
EVERYTHING = ("tests/publishing", "tests/workflow", "tests/integrations/test_what_an_answer_proves.py")
LONGEST = 540.0
"""Seconds for one run of the tests; one that hangs has noticed nothing."""
FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)


def main(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="script/test --planted")
    parser.add_argument("words", nargs="*", help="only the bugs whose sentence holds one of these")
    parser.add_argument("--by", metavar="FILE", help="only this test file (or test) may catch them")
    asked = parser.parse_args(arguments)
    bugs = [
        bug
        for bug in BUGS
        if not asked.words or any(word.lower() in bug.gone.lower() for word in asked.words)
    ]
    with _copy() as checkout:
        tests = [asked.by] if asked.by else sorted({test for bug in bugs for test in bug.caught_by})
        if broken := _failing(checkout, tests):
            print(f"Without any planted bug this fails already: {broken}", file=sys.stderr)
            return 1
        caught = [_report(bug, _catcher(checkout, bug, asked.by)) for bug in bugs]
    print(f"\n{sum(caught)} of {len(bugs)} planted bugs were noticed.")
    return 0 if all(caught) else 1


def _report(bug: Bug, catcher: str | None) -> bool:
    print(f"{bug.gone:<92} {catcher or 'NOT NOTICED'}", flush=True)
    return catcher is not None


def _catcher(checkout: Path, bug: Bug, by: str | None) -> str | None:
    """The first test that notices the bug, with the seconds that it took."""
    started = time.monotonic()
    with _planted(checkout, bug):
        for tests in [[by]] if by else [bug.caught_by, EVERYTHING]:
            if test := _failing(checkout, tests):
                seconds = time.monotonic() - started
                return f"{test.removeprefix('tests/')}  ({seconds:.0f} s)"
    return None


@contextmanager
def _copy() -> Iterator[Path]:
    """A checkout in which a line may be broken."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        checkout = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, checkout / name, copy_function=shutil.copy2)
        for path in ROOT.iterdir():
            if path.is_file() and path.name != ".env":
                shutil.copy2(path, checkout / path.name)
        yield checkout


@contextmanager
def _planted(checkout: Path, bug: Bug) -> Iterator[None]:
    whole = {patch.file: (checkout / patch.file).read_text() for patch in bug.patches}
    try:
        for patch in bug.patches:
            path = checkout / patch.file
            text = path.read_text()
            if text.count(patch.old) != 1:
                raise SystemExit(
                    f"“{bug.gone}” cannot be planted: {patch.file} does not say once: {patch.old}"
                )
            path.write_text(text.replace(patch.old, patch.new))
        yield
    finally:
        for name, text in whole.items():
            (checkout / name).write_text(text)


def _failing(checkout: Path, tests: Sequence[str]) -> str | None:
    """The first of these tests that fails. What cannot even be collected is no test that notices."""
    python = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider"]
    # Sources change within a second and to the same length: no compiled file may be believed afterwards.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "CI": "true", "MODEL_UNSHRUNK": "1"}
    try:
        run = subprocess.run(
            [*python, *tests], cwd=checkout, env=environment, capture_output=True, text=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return None
    if run.returncode not in (0, 1):
        raise SystemExit(f"pytest ended with {run.returncode}:\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}")
    found = FAILED.search(run.stdout)
    return found[1] if found else None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
