"""The agents' pages: who proposes and how it fares, what one agent was told, its quota and its switch."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from social import agents, workflow
from social.models import ApiToken, Approval, Channel, Post
from social.workflow import Actor, Content
from tests.admin.conftest import SignIn
from tests.browsing import NewPage, assert_accessible

pytestmark = pytest.mark.django_db
LIST = "/admin/social/apitoken/"
NewAgent = Callable[..., ApiToken]
Decide = Callable[..., Approval]


def at(name: str, token: ApiToken) -> str:
    return reverse(f"admin:social_apitoken_{name}", args=[token.pk])


@pytest.fixture
def new_agent(ann: User) -> NewAgent:
    """`new_agent("content-agent", quota=20)`"""

    def make(name: str = "content-agent", quota: int | None = None) -> ApiToken:
        token, _ = ApiToken.issue(
            user_id=ann.pk, name=name, scopes=["posts:read"], purpose="Proposes", daily_quota=quota
        )
        return ApiToken.objects.select_related("user").get(pk=token.pk)

    return make


@pytest.fixture
def decide(channel: Channel, bob: User) -> Decide:
    """`decide(token, "approved" | "edited" | "changes" | "rejected", reason)`: about a new proposal."""

    def make(token: ApiToken, how: str, reason: str = "Fact is wrong.") -> Approval:
        actor = Actor(token.user, token)
        post = workflow.create(
            actor,
            Content(text="Each plate is €48.", channels=[channel]),
            title="Moss <set>",
            source=Post.Source.API,
        )
        workflow.submit(post.pk, actor)
        if how in ("changes", "rejected"):
            workflow.reject(post.pk, Actor(bob), reason, changes_asked=how == "changes")
        else:
            if how == "edited":
                workflow.edit(post.pk, Actor(bob), Content(text="Each plate is €52.", channels=[channel]))
            workflow.approve(post.pk, Actor(bob))
        return Approval.objects.select_related("post").latest("pk")

    return make


def said(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


# ---------------------------------------------------------------------------------------------- list
def test_the_list_shows_owner_quota_record_and_last_words(
    new_agent: NewAgent, decide: Decide, olga: User, signed_in: SignIn
) -> None:
    token = new_agent(quota=20)
    for how in ("approved", "edited", "rejected"):
        decide(token, how, "Prices come from <the shop>.")
    page = said(signed_in(olga), LIST)
    assert "<b>3 of 20</b> today" in page
    assert "<b>33 %</b> as it was, of 3" in page
    assert "1 as it was, 1 with edits, 1 rejected" in page
    assert "Prices come from &lt;the shop&gt;." in page
    assert "Ann answers for it" in page


def test_what_an_agent_has_used_up_and_what_it_waits_for_is_said(
    new_agent: NewAgent, channel: Channel, olga: User, signed_in: SignIn
) -> None:
    token = new_agent(quota=1)
    actor = Actor(token.user, token)
    post = workflow.create(actor, Content(text="x", channels=[channel]), source=Post.Source.API)
    assert "used up until" in said(signed_in(olga), LIST)
    ApiToken.objects.update(daily_quota=None)
    workflow.submit(post.pk, actor)
    assert "waits for 1 decision<" in said(signed_in(olga), LIST)


def test_nobody_proposes_yet(olga: User, signed_in: SignIn) -> None:
    page = said(signed_in(olga), LIST)
    assert "No program proposes here." in page
    assert "New agent" in page


def test_the_list_costs_as_many_queries_for_many_agents_as_for_one(
    new_agent: NewAgent, decide: Decide, olga: User, signed_in: SignIn
) -> None:
    client = signed_in(olga)
    decide(new_agent(), "rejected")

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(LIST)
        return len(seen)

    queries()
    before = queries()
    for number in range(4):
        token = new_agent(f"agent-{number}", quota=5)
        decide(token, "edited")
        decide(token, "rejected")
    assert queries() == before


# --------------------------------------------------------------------------------------- one of them
def test_one_agent_shows_what_it_was_told_and_what_it_did_with_it(
    new_agent: NewAgent, decide: Decide, channel: Channel, olga: User, signed_in: SignIn
) -> None:
    token = new_agent()
    decision = decide(token, "changes", "It is €52.")
    client = signed_in(olga)
    assert "Not read by the agent yet." in said(client, at("change", token))
    agents.note_told(token, [decision])
    assert "and not answered yet." in said(client, at("change", token))
    workflow.edit(
        decision.post_id, Actor(token.user, token), Content(text="Each plate is €52.", channels=[channel])
    )
    page = said(client, at("change", token))
    assert "Revision 2 came" in page
    assert "<del>€48.</del> <ins>€52.</ins>" in page
    assert "Changes asked, revision 1" in page
    assert "Moss &lt;set&gt;" in page


def test_what_is_approved_as_it_was_is_no_feedback_to_show(
    new_agent: NewAgent, decide: Decide, olga: User, signed_in: SignIn
) -> None:
    token = new_agent()
    for how in ("approved", "edited", "rejected"):
        decide(token, how)
    client = signed_in(olga)
    assert said(client, at("change", token)).count("<article>") == 2
    assert said(client, at("change", token) + "?show=edited").count("Approved with edits</span>") == 1
    assert said(client, at("change", token) + "?show=rejected").count("<article>") == 1
    assert said(client, at("change", token) + "?show=nonsense&page=99").count("<article>") == 2


def test_one_agent_costs_as_many_queries_for_much_feedback_as_for_little(
    new_agent: NewAgent, decide: Decide, olga: User, signed_in: SignIn
) -> None:
    token, client = new_agent(quota=9), signed_in(olga)
    decide(token, "rejected")

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(at("change", token))
        return len(seen)

    queries()
    before = queries()
    for _ in range(4):
        decide(token, "edited")
    assert queries() == before


# ------------------------------------------------------------------------------------------ the switch
def test_a_stop_needs_words_for_the_agent_but_for_the_switch(
    new_agent: NewAgent, olga: User, signed_in: SignIn
) -> None:
    token, client = new_agent(), signed_in(olga)
    assert client.post(at("stop", token), {"reason": " "}).status_code == 422
    token.refresh_from_db()
    assert token.stopped_at is None
    client.post(at("stop", token), {"reason": "It plans sales we do not hold."})
    token.refresh_from_db()
    assert (token.stopped_by, token.stop_reason) == (olga, "It plans sales we do not hold.")
    assert "It plans sales we do not hold." in said(client, at("change", token))
    client.post(at("start", token))
    token.refresh_from_db()
    assert (token.stopped_at, token.stopped_by, token.stop_reason) == (None, None, "")
    client.post(at("stop", token), {"at_once": "1"})
    token.refresh_from_db()
    assert token.stopped_at is not None
    assert [str(row.get_change_message()) for row in LogEntry.objects.order_by("pk")] == [
        "Stopped. It plans sales we do not hold.",
        "Let go on.",
        "Stopped.",
    ]


def test_the_second_of_two_who_stop_it_changes_nothing(
    new_agent: NewAgent, olga: User, rita: User, signed_in: SignIn
) -> None:
    token = new_agent()
    signed_in(olga).post(at("stop", token), {"reason": "First."})
    signed_in(rita).post(at("stop", token), {"reason": "Second."})
    token.refresh_from_db()
    assert (token.stopped_by, token.stop_reason) == (olga, "First.")


def test_all_are_stopped_at_once(new_agent: NewAgent, olga: User, signed_in: SignIn) -> None:
    first, second, gone = new_agent("a"), new_agent("b"), new_agent("c")
    ApiToken.objects.filter(pk=gone.pk).update(revoked_at=timezone.now())
    client = signed_in(olga)
    client.get(f"{LIST}stop/")
    assert not ApiToken.objects.exclude(stopped_at=None).exists()
    client.post(f"{LIST}stop/", {"reason": "We close for a week."})
    assert set(ApiToken.objects.exclude(stopped_at=None)) == {first, second}


def test_what_is_revoked_never_goes_on(new_agent: NewAgent, olga: User, signed_in: SignIn) -> None:
    token, now = new_agent(), timezone.now()
    ApiToken.objects.update(revoked_at=now, stopped_at=now)
    signed_in(olga).post(at("start", token))
    token.refresh_from_db()
    assert token.stopped_at is not None
    assert token.usable is False


def test_no_get_changes_anything(new_agent: NewAgent, olga: User, signed_in: SignIn) -> None:
    token, client = new_agent(), signed_in(olga)
    for name in ("stop", "edit"):
        assert client.get(at(name, token)).status_code == 200
    assert client.get(at("start", token)).status_code == 405
    token.refresh_from_db()
    assert token.stopped_at is None


@pytest.mark.parametrize("name", ["ann", "bob", "nina"])
def test_only_an_operator_sees_stops_and_edits(
    name: str, new_agent: NewAgent, request: pytest.FixtureRequest, signed_in: SignIn
) -> None:
    token, client = new_agent(), signed_in(request.getfixturevalue(name))
    for address in (LIST, at("change", token), at("edit", token)):
        assert client.get(address).status_code == 403
    for address in (at("stop", token), at("start", token), at("edit", token), f"{LIST}stop/"):
        assert client.post(address, {"reason": "x", "daily_quota": "1"}).status_code == 403
    token.refresh_from_db()
    assert (token.stopped_at, token.daily_quota) == (None, None)


# ------------------------------------------------------------------------------------------------ edit
def test_purpose_quota_instructions_and_notes_are_edited_and_nothing_else(
    new_agent: NewAgent, olga: User, rita: User, signed_in: SignIn
) -> None:
    token, client = new_agent(), signed_in(olga)
    sent: dict[str, Any] = {
        "purpose": "Proposes",
        "daily_quota": "20",
        "instructions": "No hurry.",
        "notes": "New.",
        "name": "other",
        "user": str(rita.pk),
        "scopes": ["posts:publish"],
        "revoked_at": "2020-01-01",
    }
    assert client.post(at("edit", token), sent).status_code == 302
    changed = ApiToken.objects.get()
    assert (changed.daily_quota, changed.instructions, changed.notes) == (20, "No hurry.", "New.")
    assert (changed.name, changed.user, changed.scopes) == (token.name, token.user, token.scopes)
    log = str(LogEntry.objects.get().get_change_message())
    assert log == "Changed daily quota, instructions, notes."


def test_a_wrong_quota_is_named_and_nothing_is_lost(
    new_agent: NewAgent, olga: User, signed_in: SignIn
) -> None:
    answer = signed_in(olga).post(
        at("edit", new_agent()), {"daily_quota": "-1", "instructions": "Keep this line."}
    )
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "greater than or equal to 0" in page
    assert "Keep this line." in page


# --------------------------------------------------------------------------------------------- browser
@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_an_operator_stops_an_agent_and_reads_what_it_was_told(
    new_agent: NewAgent, decide: Decide, rita: User, new_page: NewPage, live_server: Any
) -> None:
    token = new_agent(quota=20)
    for how in ("approved", "edited", "rejected"):
        decide(token, how)
    client = Client()
    client.force_login(rita)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    for theme, width in (("light", 1440), ("dark", 390)):
        page = new_page(color_scheme=theme, viewport={"width": width, "height": 900})
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        for address in (LIST, at("change", token), at("edit", token)):
            page.goto(live_server.url + address)
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(live_server.url + LIST)
    switch = page.get_by_role("switch", name="content-agent may propose")
    expect(switch).to_be_checked()
    switch.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("content-agent is stopped")).to_be_visible()
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    page.get_by_role("link", name="content-agent").click()
    page.get_by_role("link", name="Rejected 1").click()
    expect(page.locator(".hd-heard article")).to_have_count(1)
