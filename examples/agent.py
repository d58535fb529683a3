"""An agent of about forty lines: proposes a post, and learns from what people made of its last ones.

    HOTDASH_TOKEN=… python examples/agent.py "Moss dinner set" 48

What people replaced in its proposals ("€48" by "€52") it replaces itself from then on, so that nobody has to
correct the same thing twice; where changes are asked for, it answers with a new revision. Who decides reads
on what grounds it proposed.
"""

import os
import sys
import uuid
from typing import Any

import requests

API = os.environ.get("HOTDASH_URL", "http://127.0.0.1:8000").rstrip("/") + "/api/v1/"
http = requests.Session()
http.headers["Authorization"] = f"Bearer {os.environ['HOTDASH_TOKEN']}"


def call(method: str, path: str, **more: Any) -> Any:
    headers = {"Idempotency-Key": uuid.uuid4().hex} if method != "GET" else {}
    answer = http.request(method, API + path, headers=headers, timeout=30, **more)
    if not answer.ok:
        sys.exit(f"{answer.json()['title']}: {answer.json()['detail']}")
    return answer.json()


def feedback() -> list[dict[str, Any]]:
    page, items = call("GET", "feedback"), []
    while True:
        items += page["items"]
        if not page["next_cursor"]:
            return items
        page = call("GET", "feedback", params={"cursor": page["next_cursor"]})


def corrected(text: str, told: list[dict[str, Any]]) -> str:
    """The text as people would have it: each word that they replaced before, replaced again."""
    for field in (field for one in told for field in one["fields"]):
        for before, after in zip(field["diff"], field["diff"][1:], strict=False):
            if (before["kind"], after["kind"]) == ("removed", "added") and before["text"].strip():
                text = text.replace(before["text"], after["text"])
    return text


if __name__ == "__main__":
    name, price = sys.argv[1:]
    told = feedback()
    text = corrected(f"The {name} is back. Each plate is €{price} and made to order.", told)
    for one in told:
        post = f"posts/{one['post']}"
        if one["outcome"] == "changes_asked" and call("GET", post)["status"] == "rejected":
            call("PATCH", post, json={"text": text})
            call("POST", f"{post}/submit")
            print(f"revised {one['post']}: {text}")
            sys.exit()
    account = call("GET", "channels")["items"][0]["id"]
    grounds = {"product": name, "corrections kept": len(told)}
    said = {"text": text, "title": name, "channels": [account], "evidence": grounds, "submit": True}
    print(f"proposed {call('POST', 'posts', json=said)['id']}: {text}")
