"""Benchmarks: a module each, whose `measure()` returns what was measured, by name and unit.

Each has its own processes and its own data; a running `script/server` is neither used nor disturbed.
"""

from collections.abc import Mapping

Figures = Mapping[str, float]
