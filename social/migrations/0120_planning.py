"""When a channel posts and when it does not, and who sets that."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def let_approvers_and_operators_plan(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    config = apps.get_app_config("social")
    before = getattr(config, "models_module", None)
    config.models_module = True
    create_permissions(config, verbosity=0, apps=apps)
    config.models_module = before
    permission = apps.get_model("auth", "Permission").objects.get(
        content_type__app_label="social", codename="change_channel"
    )
    for name in ("Approver", "Operator"):
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("social", "0090_indexes_of_what_is_open"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="slots",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="posting slots: seven lists of times (Monday first), by the shop's clock",
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="decide_lead",
            field=models.PositiveIntegerField(
                default=120,
                help_text="minutes before its time by which somebody has to decide about a post",
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="default_tags",
            field=models.CharField(
                blank=True, max_length=300, help_text="hashtags offered to whoever writes"
            ),
        ),
        migrations.CreateModel(
            name="Blackout",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        blank=True,
                        help_text="none: every one",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="blackouts",
                        to="social.channel",
                    ),
                ),
            ],
            options={
                "ordering": ["starts_at", "id"],
                "default_permissions": (),
                "indexes": [models.Index(fields=["ends_at"], name="blackout_by_end")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="blackout_ends_after_start",
                    )
                ],
            },
        ),
        migrations.RunPython(let_approvers_and_operators_plan, migrations.RunPython.noop),
    ]
