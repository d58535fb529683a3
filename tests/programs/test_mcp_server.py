"""The MCP server as an agent starts it, asked by the SDK's own client, before a real HotDash."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters

from social.models.token import SCOPES
from tests.environment import ROOT
from tests.stack import Stack

SERVER = str(ROOT / "hotdash_mcp.py")
TOOLS = {"propose", "revise", "status", "feedback", "channels", "limits"}
DECIDES = """
from django.contrib.auth.models import User
from social import workflow
from social.workflow import Actor
workflow.reject({}, Actor(User.objects.get(username="bob")), "It is €52.", changes_asked=True)
"""
STATES = (
    "from social.models import Approval, Post\n"
    "print(sorted(Post.objects.values_list('status', flat=True)), Approval.objects.count())"
)


@pytest.fixture
def served(new_stack: Callable[..., Stack]) -> Stack:
    stack = new_stack().up("valkey", "sandbox", "web")
    stack.staff("ann", "Author")
    stack.staff("bob", "Approver")
    return stack


def token(stack: Stack, *scopes: str) -> str:
    words = [word for scope in scopes or SCOPES for word in ("--scope", scope)]
    return stack.manage("create_api_token", "--user", "ann", "--name", "content-agent", *words).strip()


def walk(stack: Stack, secret: str, steps: Callable[[Client], Awaitable[Any]]) -> Any:
    """Start the server as an agent would, and let the client take these steps."""
    environment = {"HOTDASH_URL": stack.url, "HOTDASH_TOKEN": secret, "NO_PROXY": "*"}
    parameters = StdioServerParameters(
        command=sys.executable, args=[SERVER], env={**environment, "PATH": os.defpath}, cwd="/"
    )

    async def run() -> Any:
        async with Client(parameters) as client:
            return await steps(client)

    with ThreadPoolExecutor(1) as elsewhere:  # a browser under the same roof has a loop in this thread
        return elsewhere.submit(asyncio.run, asyncio.wait_for(run(), 120)).result()


async def answer(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers; its words where it refuses."""
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        return result.content[0].text  # type: ignore[union-attr]
    return result.structured_content


@pytest.mark.slow
def test_a_client_lists_the_tools_and_walks_through_them_and_none_approves(served: Stack) -> None:
    secret = token(served)

    async def first(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        assert all(tool.annotations and not tool.annotations.destructive_hint for tool in tools)
        limits = await answer(client, "limits")
        assert (limits["agent"]["name"], limits["agent"]["quota"]) == ("content-agent", None)
        assert "publer" in limits["providers"]
        account = (await answer(client, "channels"))["items"][0]["id"]
        said = {"text": "Each plate is €48.", "channels": [account], "key": "plate"}
        post = await answer(client, "propose", **said)
        assert (await answer(client, "propose", **said))["id"] == post["id"]
        assert (post["status"], post["approval"]) == ("pending", None)
        wrong = await answer(client, "propose", text="x", channels=["nobody"])
        assert "channels[0]: No connected account has this id" in wrong
        return post["id"]

    post = walk(served, secret, first)
    served.shell(DECIDES.format(post))

    async def second(client: Client) -> None:
        seen = await answer(client, "status", post_id=post)
        assert (seen["status"], seen["label"]) == ("rejected", "Changes asked")
        told = await answer(client, "feedback")
        assert (told["items"][0]["reason"], told["items"][0]["by"]) == ("It is €52.", "bob")
        assert (await answer(client, "feedback", post_id=post))["items"] == told["items"]
        again = await answer(client, "revise", post_id=post, text="Each plate is €52.")
        assert (again["status"], again["text"]) == ("pending", "Each plate is €52.")
        # Crafted: what is no tool, what is no argument, an id that leads elsewhere, a state of its own.
        for tool, arguments in (
            ("approve", {"post_id": post}),
            ("publish", {"post_id": post}),
            ("call", {"method": "POST", "path": f"posts/{post}/publish"}),
            ("status", {"post_id": f"{post}/publish"}),
            ("status", {"post_id": "../../admin"}),
            ("revise", {"post_id": post, "overrides": {"status": {"text": "approved"}}}),
        ):
            with suppress(MCPError):  # the SDK's own refusal
                result = await client.call_tool(tool, arguments)
                assert result.is_error, (tool, arguments, result)
        for more in ({"status": "approved"}, {"approval": {"decision": "approved"}}):
            result = await client.call_tool("revise", {"post_id": post, "text": "Each plate is €53.", **more})
            if not result.is_error:
                assert result.structured_content["status"] == "pending"

    walk(served, secret, second)
    assert served.shell(STATES) == "['pending'] 1"


@pytest.mark.slow
def test_what_hotdash_refuses_is_told_in_its_words(served: Stack) -> None:
    secret = token(served, "posts:read")

    async def steps(client: Client) -> list[Any]:
        return [
            await answer(client, "limits"),
            await answer(client, "propose", text="x", channels=["a"]),
            await answer(client, "status", post_id=9),
        ]

    limits, proposed, seen = walk(served, secret, steps)
    assert "providers" not in limits
    assert "Scope missing (403): The token “content-agent” lacks the scope posts:write." in proposed
    assert "Not found (404)" in seen
    assert "HOTDASH_TOKEN is not set" in walk(served, "", lambda client: answer(client, "channels"))
    served.kill("web", signal.SIGTERM)
    assert "does not answer" in walk(served, secret, lambda client: answer(client, "channels"))


def test_it_needs_nothing_of_hotdash() -> None:
    """It runs where no HotDash is: from a folder of its own, without Django."""
    code = f"import runpy, sys; runpy.run_path({SERVER!r}); assert 'django' not in sys.modules"
    subprocess.run([sys.executable, "-I", "-c", code], cwd="/", check=True, timeout=60)
