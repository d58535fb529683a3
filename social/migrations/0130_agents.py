"""A token is an agent: what it does, its quota, whether it is stopped, and which decisions it was told of."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('social', '0120_planning'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Told',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AlterModelOptions(
            name='apitoken',
            options={'ordering': ['name', 'id'], 'verbose_name': 'agent'},
        ),
        migrations.AddField(
            model_name='apitoken',
            name='daily_quota',
            field=models.PositiveIntegerField(blank=True, help_text="most proposals a day of the shop's; without it as many as it likes", null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='instructions',
            field=models.TextField(blank=True, help_text='what it is told before each proposal, one a line', max_length=5000),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='notes',
            field=models.TextField(blank=True, help_text='how far it is to be trusted; for people alone', max_length=5000),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='purpose',
            field=models.CharField(blank=True, help_text='what it does, in a few words', max_length=200),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='stop_reason',
            field=models.CharField(blank=True, editable=False, max_length=300),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='stopped_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='stopped_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='post',
            index=models.Index(fields=['token', 'created_at'], condition=models.Q(('token__isnull', False)), name='post_by_agent'),
        ),
        migrations.AddField(
            model_name='told',
            name='decision',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='told', to='social.approval'),
        ),
        migrations.AddField(
            model_name='told',
            name='token',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='social.apitoken'),
        ),
        migrations.AddConstraint(
            model_name='told',
            constraint=models.UniqueConstraint(fields=('decision', 'token'), name='told_once'),
        ),
    ]
