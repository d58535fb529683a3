import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django_celery_beat.models import PeriodicTask

from social.models import Engine


def triggers() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
            if connection.vendor == "sqlite"
            else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname"
        )
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.django_db(transaction=True)
def test_history_is_guarded_again_after_a_tests_tables_were_emptied() -> None:
    before = triggers()
    call_command("flush", interactive=False, inhibit_post_migrate=True, verbosity=0)
    assert before
    assert triggers() == before


@pytest.mark.django_db(transaction=True)
def test_what_migrations_filled_in_is_there_again_after_the_tables_were_emptied() -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert set(Group.objects.values_list("name", flat=True)) == {"Author", "Approver", "Operator"}
    assert Engine.objects.filter(pk=1).exists()
    assert PeriodicTask.objects.filter(name="dispatch").exists()
