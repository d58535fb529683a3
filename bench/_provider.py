"""Stand-in providers that keep the truth, each in a process of its own."""

import asyncio
import json
import math
import multiprocessing
import random
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

FORK = multiprocessing.get_context("fork")


@dataclass
class Windows:
    """`limit` calls a window, which begins with its first call; or is `aligned` to the epoch, and then the
    answers tell nothing but the `Date`."""

    limit: int
    period: float
    aligned: bool = False
    begun: list[float] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    refused: int = 0

    def arrive(self, query: dict[str, str]) -> bool:
        now = time.time()
        if not self.begun or now >= self.begun[-1] + self.period:
            self.begun.append(now // self.period * self.period if self.aligned else now)
            self.used.append(0)
        admitted = self.used[-1] < self.limit
        self.used[-1] += admitted
        if not admitted and "outsider" not in query:
            self.refused += 1
        return admitted

    def answer(self, admitted: bool, query: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
        if self.aligned:
            return {}, {}
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.limit - self.used[-1]),
            "X-RateLimit-Reset": str(int(self.begun[-1] + self.period)),
        }, {}

    def truth(self) -> dict[str, float]:
        """Of the windows that are over: % of their quota, and % of the whole time's quota, that was used."""
        over = [n for n, begun in enumerate(self.begun) if begun + self.period <= time.time()]
        if not over:
            return {"refused": self.refused}
        used = sum(self.used[n] for n in over)
        # A window that follows at once costs no time; what lies between two is time that nobody used.
        begins = [self.begun[n] for n in over] + self.begun[len(over) : len(over) + 1]
        whole = begins[-1] - begins[0] if len(begins) > len(over) else begins[-1] + self.period - begins[0]
        return {
            "refused": self.refused,
            "quota of each window used, %": 100 * used / (self.limit * len(over)),
            "quota of the whole time used, %": 100 * used / (self.limit * whole / self.period),
        }


@dataclass
class Bucket:
    """`maximum` points, `restore` a second: a query is let in by what it asks for, and what it did not use is
    given back with its answer."""

    maximum: float
    restore: float
    level: float = 0.0
    at: float = 0.0
    begun: float = 0.0
    charged: float = 0.0
    refused: int = 0
    calls: int = 0

    def _restore(self) -> None:
        now = time.time()
        if not self.begun:
            self.begun, self.at, self.level = now, now, self.maximum
        self.level = min(self.maximum, self.level + (now - self.at) * self.restore)
        self.at = now

    def arrive(self, query: dict[str, str]) -> bool:
        self._restore()
        self.calls += 1
        admitted = self.level >= float(query["asked"])
        self.level -= float(query["asked"]) if admitted else 0
        self.refused += not admitted
        return admitted

    def answer(self, admitted: bool, query: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
        self._restore()
        if admitted:
            self.level = min(self.maximum, self.level + float(query["asked"]) - float(query["actual"]))
            self.charged += float(query["actual"])
        throttle = {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": math.floor(self.level),
            "restoreRate": self.restore,
        }
        return {}, {
            "actualQueryCost": float(query["actual"]) if admitted else None,
            "throttleStatus": throttle,
        }

    def truth(self) -> dict[str, float]:
        self._restore()
        there = self.maximum + self.restore * (self.at - self.begun)
        return {
            "queries": self.calls,
            "throttled": self.refused,
            "points used, %": 100 * self.charged / there,
            "points left in the bucket, %": 100 * self.level / there,
        }


@dataclass(frozen=True)
class Slowness:
    """Seconds of a whole round trip, between these two."""

    least: float = 0.0
    most: float = 0.0


class Provider:
    """One that runs while the `with` lasts."""

    def __init__(self, rules: Windows | Bucket, slowness: Slowness) -> None:
        ours, theirs = FORK.Pipe()
        self._process = FORK.Process(target=_serve, args=(rules, slowness, theirs.send), daemon=True)
        self._port = ours.recv
        self.port = 0

    def __enter__(self) -> Self:
        self._process.start()
        self.port = self._port()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def truth(self) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/truth", timeout=10) as answer:
            told: dict[str, float] = json.load(answer)
        return told


def _serve(rules: Windows | Bucket, slowness: Slowness, tell: Callable[[int], None]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).decode():
                headers: dict[str, str] = {}
                body: dict[str, Any] = {}
                address = urlsplit(request.split(" ", 2)[1])
                if address.path == "/truth":
                    status, body = 200, rules.truth()
                else:
                    query = dict(parse_qsl(address.query))
                    delay = random.uniform(slowness.least, slowness.most)  # noqa: S311
                    there = delay * random.random()  # noqa: S311
                    if delay:
                        await asyncio.sleep(there)
                    admitted = rules.arrive(query)
                    headers, body = rules.answer(admitted, query)
                    status = 200 if admitted else 429
                    headers["Date"] = formatdate(time.time(), usegmt=True)
                    if delay:
                        await asyncio.sleep(delay - there)
                content = json.dumps(body).encode()
                headers["Content-Length"] = str(len(content))
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                writer.write(f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode() + content)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=256)
        tell(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())
