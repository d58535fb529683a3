"""Connecting, keeping, renewing, losing and pausing Publer's connection, against the sandbox's own server."""

import json
import logging
import pickle
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import redis
import responses
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from integrations import encryption
from integrations.connections import Connection
from integrations.credentials import Credential
from integrations.errors import Held, Refused
from integrations.notices import Notice
from integrations.publer import oauth
from integrations.publer.client import PublerClient
from integrations.redaction import redact
from social import clock
from social.admin import connecting as choosing
from social.models import Channel
from social.publishing import access, connect
from tests.admin.conftest import SignIn
from tests.permission import CLIENT_SECRET, Provider, provider

pytestmark = pytest.mark.django_db
PAGE = "/admin/integrations/connection/"
START, CALLBACK, KEY = f"{PAGE}publer/connect/", f"{PAGE}publer/callback/", f"{PAGE}publer/key/"
RENEW, DISCONNECT, TEST = f"{PAGE}publer/renew/", f"{PAGE}publer/disconnect/", f"{PAGE}publer/test/"
CHOOSE = f"{PAGE}publer/choose/"
PAUSE, RESUME = f"{PAGE}publer/pause/", f"{PAGE}publer/resume/"


@pytest.fixture
def publer(settings: Any) -> Iterator[Provider]:
    with provider(settings) as running:
        yield running


@pytest.fixture
def operator(olga: User, signed_in: SignIn) -> Client:
    return signed_in(olga)


def asked(client: Client, **form: str) -> str:
    answer = client.post(START, form)
    assert answer.status_code == 200
    return str(answer.json()["url"])


def came_back(client: Client, query: dict[str, str]) -> str:
    """The page after the callback; the callback itself has no page."""
    answer = client.get(CALLBACK, query)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    return client.get(PAGE).content.decode()


@pytest.fixture
def connected(publer: Provider, operator: Client) -> Connection:
    page = came_back(operator, publer.allow(asked(operator)))
    assert "Connected to" in page
    return Connection.objects.get(connected=True)


# ------------------------------------------------------------------------------------------- the way there
def test_connecting_keeps_the_permission_and_reads_the_accounts(connected: Connection) -> None:
    assert connected.channels.filter(active=True).count() > 3
    assert connected.connected_at is not None
    assert connect.current() == connected
    assert connect.client(connected.workspace).accounts()


def test_a_refusal_of_the_former_permission_meanwhile_keeps_nobody_from_connecting(
    publer: Provider, operator: Client, connected: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks, refusals = PublerClient.workspaces, iter(["Publer refused the key 3 times in a row"])

    def meanwhile(client: PublerClient, *arguments: Any) -> Any:
        answer = asks(client, *arguments)
        for reason in refusals:  # by a worker, between two calls of the operator
            connect.limiter().pause(30, reason)
        return answer

    monkeypatch.setattr(PublerClient, "workspaces", meanwhile)

    assert "Connected to" in operator.post(KEY, {"key": "k" * 30}, follow=True).content.decode()


def test_the_way_there_is_given_as_json_and_never_by_get(publer: Provider, operator: Client) -> None:
    assert operator.get(START).status_code == 405
    assert asked(operator).startswith(f"{publer.sandbox.url}/oauth/authorize?")


def test_the_way_there_is_not_given_without_the_token_against_forgery(publer: Provider, olga: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)
    assert client.post(START).status_code == 403


@pytest.mark.parametrize("address", [START, CHOOSE, KEY, RENEW, DISCONNECT, TEST, PAUSE, RESUME])
def test_an_approver_connects_nothing(address: str, publer: Provider, bob: User, signed_in: SignIn) -> None:
    assert signed_in(bob).post(address, {"key": "k", "reason": "r"}).status_code == 403
    assert not Credential.objects.exists()


def test_a_state_of_somebody_elses_question_is_refused_in_words(
    publer: Provider, operator: Client, rita: User, signed_in: SignIn
) -> None:
    stolen = publer.allow(asked(signed_in(rita)))
    asked(operator)
    assert "belongs to another question" in came_back(operator, stolen)
    assert not Credential.objects.exists()


def test_an_answer_that_nobody_asked_for_is_refused_in_words(publer: Provider, operator: Client) -> None:
    assert "was not asked for here" in came_back(operator, {"code": "c" * 20, "state": "s" * 20})


def test_an_answer_counts_once(publer: Provider, operator: Client) -> None:
    query = publer.allow(asked(operator))
    came_back(operator, query)
    assert "was not asked for here" in came_back(operator, query)
    assert publer.pairs() == 1


def test_a_code_that_was_used_elsewhere_is_refused_in_words(publer: Provider, operator: Client) -> None:
    query = publer.allow(asked(operator))
    with pytest.raises(Refused):
        oauth.exchange(query["code"], "v" * 60, "http://testserver/")
    assert "did not accept its own answer" in came_back(operator, query)


def test_a_wrong_verifier_is_refused_in_words(publer: Provider, operator: Client) -> None:
    query = publer.allow(asked(operator))
    session = operator.session
    session["publer_authorization"] |= {"verifier": encryption.encrypt("w" * 64)}
    session.save()
    assert "did not accept its own answer" in came_back(operator, query)
    assert not Credential.objects.exists()


def test_refusing_over_there_changes_nothing_here(publer: Provider, operator: Client) -> None:
    assert "Refused at Publer" in came_back(operator, publer.allow(asked(operator), "refuse"))
    assert not Credential.objects.exists()


def test_an_answer_that_took_too_long_is_refused(publer: Provider, operator: Client) -> None:
    query = publer.allow(asked(operator))
    session = operator.session
    session["publer_authorization"] |= {"at": session["publer_authorization"]["at"] - 601}
    session.save()
    assert "longer than" in came_back(operator, query)


def test_nobody_signed_out_is_sent_to_sign_in_with_the_code_in_the_way_back(publer: Provider) -> None:
    answer = Client().get(CALLBACK, {"code": "planted-code", "state": "s"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/")


def test_the_environments_key_comes_first(connected: Connection, operator: Client, settings: Any) -> None:
    settings.PUBLER_API_KEY = "from-the-environment"
    assert access.access().secret == "from-the-environment"
    assert operator.post(START).status_code == 409
    page = operator.get(PAGE).content.decode()
    assert "The key is from the environment" in page
    assert "data-hd-connect" not in page
    settings.PUBLER_API_KEY = ""
    assert access.access().scheme == "Bearer"


def test_a_key_is_not_sent_to_another_address_than_it_was_kept_for(
    connected: Connection, settings: Any
) -> None:
    settings.PUBLER_BASE_URL = "http://elsewhere.example/api/v1"
    with pytest.raises(Refused, match="not connected"):
        access.access()
    assert connect.current() is None


# ------------------------------------------------------------------------------------- several workspaces
@pytest.fixture
def several(settings: Any) -> Iterator[Provider]:
    with provider(settings, further_workspaces=2) as running:
        yield running


def asked_which(client: Client, query: dict[str, str]) -> list[choosing.Row]:
    answer = client.get(CALLBACK, query)
    assert (answer.status_code, answer["Location"]) == (302, CHOOSE)
    return list(client.get(CHOOSE).context["rows"])


def test_a_permission_that_sees_several_workspaces_asks_which_before_anything_is_kept(
    several: Provider, operator: Client
) -> None:
    rows = asked_which(operator, several.allow(asked(operator)))
    assert [row.name for row in rows] == ["Kiln & Linen", "Kiln & Linen 2", "Kiln & Linen 3"]
    assert not any(row.on or row.before for row in rows)
    assert not Credential.objects.exists()
    assert not Connection.objects.filter(connected=True).exists()

    page = operator.post(CHOOSE, {"workspace": rows[1].id}, follow=True).content.decode()

    assert "Connected to Kiln &amp; Linen 2: 0 accounts." in page
    assert Connection.objects.get(connected=True).workspace == rows[1].id
    assert access.access().secret in several.tokens()
    assert "No accounts yet." in page
    assert operator.get(CHOOSE).status_code == 302  # it was used


def test_a_key_that_sees_several_workspaces_asks_which(several: Provider, operator: Client) -> None:
    answer = operator.post(KEY, {"key": "planted-key-90d2"})
    assert (answer.status_code, answer["Location"]) == (302, CHOOSE)
    assert not Credential.objects.exists()
    rows = operator.get(CHOOSE).context["rows"]
    operator.post(CHOOSE, {"workspace": rows[0].id})
    assert Credential.objects.get().open_secret() == "planted-key-90d2"
    assert connect.client(rows[0].id).accounts()


def test_what_waits_for_the_choice_is_encrypted_and_ends_by_itself(
    several: Provider, operator: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked_which(operator, several.allow(asked(operator)))
    store = redis.Redis.from_url(django_settings.REDIS_URL)
    kept = list(store.scan_iter("*publer-choice-*"))
    assert len(kept) == 1
    assert 0 < store.ttl(kept[0]) <= 600
    in_store = store.get(kept[0])
    assert isinstance(in_store, bytes)
    seen = dump() + pickle.loads(in_store) + operator.get(CHOOSE).content.decode() + redact(caplog.text)
    for secret in several.tokens():
        assert secret not in seen
        assert secret not in str(dict(operator.session))
    store.delete(kept[0])
    page = operator.post(CHOOSE, {"workspace": "x"}, follow=True).content.decode()
    assert "is kept for 10 min, no longer" in page
    assert not Credential.objects.exists()


def test_a_choice_is_made_by_who_was_asked(
    several: Provider, operator: Client, rita: User, signed_in: SignIn
) -> None:
    rows = asked_which(operator, several.allow(asked(operator)))
    other = signed_in(rita)
    session = other.session
    session.update({"publer_choice": operator.session["publer_choice"]})
    session.save()
    assert other.post(CHOOSE, {"workspace": rows[0].id})["Location"] == PAGE
    assert not Credential.objects.exists()


def test_only_what_it_sees_can_be_chosen_and_what_went_wrong_can_be_tried_again(
    several: Provider, operator: Client
) -> None:
    rows = asked_which(operator, several.allow(asked(operator)))
    for wanted in ({}, {"workspace": "somebody-elses"}):
        answer = operator.post(CHOOSE, wanted)
        assert answer.status_code == 422
        assert "Choose one of these." in answer.content.decode()
    several.sandbox.faults.replace({"any": "html", "count": 1})
    answer = operator.post(CHOOSE, {"workspace": rows[0].id})
    assert answer.status_code == 422
    assert "Not connected." in answer.content.decode()
    assert not Credential.objects.exists()
    assert [row.on for row in answer.context["rows"]] == [True, False, False]
    operator.post(CHOOSE, {"workspace": rows[0].id})
    assert Credential.objects.get().connection.workspace == rows[0].id


def test_leaving_it_takes_back_what_was_allowed(several: Provider, operator: Client) -> None:
    asked_which(operator, several.allow(asked(operator)))
    token = several.tokens()[0]
    assert several.sandbox.permissions.lets_in(token)
    page = operator.post(CHOOSE, {"leave": "1"}, follow=True).content.decode()
    assert "Nothing was changed." in page
    assert not several.sandbox.permissions.lets_in(token)
    assert operator.get(CHOOSE).status_code == 302


def test_time_spent_choosing_is_not_added_to_the_permissions_life(
    several: Provider, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = clock.now()
    monkeypatch.setattr(clock, "now", lambda: began)
    rows = asked_which(operator, several.allow(asked(operator)))
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(minutes=9))
    operator.post(CHOOSE, {"workspace": rows[0].id})
    assert Credential.objects.get().expires_at == began + timedelta(hours=1)


def test_who_connects_again_is_asked_again_and_the_last_one_comes_first(
    several: Provider, operator: Client, settings: Any
) -> None:
    last = asked_which(operator, several.allow(asked(operator)))[2]
    operator.post(CHOOSE, {"workspace": last.id})
    rows = asked_which(operator, several.allow(asked(operator)))
    assert (rows[0].id, rows[0].before, rows[0].on) == (last.id, True, True)
    settings.PUBLER_WORKSPACE_ID = rows[1].id  # named once and for all: nobody is asked
    assert "Connected to" in came_back(operator, several.allow(asked(operator)))


# --------------------------------------------------------------------------------------------------- a key
def test_a_key_does_the_same_job(publer: Provider, operator: Client) -> None:
    page = operator.post(KEY, {"key": "planted-key-90d2"}, follow=True).content.decode()
    assert "Connected to" in page
    assert connect.client("").workspaces()
    assert Credential.objects.get().open_secret() == "planted-key-90d2"
    for shown in (page, operator.get(KEY).content.decode(), operator.get("/admin/").content.decode()):
        assert "planted-key-90d2" not in shown


def test_a_key_that_is_refused_is_not_kept_and_not_shown_again(settings: Any, operator: Client) -> None:
    with provider(settings, api_key="the-right-one"):
        answer = operator.post(KEY, {"key": "planted-wrong-key"})
    assert answer.status_code == 422
    assert "Not connected." in answer.content.decode()
    assert "planted-wrong-key" not in answer.content.decode()
    assert not Credential.objects.exists()
    assert not Connection.objects.filter(connected=True).exists()


def test_replacing_keeps_the_connection_its_accounts_and_their_ids(
    connected: Connection, publer: Provider, operator: Client
) -> None:
    before = set(Channel.objects.values_list("pk", "account_id"))
    operator.post(KEY, {"key": "planted-key-90d2"})
    assert Connection.objects.get(connected=True) == connected
    assert set(Channel.objects.values_list("pk", "account_id")) == before
    assert Credential.objects.get().kind == "key"


def test_an_account_that_vanished_is_marked_and_found_again(
    connected: Connection, publer: Provider, operator: Client
) -> None:
    accounts = publer.sandbox.api.accounts
    gone = Channel.objects.get(network="twitter")
    taken = accounts.pop(gone.account_id)
    operator.post(TEST)
    gone.refresh_from_db()
    assert not gone.active
    assert "No longer listed" in operator.get(PAGE).content.decode()
    accounts[taken.id] = taken
    operator.post(TEST)
    gone.refresh_from_db()
    assert gone.active


# ------------------------------------------------------------------------------------------------- renewal
def due(**more: Any) -> None:
    Credential.objects.update(renew_at=timezone.now() - timedelta(seconds=1), **more)


def test_a_permission_is_renewed_before_its_end(connected: Connection, publer: Provider) -> None:
    row = Credential.objects.get()
    assert row.renew_at is not None
    assert row.expires_at is not None
    assert row.renew_at < row.expires_at
    old = access.access().secret
    due()
    new = access.access().secret
    assert new != old
    assert publer.sandbox.permissions.lets_in(new)
    assert access.access().secret == new
    assert publer.pairs() == 2


def test_while_one_process_renews_the_others_go_on_with_the_old_one(connected: Connection) -> None:
    old = access.access().secret
    due(renewing_until=timezone.now() + timedelta(seconds=30))
    assert access.access().secret == old


def test_past_its_end_the_others_wait_for_the_one_that_renews(connected: Connection) -> None:
    now = timezone.now()
    due(expires_at=now - timedelta(seconds=1), renewing_until=now + timedelta(seconds=30))
    with pytest.raises(Held):
        access.access()


def test_a_process_that_died_while_renewing_is_succeeded(connected: Connection, publer: Provider) -> None:
    due(renewing_until=timezone.now() - timedelta(seconds=1))
    access.access()
    assert publer.pairs() == 2


@pytest.mark.django_db(transaction=True)
def test_many_at_once_renew_once(connected: Connection, publer: Provider) -> None:
    from django.db import connection

    due()
    secrets: list[str] = []
    start = threading.Barrier(6)

    def use() -> None:
        start.wait()
        try:
            secrets.append(access.access().secret)
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert publer.pairs() == 2
    assert len(secrets) == 6
    assert publer.sandbox.permissions.lets_in(access.access().secret)


def test_who_read_the_row_before_it_was_renewed_takes_the_new_one(
    connected: Connection, publer: Provider
) -> None:
    due()
    before = access.stored()
    assert before is not None
    new = access.access().secret
    assert access.renewed(before, timezone.now()).open_secret() == new
    assert publer.pairs() == 2


def test_a_server_that_is_away_costs_nothing_while_the_permission_holds(
    connected: Connection, settings: Any, nowhere: str
) -> None:
    old = access.access().secret
    settings.PUBLER_OAUTH_TOKEN_URL = f"http://{nowhere}/oauth/token"
    due()
    assert access.access().secret == old
    row = Credential.objects.get()
    assert row.renewing_until is not None
    assert row.renewing_until > timezone.now()  # not asked again by every call


def test_what_was_taken_back_over_there_is_noticed_forgotten_and_told_once(
    connected: Connection, publer: Provider, operator: Client
) -> None:
    publer.sandbox.permissions.revoke_all()
    for _ in range(4):
        connect.sync_or_tell()
    row = Credential.objects.get()
    assert (row.secret, row.renewal) == ("", "")
    assert row.ended_at is not None
    assert Notice.objects.filter(kind="refused", over_at=None).count() == 1
    home = operator.get("/admin/").content.decode()
    assert "Publer took back its permission." in home
    assert "Tried again" not in home
    page = operator.get(PAGE).content.decode()
    assert "Taken back" in page
    assert "Connect again" in page
    came_back(operator, publer.allow(asked(operator)))
    assert not Notice.objects.filter(over_at=None).exists()
    assert "Publishing waits." not in operator.get("/admin/").content.decode()


def test_an_end_that_is_near_is_told_once_and_shown_to_operators_alone(
    connected: Connection, operator: Client, ann: User, signed_in: SignIn
) -> None:
    Credential.objects.update(ends_at=timezone.now() + timedelta(days=3))
    for _ in range(3):
        connect.sync_channels()
    assert Notice.objects.filter(kind="ending").count() == 1
    assert "Ends in 3 days" in operator.get(PAGE).content.decode()
    assert "The connection to Publer" in operator.get("/admin/").content.decode()
    assert "The connection to Publer" not in signed_in(ann).get("/admin/").content.decode()


def test_renew_asks_for_a_new_one_now(connected: Connection, publer: Provider, operator: Client) -> None:
    assert "Renewed: holds until" in operator.post(RENEW, follow=True).content.decode()
    assert publer.pairs() == 2


def test_renew_tells_in_words_that_nothing_came_of_it(
    connected: Connection, operator: Client, settings: Any, nowhere: str
) -> None:
    settings.PUBLER_OAUTH_TOKEN_URL = f"http://{nowhere}/oauth/token"
    page = operator.post(RENEW, follow=True).content.decode()
    assert "Not renewed." in page
    assert "still holds" in page


# --------------------------------------------------------------------------------------------- disconnecting
def test_disconnecting_asks_first_then_takes_back_and_forgets(
    connected: Connection, publer: Provider, operator: Client
) -> None:
    token = access.access().secret
    assert "Disconnect Publer?" in operator.get(DISCONNECT).content.decode()
    assert Credential.objects.exists()
    page = operator.post(DISCONNECT, follow=True).content.decode()
    assert "the permission is taken back there" in page
    assert not publer.sandbox.permissions.lets_in(token)
    assert not Credential.objects.exists()
    assert Channel.objects.filter(connection=connected).count() > 3
    assert connect.current() is None
    assert "Publer is not connected" in operator.get("/admin/").content.decode()


def test_a_renewal_under_way_does_not_bring_back_what_was_disconnected(
    connected: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = oauth.renew

    def meanwhile(renewal: str) -> oauth.Grant:
        grant = renew(renewal)
        connect.disconnect()
        return grant

    monkeypatch.setattr(oauth, "renew", meanwhile)
    due()
    with pytest.raises(Refused, match="disconnected"):
        access.access()
    assert not Credential.objects.exists()


# --------------------------------------------------------------------------------------------------- pausing
def test_a_persons_pause_holds_every_call_and_is_told_everywhere(
    connected: Connection, publer: Provider, operator: Client, ann: User, signed_in: SignIn
) -> None:
    assert operator.post(PAUSE, {"reason": ""}).status_code == 422
    operator.post(PAUSE, {"reason": "Publer moves house"})
    before = publer.sandbox.calls.total()
    with pytest.raises(Held):
        connect.client(connected.workspace).accounts()
    connect.limiter().resume()  # as an emptied cache would
    with pytest.raises(Held):
        connect.client(connected.workspace).accounts()
    operator.post(TEST)
    assert publer.sandbox.calls.total() == before
    for client in (operator, signed_in(ann)):
        home = client.get("/admin/").content.decode()
        assert "Publer moves house" in home
        assert "Olga" in home
    told = signed_in(ann).get("/api/v1/dashboard").json()
    assert "Publer moves house" in told["stopped_by"]
    assert "Publer moves house" in told["limits"]["publer"]["reason"]
    operator.post(RESUME)
    assert connect.client(connected.workspace).accounts()


@responses.activate
def test_refused_again_and_again_it_pauses_by_itself_and_goes_on_by_itself(
    connection: Connection, operator: Client, settings: Any
) -> None:
    Connection.objects.update(synced_at=timezone.now())
    refused = responses.get(f"{settings.PUBLER_BASE_URL}/workspaces", status=401, json={"errors": ["No"]})
    settings.RETRY_BASE_SECONDS = 3600.0
    for _ in range(3):
        connect.sync_or_tell()
    state = connect.limiter().state()
    assert state.paused_until is not None
    assert "3 times in a row" in state.reason
    assert connect.sync_or_tell() is None
    assert refused.call_count == 3
    page = operator.get(PAGE).content.decode()
    assert "Refuses the key, paused" in page
    assert Notice.objects.count() == 1
    operator.post(TEST)  # a person may ask at once
    assert refused.call_count == 4
    connect.limiter().resume()


# --------------------------------------------------------------------------------------------------- secrets
def test_nothing_planted_is_found_in_database_pages_logs_or_reprs(
    publer: Provider, operator: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "hotdash")
    query = publer.allow(asked(operator))
    verifier = encryption.decrypt(operator.session["publer_authorization"]["verifier"])
    dumps = [dump()]  # while the question is open
    pages = [came_back(operator, query)]
    due()
    access.access()
    pages += [operator.get(path).content.decode() for path in (PAGE, "/admin/", KEY)]
    dumps.append(dump())
    row = Credential.objects.get()
    seen = "\n".join([*pages, *dumps, repr(row), str(row), repr(access.access()), repr(connect.client("x"))])
    logged = redact(caplog.text)
    for secret in (query["code"], query["state"], verifier, CLIENT_SECRET, *publer.tokens()):
        assert secret not in seen
        assert secret not in logged
    assert row.secret in seen  # it is there, encrypted


def dump() -> str:
    """The whole database as text, sessions decoded and base64 opened."""
    out = StringIO()
    call_command("dumpdata", stdout=out)
    sessions = [json.dumps(session.get_decoded()) for session in Session.objects.all()]
    return out.getvalue() + "".join(sessions)


def test_keys_are_rotated_and_the_old_one_can_be_taken_away(connected: Connection, settings: Any) -> None:
    old, token = settings.FIELD_ENCRYPTION_KEYS, access.access().secret
    settings.FIELD_ENCRYPTION_KEYS = ["a-new-key-of-some-length", *old]
    assert access.access().secret == token
    out = StringIO()
    call_command("rotate_encryption_keys", stdout=out)
    assert out.getvalue() == "1 credential encrypted under the newest key.\n"
    settings.FIELD_ENCRYPTION_KEYS = ["a-new-key-of-some-length"]
    assert access.access().secret == token
    settings.FIELD_ENCRYPTION_KEYS = ["quite-another-key"]
    with pytest.raises(Refused, match="cannot be opened"):
        access.access()
    with pytest.raises(CommandError):
        call_command("rotate_encryption_keys", stdout=StringIO(), stderr=StringIO())
