"""Posts in a storm: workers killed every few seconds, Beat and cache too, and a provider that misbehaves.

By environment: `CHAOS_POSTS` (200) on ten channels each, `CHAOS_SEED=1,2,3` (the storms, one after the
other), `CHAOS_SECONDS` (60, the least that one rages), `BENCH_DATABASES=sqlite,postgresql`.
Wanted: lost 0, twice 0.
"""

import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench import Figures, _databases
from tests.chaos.storm import CHANNELS, CLOCKS, Outcome, Storm
from tests.stack import Stack

POSTS = int(os.environ.get("CHAOS_POSTS", "200"))
SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEED", "1").split(",")]
SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))


def measure() -> Figures:
    figures: dict[str, float] = {}
    for database in _databases.names():
        for seed in SEEDS:
            with _databases.on(database):
                outcome = _storm(seed)
            print(f"  {database}, seed {seed}: {outcome}", flush=True)
            figures |= {f"{database}, seed {seed}: {name}": value for name, value in asdict(outcome).items()}
    return figures


def _storm(seed: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "stack", **CLOCKS) as stack:
        stack.more["sandbox"] = ("--delay", "0.3", "--spread", "1", "--accounts", str(CHANNELS))
        stack.up("valkey", "sandbox")
        stack.staff("ann", "Author")
        stack.staff("bob", "Approver")
        return Storm(stack, seed, POSTS).run(SECONDS, SECONDS + 180)
