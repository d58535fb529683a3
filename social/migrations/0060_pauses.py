"""Channels can be held, too; a pause may name its end; and who held what is kept for ever."""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from social.models import guards

SWITCH = ("social_switch",)


def date_the_pause(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """Whether it is paused is told by since when: a pause without a moment gets this one."""
    Engine = apps.get_model("social", "Engine")
    Engine.objects.filter(paused=True, paused_at=None).update(paused_at=django.utils.timezone.now())
    Engine.objects.filter(paused=False).update(paused_at=None, paused_by=None, pause_reason="")


def make_triggers(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in guards.create_sql(editor.connection.vendor, SWITCH):
        editor.execute(statement, params=None)  # a % in them is no placeholder


def drop_triggers(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in guards.drop_sql(editor.connection.vendor, SWITCH):
        editor.execute(statement)


def _fields(model: str) -> list[migrations.AddField]:
    return [
        migrations.AddField(
            model_name=model,
            name="paused_at",
            field=models.DateTimeField(blank=True, help_text="a person holds it since then", null=True),
        ),
        migrations.AddField(
            model_name=model,
            name="paused_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name=model, name="pause_reason", field=models.CharField(blank=True, max_length=300)
        ),
    ]


def _until(model: str) -> migrations.AddField:
    return migrations.AddField(
        model_name=model,
        name="paused_until",
        field=models.DateTimeField(blank=True, help_text="it goes on by itself then", null=True),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("social", "0051_engine_at_full_strength"),
        ("integrations", "0060_pauses_end_by_themselves"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *_fields("channel"),
        _until("channel"),
        _until("engine"),
        migrations.RunPython(date_the_pause, migrations.RunPython.noop),
        migrations.RemoveField(model_name="engine", name="paused"),
        migrations.AlterField(
            model_name="engine",
            name="paused_at",
            field=models.DateTimeField(blank=True, help_text="a person holds it since then", null=True),
        ),
        migrations.AlterField(
            model_name="engine",
            name="paused_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="Switch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("paused", models.BooleanField(help_text="held from then on; else let go on")),
                ("until", models.DateTimeField(help_text="it goes on by itself then", null=True)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("at", models.DateTimeField(help_text="by the database's clock")),
                ("by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("channel", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="social.channel")),
                ("connection", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="integrations.connection")),
            ],
            options={
                "verbose_name": "pause",
                "default_permissions": (),
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("connection", None), ("channel", None), _connector="OR"),
                        name="switch_of_one_thing_or_all",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("paused", False), models.Q(("reason", ""), _negated=True), _connector="OR"),
                        name="pause_has_a_reason",
                    ),
                ],
            },
        ),
        migrations.RunPython(make_triggers, drop_triggers),
    ]
