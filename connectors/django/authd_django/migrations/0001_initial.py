import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Cursor",
            fields=[
                ("issuer", models.CharField(max_length=500, primary_key=True, serialize=False)),
                ("position", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                (
                    "sub",
                    models.UUIDField(
                        help_text="The account's id, which is never given to another.",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("version", models.BigIntegerField(help_text="Of the account, as the row has it.")),
                (
                    "user",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="authd_link",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
