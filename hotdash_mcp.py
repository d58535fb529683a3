# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3,<3", "requests"]
# ///
"""HotDash for agents, as an MCP server over stdio: propose, revise, read feedback. Nothing here approves.

It runs where the agent runs, by itself (`uv run hotdash_mcp.py`, or `pip install "mcp>=2.3,<3" requests` and
`python hotdash_mcp.py`), and speaks to the REST API with the agent's own token:

    HOTDASH_URL    where HotDash is, http://127.0.0.1:8000 where it is not set
    HOTDASH_TOKEN  the token, with the scopes posts:read and posts:write (and dashboard:read for all limits)
"""

import os
import sys
import uuid
from typing import Annotated, Any

try:
    import requests
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations
except ModuleNotFoundError as missing:
    sys.exit(f'{missing.name} is not installed: pip install "mcp>=2.3,<3" requests')
from pydantic import Field

TRIES = 3
PATIENCE = 60
"""Seconds for one answer: HotDash fetches the pictures of a proposal before it answers."""
READS = ToolAnnotations(read_only_hint=True)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False)

server = MCPServer(
    "hotdash",
    instructions=(
        "Proposes social posts to a shop's staff. A person approves, edits or rejects each; you never do. "
        "Call limits first: it holds your standing instructions and what is left of your quota. After a "
        "proposal, read feedback: it says what a person changed and why. Keep to that in the next one. Where "
        "changes are asked for, answer with revise."
    ),
)

PostId = Annotated[int, Field(ge=1, description="id of the post, as propose gave it")]
Channels = Annotated[list[str], Field(description="ids of the accounts, as channels lists them")]
Moment = Annotated[str, Field(description="RFC 3339 with an offset: 2026-11-24T12:00:00+01:00")]
Media = Annotated[list[dict[str, str]], Field(description='[{"url": "https://…", "alt_text": "…"}]')]
Overrides = Annotated[
    dict[str, dict[str, str]], Field(description='other words for a network: {"twitter": {"text": "…"}}')
]


@server.tool(annotations=WRITES)
def propose(
    text: str,
    channels: Channels,
    title: Annotated[str, Field(description="the staff's name for it, never public")] = "",
    link: str | None = None,
    scheduled_at: Moment | None = None,
    media: Media | None = None,
    overrides: Overrides | None = None,
    evidence: Annotated[
        dict[str, Any] | None, Field(description="on what grounds: the person who decides reads it")
    ] = None,
    submit: Annotated[bool, Field(description="ask for approval at once; else it stays a draft")] = True,
    key: Annotated[str, Field(description="one a proposal: called again with it, nothing is doubled")] = "",
) -> dict[str, Any]:
    """Propose a post. A person decides about it; answers with the post and what it waits for."""
    said = {
        "text": text,
        "channels": channels,
        "title": title,
        "link": link,
        "scheduled_at": scheduled_at,
        "media": media or [],
        "overrides": overrides or {},
        "evidence": evidence or {},
        "submit": submit,
    }
    return call("POST", "posts", said, {"Idempotency-Key": key or uuid.uuid4().hex})


@server.tool(annotations=WRITES)
def revise(
    post_id: PostId,
    text: str | None = None,
    channels: Channels | None = None,
    title: str | None = None,
    link: str | None = None,
    scheduled_at: Moment | None = None,
    media: Media | None = None,
    overrides: Overrides | None = None,
    submit: Annotated[bool, Field(description="ask for approval again at once")] = True,
) -> dict[str, Any]:
    """Change a proposal that nobody has approved, for example after changes were asked for. What is not named
    stays. Refused where somebody changed it meanwhile: read status, then revise that."""
    fields = {
        "text": text,
        "channels": channels,
        "title": title,
        "link": link,
        "scheduled_at": scheduled_at,
        "media": media,
        "overrides": overrides,
    }
    said = {name: value for name, value in fields.items() if value is not None}
    answer = ask("GET", f"posts/{post_id}")
    headers = {"If-Match": answer.headers["ETag"], "Idempotency-Key": uuid.uuid4().hex}
    post = call("PATCH", f"posts/{post_id}", said, headers)
    if submit:
        post = call("POST", f"posts/{post_id}/submit", None, {"Idempotency-Key": uuid.uuid4().hex})
    return post


@server.tool(annotations=READS)
def status(post_id: PostId) -> dict[str, Any]:
    """One post: its content, what was decided, where it is on each channel, and what it waits for."""
    return call("GET", f"posts/{post_id}")


@server.tool(annotations=READS)
def feedback(
    post_id: PostId | None = None,
    since: Annotated[str | None, Field(description="a day or a moment; of all your proposals")] = None,
    cursor: Annotated[str | None, Field(description="next_cursor of the page before")] = None,
) -> dict[str, Any]:
    """What people decided about your proposals: what you wrote, what they made of it word by word, and why.
    Oldest first; of one post where `post_id` is given."""
    if post_id is not None:
        return call("GET", f"posts/{post_id}/feedback")
    return call("GET", "feedback", query={"since": since, "cursor": cursor})


@server.tool(annotations=READS)
def channels() -> dict[str, Any]:
    """The shop's accounts, whose ids a proposal names."""
    return call("GET", "channels")


@server.tool(annotations=READS)
def limits() -> dict[str, Any]:
    """Your standing instructions, what is left of your quota today, and of each provider's limit."""
    found: dict[str, Any] = {"agent": call("GET", "agent")}
    if "dashboard:read" in found["agent"]["scopes"]:
        found["providers"] = call("GET", "rate-limits")
    return found


# ------------------------------------------------------------------------------------------ the call
def call(
    method: str,
    path: str,
    said: Any = None,
    headers: dict[str, str] | None = None,
    query: dict[str, str | None] | None = None,
) -> dict[str, Any]:
    """What the API answers. Raises `ToolError` with its words where it refuses."""
    answer: dict[str, Any] = ask(method, path, said, headers, query).json()
    return answer


def ask(
    method: str,
    path: str,
    said: Any = None,
    headers: dict[str, str] | None = None,
    query: dict[str, str | None] | None = None,
) -> requests.Response:
    """As `call`, with the headers. Tried again where no answer came: by its key a write is done once."""
    url = os.environ.get("HOTDASH_URL", "http://127.0.0.1:8000").rstrip("/")
    token = os.environ.get("HOTDASH_TOKEN", "")
    if not token:
        raise ToolError("HOTDASH_TOKEN is not set: an operator issues a token under Agents.")
    for left in reversed(range(TRIES)):
        try:
            answer = requests.request(
                method,
                f"{url}/api/v1/{path}",
                json=said,
                params=query,
                headers={"Authorization": f"Bearer {token}", **(headers or {})},
                timeout=PATIENCE,
                allow_redirects=False,
            )
            break
        except (requests.ConnectionError, requests.Timeout):
            if not left:
                raise ToolError(f"HotDash does not answer at {url}. Nothing is lost; try again.") from None
    if not 200 <= answer.status_code < 300:
        raise ToolError(_refusal(answer))
    return answer


def _refusal(answer: requests.Response) -> str:
    try:
        problem = answer.json()
        lines = [f"{problem['title']} ({answer.status_code}): {problem['detail']}"]
    except (ValueError, KeyError, TypeError):
        return f"HotDash answered with {answer.status_code}."
    lines += [f"{field}: {' '.join(rules)}" for field, rules in problem.get("errors", {}).items()]
    if "Retry-After" in answer.headers:
        lines.append(f"Try again in {answer.headers['Retry-After']} s.")
    return "\n".join(lines)


if __name__ == "__main__":
    server.run("stdio")
