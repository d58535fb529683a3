"""A notice can be an alarm: about no connection, since when it is so, and not told before it has lasted."""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def date_what_was_told(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    told_at = models.F("told_at")
    apps.get_model("integrations", "Notice").objects.update(since=told_at, seen_at=told_at)


class Migration(migrations.Migration):
    dependencies = [("integrations", "0060_pauses_end_by_themselves")]

    operations = [
        migrations.AddField(
            model_name="notice", name="headline", field=models.CharField(blank=True, max_length=200)
        ),
        migrations.AddField(
            model_name="notice",
            name="seen_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now, help_text="when it was first noticed"
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="since",
            field=models.DateTimeField(default=django.utils.timezone.now, help_text="since when it is so"),
        ),
        migrations.RunPython(date_what_was_told, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="notice",
            name="connection",
            field=models.ForeignKey(
                blank=True,
                help_text="none: an alarm",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notices",
                to="integrations.connection",
            ),
        ),
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[("refused", "refused"), ("ending", "about to end"), ("silent", "silent")],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="notice", name="told_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                condition=models.Q(kind="silent", over_at=None), fields=("about",), name="one_open_alarm"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(kind="silent", connection=None)
                | ~models.Q(kind="silent") & models.Q(connection__isnull=False),
                name="an_alarm_has_no_connection",
            ),
        ),
    ]
