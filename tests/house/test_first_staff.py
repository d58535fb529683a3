import io
import stat
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def development(settings: Settings, tmp_path: Path) -> None:
    settings.DEBUG = True
    settings.VAR_DIR = tmp_path / "var"


def first_staff() -> dict[str, tuple[str, str]]:
    out = io.StringIO()
    call_command("first_staff", stdout=out)
    lines = [line.split("\t") for line in out.getvalue().splitlines()]
    return {name: (password, groups) for name, password, groups in lines}


def test_an_author_and_an_approver_are_made_once() -> None:
    first = first_staff()
    assert {name: groups for name, (_, groups) in first.items()} == {
        "ann": "Author",
        "bob": "Approver and Operator",
    }
    ann = User.objects.get(username="ann")
    assert (ann.get_full_name(), ann.email, ann.is_staff) == ("Ann Weber", "ann@kilnandlinen.example", True)
    assert not ann.is_superuser
    assert ann.check_password(first["ann"][0])
    assert first_staff() == first


def test_a_password_that_was_changed_is_no_longer_told() -> None:
    first_staff()
    ann = User.objects.get(username="ann")
    ann.set_password("her own")
    ann.save()
    assert set(first_staff()) == {"bob"}


def test_where_there_is_a_user_nobody_is_made() -> None:
    User.objects.create_user("carla")
    assert first_staff() == {}
    assert User.objects.count() == 1


def test_in_production_nobody_is_made(settings: Settings) -> None:
    settings.DEBUG = False
    assert first_staff() == {}
    assert not User.objects.exists()


def test_only_the_owner_reads_the_passwords(settings: Settings) -> None:
    first_staff()
    assert stat.S_IMODE((settings.VAR_DIR / "sign-in").stat().st_mode) == 0o600
