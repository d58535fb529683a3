"""The Celery application. Its tasks carry no work: each only says "look now"."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, task_success, worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hotdash.settings")

app = Celery("hotdash")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logs(**_: Any) -> None:
    """Connected, so that Celery leaves the handlers of `hotdash.logs` in place."""


@beat_init.connect
def _write_intervals(**_: Any) -> None:
    """What the environment sets, Beat's entries say; what it leaves alone stays as edited in the admin."""
    from social.publishing.schedule import write_intervals

    write_intervals()


@worker_ready.connect
def _begin(sender: Any, **_: Any) -> None:
    """A worker tells that it lives, and looks at once: it may have been away for long."""
    from social import tasks
    from social.publishing import heartbeat

    heartbeat.worker_is_alive()
    sender.timer.call_repeatedly(heartbeat.EVERY, heartbeat.worker_is_alive)
    tasks.sync_channels.delay()
    tasks.dispatch.delay()
    tasks.read_shop.delay()
    tasks.read_inbox.delay()


@worker_shutdown.connect
def _end(**_: Any) -> None:
    """A worker that was asked to stop is not missed."""
    from social.publishing import heartbeat

    heartbeat.worker_ends()


@task_success.connect
def _ran_through(sender: Any, **_: Any) -> None:
    """What Beat asked for was done: the watch looks for it."""
    from social.publishing import heartbeat

    if sender.name.startswith("social."):
        heartbeat.task_ran(sender.name)
