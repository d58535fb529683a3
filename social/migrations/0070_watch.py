"""A heartbeat for each process and each task, the minutes that the watch saw, and who is told of alarms."""

from typing import Any

import django.utils.timezone
from django.contrib.auth.management import create_permissions
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SECONDS = 10


def let_operators_watch(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    config = apps.get_app_config("social")
    before = getattr(config, "models_module", None)
    config.models_module = True
    create_permissions(config, verbosity=0, apps=apps)
    config.models_module = before
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="Operator")
    permission = apps.get_model("auth", "Permission").objects.get(
        content_type__app_label="social", codename="watch_publishing"
    )
    group.permissions.add(permission)


def make_entry(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """Beat's entry; it can be edited in the admin."""
    interval, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=SECONDS, period="seconds"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="watch",
        defaults={
            "task": "social.tasks.watch",
            "interval": interval,
            "expire_seconds": SECONDS,
            "description": "Notice what has fallen silent, and tell operators.",
        },
    )


class Migration(migrations.Migration):
    dependencies = [
        ("social", "0061_moved_times"),
        ("integrations", "0070_alarms"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        # What was written there is written anew within seconds, and its key changes.
        migrations.DeleteModel(name="Heartbeat"),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("host", models.CharField(blank=True, max_length=200)),
                ("pid", models.PositiveIntegerField(default=0)),
                (
                    "since",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="alive without a break since then"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("ended", models.BooleanField(default=False, help_text="it said that it ends")),
            ],
            options={
                "permissions": [
                    ("watch_publishing", "Can see the queue, and is told when publishing falls silent")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("name", "host", "pid"), name="one_heartbeat_a_process")
                ],
            },
        ),
        migrations.CreateModel(
            name="Minute",
            fields=[
                (
                    "at",
                    models.DateTimeField(help_text="its beginning", primary_key=True, serialize=False),
                ),
                (
                    "sent",
                    models.BooleanField(default=False, help_text="something was handed to the provider"),
                ),
                (
                    "silent",
                    models.BooleanField(
                        default=False, help_text="something due was not, and nothing explains it"
                    ),
                ),
                (
                    "depth",
                    models.PositiveIntegerField(default=0, help_text="deliveries that waited to be sent"),
                ),
            ],
        ),
        migrations.RunPython(let_operators_watch, migrations.RunPython.noop),
        migrations.RunPython(make_entry, migrations.RunPython.noop),
    ]
