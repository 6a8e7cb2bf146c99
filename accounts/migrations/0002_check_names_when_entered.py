"""Forms refuse a name that no document can print; nothing changes in the database."""

from django.db import migrations, models

from accounts.names import check_name


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.AlterField(
            model_name="borrower",
            name="legal_name",
            field=models.CharField(
                max_length=200, validators=[check_name], verbose_name="legal name"
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="name",
            field=models.CharField(
                blank=True, max_length=200, validators=[check_name], verbose_name="name"
            ),
        ),
    ]
