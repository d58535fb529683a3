"""Triggers that keep history, the groups with their permissions, and the engine's row."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from social.models import guards

GROUPS = {
    "Author": [
        "social.add_post",
        "social.change_post",
        "social.view_post",
        "social.view_channel",
        "social.view_delivery",
        "social.view_event",
    ],
    "Approver": [
        "social.add_post",
        "social.change_post",
        "social.view_post",
        "social.view_channel",
        "social.view_delivery",
        "social.view_event",
        "social.approve_post",
        "social.publish_post",
        "social.recall_post",
        "social.cancel_post",
        "social.pause_publishing",
    ],
    "Operator": [
        "social.view_post",
        "social.view_channel",
        "social.view_delivery",
        "social.view_event",
        "social.publish_post",
        "social.recall_post",
        "social.cancel_post",
        "social.pause_publishing",
        "social.add_apitoken",
        "social.change_apitoken",
        "social.view_apitoken",
        "integrations.view_connection",
        "auth.add_user",
        "auth.change_user",
        "auth.view_user",
        "auth.view_group",
        "django_celery_beat.change_periodictask",
        "django_celery_beat.view_periodictask",
        "django_celery_beat.add_intervalschedule",
        "django_celery_beat.change_intervalschedule",
        "django_celery_beat.view_intervalschedule",
    ],
}


def make_triggers(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in guards.create_sql(editor.connection.vendor):
        editor.execute(statement, params=None)  # a % in them is no placeholder


def drop_triggers(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in guards.drop_sql(editor.connection.vendor):
        editor.execute(statement)


def make_groups(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """Permissions are otherwise made after all migrations: too late to hand them out in one."""
    for label in ("auth", "social", "integrations", "django_celery_beat"):
        config = apps.get_app_config(label)
        before = getattr(config, "models_module", None)
        config.models_module = True
        create_permissions(config, verbosity=0, apps=apps)
        config.models_module = before
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, permissions in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        for permission in permissions:
            label, codename = permission.split(".")
            group.permissions.add(Permission.objects.get(content_type__app_label=label, codename=codename))


def make_engine(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("social", "Engine").objects.get_or_create(pk=1)


def make_beat_entries(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """Beat's entries; they can be edited in the admin. `expire_seconds`: a stopped worker finds no heap."""
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, task, seconds, description in (
        ("dispatch", "social.tasks.dispatch", 10, "Send what is due."),
        ("poll", "social.tasks.poll", 3, "Ask Publer what became of what was sent."),
        ("sync-channels", "social.tasks.sync_channels", 300, "Read the connected accounts from Publer."),
    ):
        interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
        PeriodicTask.objects.get_or_create(
            name=name,
            defaults={
                "task": task,
                "interval": interval,
                "expire_seconds": max(10, seconds),
                "description": description,
            },
        )


class Migration(migrations.Migration):
    dependencies = [
        ("social", "0001_initial"),
        ("integrations", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [
        migrations.RunPython(make_triggers, drop_triggers),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
        migrations.RunPython(make_engine, migrations.RunPython.noop),
        migrations.RunPython(make_beat_entries, migrations.RunPython.noop),
    ]
