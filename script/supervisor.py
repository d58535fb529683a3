"""Several processes as one: their lines side by side, started again when they die, stopped together."""

import contextlib
import datetime
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from types import FrameType
from typing import IO

from honcho.printer import Message, Printer

from script.children import spawn, stop

PATIENCE = 30.0  # seconds between SIGTERM and SIGKILL: a worker finishes what it has on its way
AGAIN_AFTER = 1.0
DEATHS, WITHIN = 5, 60.0
_COLOURS = cycle(("36", "33", "32", "35", "34"))


@dataclass
class Service:
    """One process that is wanted. `floor`: the higher, the earlier it is stopped."""

    name: str
    command: list[str]
    floor: int
    colour: str = field(default_factory=lambda: next(_COLOURS))
    process: subprocess.Popen[bytes] | None = None
    again_at: float | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS))


class Stopped(Exception):
    """A person asked to stop, or a process kept dying (`code` 1)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Supervisor:
    """Everything is started from the thread that made this (see `children.spawn`)."""

    def __init__(self, width: int) -> None:
        self._printer = Printer(sys.stdout, width=width)
        self._printing = threading.Lock()
        self._services: list[Service] = []
        self._readers: list[threading.Thread] = []
        self._asked_at: float | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked)

    def say(self, words: str, name: str, colour: str = "37") -> None:
        """Print `words` as lines of the process `name`."""
        message = Message("line", words, datetime.datetime.now(), name, colour)
        # Where nobody reads any more the processes must go on.
        with self._printing, contextlib.suppress(OSError, ValueError):
            self._printer.write(message)

    def print(self, words: str) -> None:
        """Print `words` as they are."""
        with self._printing, contextlib.suppress(OSError, ValueError):
            print(words, flush=True)

    def start(self, name: str, command: list[str], floor: int) -> Service:
        """Start a process that is wanted from now on."""
        service = Service(name, command, floor)
        self._services.append(service)
        self._spawn(service)
        return service

    def once(self, name: str, command: list[str]) -> tuple[int, list[str]]:
        """Run a command to its end while watching over the others; return exit code and standard output."""
        lines: list[str] = []
        child = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        readers = [
            self._read(child.stdout, lines.append),
            self._read(child.stderr, lambda line: self.say(line, name)),
        ]
        try:
            while child.poll() is None:
                self.watch(0.05)
        except BaseException:
            stop([child], patience=5)
            raise
        for reader in readers:
            reader.join(2)
        return child.returncode, lines

    def watch(self, seconds: float) -> None:
        """Look after the processes for so long; raise `Stopped` when it is time to stop."""
        until = time.monotonic() + seconds
        while True:
            if self._asked_at is not None:
                raise Stopped(0)
            for service in self._services:
                self._look_after(service)
            if time.monotonic() >= until:
                return
            time.sleep(min(0.1, seconds))

    def stop(self) -> None:
        """Stop floor by floor, from the top: each process is asked, and killed where it does not listen."""
        for floor in sorted({service.floor for service in self._services}, reverse=True):
            there = {s.process: s for s in self._services if s.floor == floor and s.process is not None}
            for process in stop(list(there), patience=PATIENCE):
                self.say(f"did not stop within {PATIENCE:g} s; killed", there[process].name)
        for reader in self._readers:
            reader.join(1)

    def _look_after(self, service: Service) -> None:
        if service.again_at is not None:
            if time.monotonic() >= service.again_at:
                service.again_at = None
                self._spawn(service)
            return
        if service.process is None or service.process.poll() is None:
            return
        now = time.monotonic()
        service.deaths.append(now)
        how = _in_words(service.process.returncode)
        if len(service.deaths) == DEATHS and now - service.deaths[0] < WITHIN:
            self.say(f"ended ({how}), {DEATHS} times within a minute: stopping everything", service.name)
            raise Stopped(1)
        self.say(f"ended ({how}); starting it again", service.name, service.colour)
        service.again_at = now + AGAIN_AFTER

    def _spawn(self, service: Service) -> None:
        service.process = spawn(service.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._read(service.process.stdout, lambda line: self.say(line, service.name, service.colour))

    def _read(self, stream: IO[bytes] | None, take: Callable[[str], object]) -> threading.Thread:
        """Hand each line of `stream` to `take`, in a thread, for as long as somebody holds its other end."""

        def read() -> None:
            for line in stream or ():
                take(line.decode(errors="replace").rstrip("\n"))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self._readers.append(thread)
        return thread

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if self._asked_at is None:
            self._asked_at = time.monotonic()
        elif time.monotonic() - self._asked_at > 1:  # asked again: no patience left
            for service in self._services:
                if service.process is not None and service.process.poll() is None:
                    os.kill(service.process.pid, signal.SIGKILL)


def _in_words(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
