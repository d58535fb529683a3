"""`script/bench [NAME…]`: run the benchmarks, print a table, write `var/bench/NAME.json`."""

import datetime
import importlib
import json
import os
import pkgutil
import platform
import sys

import bench
from bench import Figures
from tests import environment  # what a benchmark sees of the world is what a test sees


def main(names: list[str]) -> int:
    known = [
        module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_")
    ]
    if unknown := set(names) - set(known):
        print(
            f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(known)}", file=sys.stderr
        )
        return 2
    folder = environment.ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or known:
        module = importlib.import_module(f"bench.{name}")
        print(f"{name}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
        figures: Figures = module.measure()
        for figure, value in figures.items():
            print(f"  {figure:<50} {value:>12,.3f}", flush=True)
        (folder / f"{name}.json").write_text(json.dumps(_report(name, figures), indent=2) + "\n")
    return 0


def _report(name: str, figures: Figures) -> dict[str, object]:
    return {
        "benchmark": name,
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "figures": dict(figures),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
