"""What went wrong, in words; and the database away is no fault of anybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.urls import reverse

from hotdash import errors
from tests.admin.conftest import SignIn

pytestmark = pytest.mark.django_db


@contextmanager
def _no_database() -> Iterator[None]:
    def refuse(*args: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.parametrize("debug", [False, True])
def test_a_page_that_is_not_there_is_told_in_words(
    debug: bool, ann: User, signed_in: SignIn, settings: Any
) -> None:
    settings.DEBUG = debug
    for path in ("/admin/nowhere/", "/nowhere"):
        answer = signed_in(ann).get(path)
        assert answer.status_code == 404
        assert "This page is not here" in answer.content.decode()


@pytest.mark.parametrize("debug", [False, True])
def test_an_address_that_is_not_ours_is_told_in_words(debug: bool, client: Client, settings: Any) -> None:
    settings.DEBUG = debug
    answer = client.get("/admin/", headers={"host": "192.168.1.5"})
    assert answer.status_code == 400
    assert "HotDash does not go by this address" in answer.content.decode()


def test_what_one_may_not_do_is_told_with_the_reason(ann: User, signed_in: SignIn) -> None:
    answer = signed_in(ann).get(reverse("admin:pause_publishing"))
    assert answer.status_code == 403
    assert "Pausing publishing is for an approver or an operator." in answer.content.decode()


def test_with_the_database_away_each_page_answers_503_in_words_without_asking_it_again(
    ann: User, signed_in: SignIn
) -> None:
    client = signed_in(ann)
    with _no_database():
        answers = [client.get("/admin/"), client.post(reverse("admin:pause_publishing"), {"reason": "x"})]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "30"
        page = answer.content.decode()
        assert "The database did not answer" in page
        assert "server closed" not in page


def test_a_form_without_its_token_is_told_in_words(client: Client) -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("admin:login"), {"username": "ann"})
    assert answer.status_code == 403
    assert "nothing was changed" in answer.content.decode()


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_shows_a_number_and_nothing_of_the_inside(
    debug: bool, ann: User, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DEBUG = debug

    def broken(*args: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("hotdash.home.context", broken)
    client = signed_in(ann)
    client.raise_request_exception = False
    answer = client.get("/admin/")
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "HotDash made a mistake" in page
    assert "For an operator" in page
    assert "secret detail" not in page


def test_an_error_page_that_cannot_be_drawn_is_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **more: Any) -> str:
        raise ValueError("no manifest")

    monkeypatch.setattr(errors, "render_to_string", broken)
    answer = errors.not_found(RequestFactory().get("/"))
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "This page is not here" in answer.content.decode()


def test_the_database_away_outside_of_a_view_is_no_fault_either(rf: RequestFactory) -> None:
    try:
        raise OperationalError("server closed the connection unexpectedly")
    except OperationalError:
        assert errors.fault(rf.get("/admin/")).status_code == 503
    assert errors.fault(rf.get("/admin/")).status_code == 500
