"""What tests tell the small stand-in servers."""

from typing import Any

import requests

from integrations.standin import StandIn


def fault(sandbox: StandIn, **wanted: Any) -> None:
    """Let it misbehave like this from now on: `fault(sandbox, any="html", count=1)`; nothing: well again."""
    requests.post(f"{sandbox.url}/sandbox/faults", json=wanted, timeout=5).raise_for_status()
