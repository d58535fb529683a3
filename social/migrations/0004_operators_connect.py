"""Operators connect, renew, pause and disconnect providers."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def let_operators_connect(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    config = apps.get_app_config("integrations")
    before = getattr(config, "models_module", None)
    config.models_module = True
    create_permissions(config, verbosity=0, apps=apps)
    config.models_module = before
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="Operator")
    permission = apps.get_model("auth", "Permission").objects.get(
        content_type__app_label="integrations", codename="manage_connection"
    )
    group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("social", "0003_revision_dated_by_the_database"),
        ("integrations", "0002_credentials_and_notices"),
    ]
    operations = [migrations.RunPython(let_operators_connect, migrations.RunPython.noop)]
