"""Child processes that never outlive the one that started them. Needs nothing but Python itself."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any

# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def spawn(
    command: list[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, so that a terminal's Ctrl-C reaches only its parent.

    On Linux the kernel kills it when the parent dies, however that dies. The kernel means the *thread* that
    started it: call this from a thread that lives as long as the process.
    """
    return subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        process_group=0,
        preexec_fn=_die_with(os.getpid()),
    )


def _die_with(parent: int) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl = _libc.prctl

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask_the_kernel


def run(command: list[str], *, stdout: int | IO[Any] | None = None, patience: float = 10) -> None:
    """Run `command` to its end; raise `CalledProcessError` where it fails.

    An exception here, a Ctrl-C above all, ends it with everything that it started.
    """
    child = spawn(command, stdout=stdout)
    try:
        code = child.wait()
    except BaseException:
        _signal_group(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience)
        _signal_group(child, signal.SIGKILL)
        child.wait()
        raise
    if code:
        raise subprocess.CalledProcessError(code, command)


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def stop(children: Iterable[subprocess.Popen[bytes]], *, patience: float) -> list[subprocess.Popen[bytes]]:
    """Send SIGTERM to each process itself, wait `patience` seconds, then SIGKILL; return those killed."""
    children = [child for child in children if child.poll() is None]
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
    until = time.monotonic() + patience
    killed = []
    for child in children:
        try:
            child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            killed.append(child)
    for child in killed:
        child.wait()
    return killed
