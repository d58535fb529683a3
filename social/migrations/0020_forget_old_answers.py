"""Beat forgets the answers to old calls with an `Idempotency-Key`, once a day."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make_beat_entry(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    interval, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=1, period="days"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="forget-answers",
        defaults={
            "task": "social.tasks.forget_answers",
            "interval": interval,
            "expire_seconds": 3600,
            "description": "Forget the answers to calls with an Idempotency-Key that are older than 30 days.",
        },
    )


class Migration(migrations.Migration):
    dependencies = [("social", "0004_operators_connect"), ("django_celery_beat", "0019_alter_periodictasks_options")]
    operations = [migrations.RunPython(make_beat_entry, migrations.RunPython.noop)]
