"""Templates and phrases, which authors and approvers keep."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def let_writers_keep_words(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    config = apps.get_app_config("social")
    before = getattr(config, "models_module", None)
    config.models_module = True
    create_permissions(config, verbosity=0, apps=apps)
    config.models_module = before
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="social", codename__endswith="_savedwords"
    )
    for name in ("Author", "Approver"):
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(*permissions)


class Migration(migrations.Migration):
    dependencies = [("social", "0130_agents")]

    operations = [
        migrations.CreateModel(
            name="SavedWords",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("template", "Template"), ("phrase", "Phrase")], default="phrase", max_length=10)),
                ("name", models.CharField(help_text="by which it is chosen", max_length=80)),
                ("text", models.TextField(max_length=10000)),
            ],
            options={
                "verbose_name": "saved words",
                "verbose_name_plural": "saved words",
                "ordering": ["kind", "name", "id"],
                "constraints": [models.UniqueConstraint(fields=("kind", "name"), name="saved_words_once_a_name")],
            },
        ),
        migrations.RunPython(let_writers_keep_words, migrations.RunPython.noop),
    ]
