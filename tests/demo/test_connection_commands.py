"""`sync_channels` and `check_connections`, with the provider faked at the border."""

from io import StringIO

import pytest
import responses
from django.core.management import CommandError, call_command
from pytest_django import Settings

from social.models import Channel

pytestmark = pytest.mark.django_db
BASE = "http://publer.example/api/v1"


@pytest.fixture(autouse=True)
def connected(settings: Settings) -> None:
    settings.PUBLER_API_KEY = "very-secret-key"
    settings.PUBLER_BASE_URL = BASE


def accounts(status: int = 200) -> None:
    responses.get(f"{BASE}/workspaces", json=[{"id": "w1", "name": "Kiln & Linen"}])
    listed = [{"id": "a1", "provider": "twitter", "name": "@kiln", "type": "profile"}]
    body = listed if status == 200 else {"errors": ["Invalid API key"]}
    responses.get(f"{BASE}/accounts", json=body, status=status)


def run(name: str) -> str:
    out = StringIO()
    call_command(name, stdout=out)
    return out.getvalue()


@responses.activate
def test_syncing_prints_a_count() -> None:
    accounts()
    assert run("sync_channels") == "1\n"
    assert Channel.objects.get().account_id == "a1"


@responses.activate
def test_syncing_fails_in_words() -> None:
    accounts(401)
    with pytest.raises(CommandError, match="Invalid API key") as failed:
        run("sync_channels")
    assert "very-secret-key" not in str(failed.value)


def test_syncing_without_a_key_says_what_is_missing(settings: Settings) -> None:
    settings.PUBLER_API_KEY = ""
    with pytest.raises(CommandError, match="PUBLER_API_KEY"):
        run("sync_channels")


@responses.activate
def test_a_connection_that_works_has_a_line() -> None:
    accounts()
    lines = run("check_connections").splitlines()
    assert lines[0] == "Publer: works, Kiln & Linen, 1 account"
    assert [line.partition(":")[0] for line in lines] == ["Publer", "Shopify", "Chatwoot"]


@responses.activate
def test_a_connection_that_fails_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    accounts(403)
    with pytest.raises(SystemExit) as ended:
        call_command("check_connections")
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert said.startswith("Publer: fails: ")
    assert said.count("\n") == 3
    assert "very-secret-key" not in said


def test_what_is_not_set_up_does_not_fail(settings: Settings) -> None:
    settings.PUBLER_API_KEY = ""
    lines = run("check_connections").splitlines()
    assert [" ".join(line.split()[1:4]) for line in lines] == ["not set up"] * 3
