"""How long each process takes from its start until it works."""

import tempfile
import time
from pathlib import Path

from bench import Figures
from tests.stack import Stack


def measure() -> Figures:
    figures = {}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "stack") as stack:
        stack.up("valkey", "sandbox")
        for name in ("web", "worker"):
            begun = time.perf_counter()
            stack.start(name)
            figures[f"{name}, s"] = time.perf_counter() - begun
    return figures
