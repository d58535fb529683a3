"""`connect_sandbox`: a sandbox that is connected without a click, by a key kept as under Integrations."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.connections import Connection
from integrations.credentials import Credential
from social.publishing import connect
from tests.permission import Provider, provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def publer(settings: Any) -> Iterator[Provider]:
    with provider(settings) as running:
        yield running


def run() -> int:
    out = StringIO()
    call_command("connect_sandbox", stdout=out)
    return int(out.getvalue())


def test_it_keeps_a_key_and_reads_the_accounts(publer: Provider) -> None:
    assert run() > 3
    assert Credential.objects.get().kind == "key"
    connected = connect.current()
    assert connected is not None
    assert connected.is_sandbox


def test_what_lets_us_in_already_stays(publer: Provider) -> None:
    run()
    before = Credential.objects.get().secret
    assert run() > 3
    assert Credential.objects.get().secret == before


def test_what_does_not_let_us_in_any_more_is_replaced(publer: Provider, settings: Any) -> None:
    run()
    Credential.objects.update(secret="", ended_at=timezone.now())
    run()
    assert Credential.objects.get().open_secret()
    settings.FIELD_ENCRYPTION_KEYS = ["another-key-of-some-length"]
    run()
    assert Credential.objects.get().open_secret()


def test_a_connection_to_publer_itself_is_not_replaced(publer: Provider) -> None:
    real = Connection.objects.create(
        provider="publer", workspace="w1", name="Kiln & Linen", base_url="https://app.publer.com/api/v1"
    )
    Credential.objects.create(connection=real, kind="key", secret="x", made_at=timezone.now())
    with pytest.raises(CommandError, match=r"Kiln & Linen at https://app\.publer\.com"):
        run()
    assert Credential.objects.get().connection == real


def test_beside_the_environments_key_nothing_is_kept(publer: Provider, settings: Any) -> None:
    settings.PUBLER_API_KEY = "from-the-environment"
    with pytest.raises(CommandError, match="PUBLER_API_KEY"):
        run()
    assert not Credential.objects.exists()
