"""One process of many that call a provider as fast as the limiter lets them. Run by path; prints what it saw.

Arguments: address, scope, seconds, threads.
"""

import os
import sys
import threading
import time

import requests

from integrations.ratelimit import Priority, Wait, limiter_for


def call_until(moment: float, address: str, scope: str) -> None:
    limiter = limiter_for("publer", scope)
    with requests.Session() as session:
        while (left := moment - time.time()) > 0:
            leave = limiter.acquire(Priority.PERSON)
            if isinstance(leave, Wait):
                time.sleep(min(leave.seconds, left))
                continue
            answer = session.get(address, timeout=5)
            limiter.observe(leave, answer.status_code, answer.headers)


def main() -> None:
    address, scope, seconds, threads = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    moment = time.time() + seconds
    workers = [threading.Thread(target=call_until, args=(moment, address, scope)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    os._exit(0)


main()
