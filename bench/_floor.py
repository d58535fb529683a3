"""The floor of `latency`: a bare Celery task that makes a bare HTTP POST, and nothing else."""

import os

import requests
from celery import Celery

app = Celery("floor", broker=os.environ.get("REDIS_URL"))
app.conf.update(task_ignore_result=True, task_default_queue="floor", worker_prefetch_multiplier=1)


@app.task(name="floor.post")
def post(url: str, number: int) -> None:
    requests.post(url, json={"number": number}, timeout=5)
