"""Beat's entries in the admin."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from tests.admin.conftest import SignIn

pytestmark = pytest.mark.django_db
LIST = "/admin/django_celery_beat/periodictask/"


@pytest.fixture
def entry(db: None) -> PeriodicTask:
    return PeriodicTask.objects.get(name="dispatch")


def test_an_operator_changes_the_pace_and_the_task_stays_what_it_is(
    entry: PeriodicTask, olga: User, signed_in: SignIn
) -> None:
    pace = IntervalSchedule.objects.create(every=30, period="seconds")
    form = {"interval": pace.pk, "expire_seconds": 30, "enabled": "on", "task": "os.system", "name": "mine"}
    answer = signed_in(olga).post(
        reverse("admin:django_celery_beat_periodictask_change", args=[entry.pk]), form
    )
    assert answer.status_code == 302
    entry.refresh_from_db()
    assert (entry.interval, entry.task, entry.name) == (pace, "social.tasks.dispatch", "dispatch")


def test_entries_are_switched_off_and_on_and_beat_is_told(
    entry: PeriodicTask, olga: User, signed_in: SignIn
) -> None:
    client, before = signed_in(olga), PeriodicTasks.last_change()  # type: ignore[no-untyped-call]
    for action, state in (("switch_off", False), ("switch_on", True)):
        client.post(LIST, {"action": action, "_selected_action": entry.pk})
        entry.refresh_from_db()
        assert entry.enabled is state
    assert PeriodicTasks.last_change() != before  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_only_an_operator_changes_the_schedule(
    name: str, entry: PeriodicTask, request: pytest.FixtureRequest, signed_in: SignIn
) -> None:
    client = signed_in(request.getfixturevalue(name))
    assert client.post(LIST, {"action": "switch_off", "_selected_action": entry.pk}).status_code == 403
    entry.refresh_from_db()
    assert entry.enabled


def test_who_may_only_look_at_the_schedule_switches_nothing(
    entry: PeriodicTask, nina: User, signed_in: SignIn
) -> None:
    nina.user_permissions.add(Permission.objects.get(codename="view_periodictask"))
    signed_in(nina).post(LIST, {"action": "switch_off", "_selected_action": entry.pk})
    entry.refresh_from_db()
    assert entry.enabled


def test_an_operator_makes_no_entry_and_deletes_none(
    entry: PeriodicTask, olga: User, signed_in: SignIn
) -> None:
    client = signed_in(olga)
    assert client.post(f"{LIST}add/", {"name": "x", "task": "os.system"}).status_code == 403
    assert client.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_superuser_makes_an_entry(rita: User, signed_in: SignIn) -> None:
    pace = IntervalSchedule.objects.get(every=10, period="seconds")
    form = {"name": "mine", "task": "social.tasks.poll", "interval": pace.pk, "args": "[]", "kwargs": "{}"}
    assert signed_in(rita).post(f"{LIST}add/", form).status_code == 302
    assert PeriodicTask.objects.get(name="mine").task == "social.tasks.poll"
