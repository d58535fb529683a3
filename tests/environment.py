"""What a test run may see of the world: `DATABASE_URL` and `REDIS_URL`, nothing else that HotDash reads.

Imported before the settings. Without `REDIS_URL` this process (each of xdist's, too) has an embedded Valkey
of its own, so that tests never meet a running `script/server` nor each other.
"""

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from script.embedded import NoValkey, Valkey

ROOT = Path(__file__).resolve().parent.parent

# A developer's settings, a real provider's key above all, must not reach a test.
SERVERS = {"DATABASE_URL", "REDIS_URL"}
NAMES = set(re.findall(r"^#?\s*([A-Z][A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def isolate() -> None:
    """Leave only `SERVERS` of what HotDash reads from the environment; no `.env`."""
    for name in NAMES - SERVERS:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ["ENV_FILE"] = os.devnull
    os.environ["DEBUG"] = "on"
    os.environ["PUBLER_BASE_URL"] = "http://publer.invalid/api/v1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hotdash.settings")


def start_valkey() -> None:
    """Give this process a Valkey of its own; stopped and removed at its end."""
    (ROOT / "var").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-valkey-", dir=ROOT / "var"))
    valkey = Valkey(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(valkey.stop)
    try:
        valkey.start()
    except NoValkey as error:
        raise SystemExit(str(error)) from None
    os.environ["REDIS_URL"] = valkey.url
    os.environ["EMBEDDED_FOR"] = str(os.getpid())


def take_a_database() -> None:
    """Give each of xdist's processes a database of its own on the Redis server: the number given, and on."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = urlsplit(os.environ["REDIS_URL"])
    number = int(url.path.strip("/") or 0) + process
    os.environ["REDIS_URL"] = urlunsplit(url._replace(path=f"/{number}"))


isolate()
# xdist's processes inherit the controller's address; that one is not theirs.
if "REDIS_URL" not in os.environ or "EMBEDDED_FOR" in os.environ:
    start_valkey()
elif "PYTEST_XDIST_WORKER" in os.environ:
    take_a_database()
