"""A process is gone: the pages, home and /readyz say so in words, once, until it is back."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.chaos.people import Person
from tests.stack import Stack

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.slow,
    pytest.mark.skipif(
        "LONG_CHAOS" not in os.environ,
        reason="takes minutes and a quiet machine: LONG_CHAOS=1 script/test tests/chaos",
    ),
]

QUEUE = "/admin/social/post/queue/"
WITHIN = 40
"""Seconds: three signs of life missed, and a reader who looks."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Person]]:
    with Stack(tmp_path_factory.mktemp("silence") / "stack") as stack:
        stack.up()
        yield stack, Person(stack, "olga", "Operator")


def ready(stack: Stack) -> tuple[int, Any]:
    """What /readyz answers; nobody signs in for it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{stack.url}/readyz", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def told(stack: Stack, about: str) -> int:
    """How often the log says that operators were told of it."""
    lines = "\n".join(stack.logs().values()).splitlines()
    return sum("operators told" in line and f"about={about} kind=silent" in line for line in lines)


def _says(person: Person, page: str, words: str) -> bool:
    return words in person.reads(page)


@pytest.mark.parametrize(
    ("name", "words"),
    [("beat", "Beat shows no sign of life"), ("worker", "no worker shows a sign of life")],
)
def test_a_process_that_is_killed_is_told_everywhere_and_over_when_it_is_back(
    running: tuple[Stack, Person], name: str, words: str
) -> None:
    stack, olga = running
    stack.wait_until(lambda: ready(stack)[0] == 200, 60, "everything works")
    assert words not in olga.reads("/admin/")
    stack.kill(name)
    for page in ("/admin/", QUEUE, "/admin/social/post/"):
        stack.wait_until(partial(_says, olga, page, words), WITHIN, f"{page} says it")
    status, said = ready(stack)
    assert (status, said["ok"], said[name]["ok"]) == (503, False, False)
    assert "no sign of life" in said[name]["words"]
    page = olga.reads(QUEUE)
    assert "Silence since" in page
    assert "Nothing is lost, and nothing goes twice." in page
    assert urllib.request.urlopen(f"{stack.url}/healthz", timeout=10).status == 200
    stack.start(name)
    stack.wait_until(lambda: ready(stack)[0] == 200, WITHIN, "it is over")
    stack.wait_until(lambda: words not in olga.reads(QUEUE), WITHIN, "the page says so")
    code = (
        "from integrations.notices import Notice\n"
        f"print(*[notice.over_at is not None for notice in Notice.objects.filter(about={name!r})])"
    )
    assert stack.shell(code) == "True"
    assert told(stack, name) == 1


def test_a_switched_off_dispatch_is_told_though_every_process_lives(
    running: tuple[Stack, Person],
) -> None:
    stack, olga = running
    stack.wait_until(lambda: ready(stack)[0] == 200, 60, "everything works")
    switch = (
        "from django_celery_beat.models import PeriodicTask, PeriodicTasks\n"
        "PeriodicTask.objects.filter(name='dispatch').update(enabled={})\n"
        "PeriodicTasks.update_changed()"
    )
    stack.shell(switch.format(False))
    stack.wait_until(lambda: "“dispatch” is switched off" in olga.reads(QUEUE), WITHIN, "the page says it")
    status, said = ready(stack)
    assert (status, said["beat"]["ok"], said["worker"]["ok"]) == (503, True, True)
    assert "“dispatch” is switched off" in said["alarms"]["words"]
    stack.shell(switch.format(True))
    stack.wait_until(lambda: ready(stack)[0] == 200, WITHIN, "it is over")
