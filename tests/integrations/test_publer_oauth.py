"""The authorization-code grant against Authlib's own server, and what is never said about it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from integrations.errors import BadAnswer, Refused
from integrations.publer import oauth
from tests.permission import CLIENT_SECRET, Provider, provider

BACK = "http://127.0.0.1:8000/back/"


@pytest.fixture
def publer(settings: Any) -> Iterator[Provider]:
    with provider(settings) as running:
        yield running


def granted(publer: Provider) -> oauth.Grant:
    asked = oauth.begin(BACK)
    return oauth.exchange(publer.allow(asked.url)["code"], asked.verifier, BACK)


def lets_in(publer: Provider, token: str) -> bool:
    answer = requests.get(
        f"{publer.sandbox.url}/api/v1/users/me", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    return answer.status_code == 200


def test_the_request_has_a_state_and_a_challenge_and_neither_verifier_nor_secret(publer: Provider) -> None:
    asked, another = oauth.begin(BACK), oauth.begin(BACK)
    query = parse_qs(urlsplit(asked.url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["state"] == [asked.state] != [another.state]
    assert query["scope"] == ["workspaces accounts posts"]
    assert asked.verifier not in asked.url
    assert CLIENT_SECRET not in asked.url
    assert asked.verifier != another.verifier


def test_a_code_brings_tokens_that_let_us_in(publer: Provider) -> None:
    asked = oauth.begin(BACK)
    came = publer.allow(asked.url)
    assert came["state"] == asked.state
    grant = oauth.exchange(came["code"], asked.verifier, BACK)
    assert lets_in(publer, grant.access)
    assert grant.expires_in == 3600


def test_a_code_is_good_for_one_exchange(publer: Provider) -> None:
    asked = oauth.begin(BACK)
    code = publer.allow(asked.url)["code"]
    oauth.exchange(code, asked.verifier, BACK)
    with pytest.raises(Refused) as refused:
        oauth.exchange(code, asked.verifier, BACK)
    assert refused.value.errors[0] == "invalid_grant"


def test_a_code_is_worth_nothing_without_the_verifier(publer: Provider) -> None:
    asked = oauth.begin(BACK)
    code = publer.allow(asked.url)["code"]
    with pytest.raises(Refused):
        oauth.exchange(code, oauth.begin(BACK).verifier, BACK)


def test_a_code_is_bound_to_the_way_back(publer: Provider) -> None:
    asked = oauth.begin(BACK)
    code = publer.allow(asked.url)["code"]
    with pytest.raises(Refused):
        oauth.exchange(code, asked.verifier, "http://127.0.0.1:8000/elsewhere/")


def test_refusing_brings_the_state_back_and_no_code(publer: Provider) -> None:
    asked = oauth.begin(BACK)
    came = publer.allow(asked.url, "refuse")
    assert came["error"] == "access_denied"
    assert came["state"] == asked.state
    assert "code" not in came


def test_a_challenge_in_plain_is_not_taken_by_the_sandbox(publer: Provider) -> None:
    url = oauth.begin(BACK).url.replace("S256", "plain")
    assert requests.get(url, timeout=10).status_code == 400


def test_a_refresh_token_is_good_once_and_its_predecessor_is_over(publer: Provider) -> None:
    first = granted(publer)
    second = oauth.renew(first.renewal)
    assert lets_in(publer, second.access)
    assert not lets_in(publer, first.access)
    with pytest.raises(Refused) as refused:
        oauth.renew(first.renewal)
    assert refused.value.errors[0] == "invalid_grant"


def test_what_is_revoked_lets_nobody_in(publer: Provider) -> None:
    grant = granted(publer)
    assert oauth.revoke(grant.renewal, "refresh_token")
    assert not lets_in(publer, grant.access)


def test_a_wrong_client_secret_is_refused_as_set_up_wrongly_by_an_operator(
    publer: Provider, settings: Any
) -> None:
    grant = granted(publer)
    settings.PUBLER_OAUTH_CLIENT_SECRET = "another-secret"
    with pytest.raises(Refused) as refused:
        oauth.renew(grant.renewal)
    assert refused.value.errors[0] == "invalid_client"


@responses.activate
@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<h1>Bad gateway</h1>", "status": 502},
        {"body": "<h1>Welcome</h1>", "status": 200},
        {"json": {"token_type": "Bearer"}, "status": 200},
        {"json": ["no", "object"], "status": 200},
        {"status": 302, "headers": {"Location": "http://elsewhere.example/"}},
    ],
)
def test_an_answer_that_is_no_grant_is_an_error_of_the_family(settings: Any, answer: dict[str, Any]) -> None:
    settings.PUBLER_OAUTH_TOKEN_URL = "https://publer.example/oauth/token"
    settings.PUBLER_OAUTH_CLIENT_ID = "hotdash"
    responses.post(settings.PUBLER_OAUTH_TOKEN_URL, **answer)
    with pytest.raises((BadAnswer, Refused)):
        oauth.renew("planted-refresh-token")
    assert len(responses.calls) == 1


@responses.activate
def test_no_secret_stands_in_an_error_even_where_the_server_repeats_it(settings: Any) -> None:
    settings.PUBLER_OAUTH_TOKEN_URL = "https://publer.example/oauth/token"
    settings.PUBLER_OAUTH_CLIENT_ID, settings.PUBLER_OAUTH_CLIENT_SECRET = "hotdash", CLIENT_SECRET
    planted = ("planted-code-77aa", "planted-verifier-88bb", CLIENT_SECRET)
    body = {"error": "invalid_grant", "error_description": " ".join(planted)}
    responses.post(settings.PUBLER_OAUTH_TOKEN_URL, json=body, status=400)
    with pytest.raises(Refused) as refused:
        oauth.exchange(*planted[:2], BACK)
    error = refused.value
    for secret in planted:
        assert secret not in f"{error} {error!r} {error.errors} {error.body} {error.__cause__!r}"
    assert error.__suppress_context__


def test_neither_request_nor_grant_shows_what_it_carries(publer: Provider) -> None:
    asked = oauth.begin(BACK)
    grant = granted(publer)
    for secret in (asked.state, asked.verifier, grant.access, grant.renewal):
        assert secret not in repr(asked)
        assert secret not in repr(grant)
