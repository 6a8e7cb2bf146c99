"""A code is entered on one page and spent on the next: note when it was right."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contracts", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="signingchallenge",
            name="passed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
