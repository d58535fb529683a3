"""Points at which a test lets a process halt, to kill it there. Nothing happens unless a test asks for it."""

import time
from pathlib import Path

from django.conf import settings

POINTS = ("planned", "leave", "stamped", "sent", "recorded", "looked", "decided")


def reached(point: str) -> None:
    """Halt here, once for all processes, where `TEST_PAUSE_AT` names this point; the file tells who waits."""
    if point != settings.TEST_PAUSE_AT:
        return
    try:
        Path(settings.TEST_PAUSE_FILE).open("x").close()
    except FileExistsError:
        return  # another process was halted here before
    time.sleep(settings.TEST_PAUSE_SECONDS)
