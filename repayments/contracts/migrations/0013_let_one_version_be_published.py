"""A template has one published version: two that are published at once cannot both stand."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contracts", "0012_seed_contract_withdrawn")]
    operations = [
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "published")),
                fields=("template", "locale"),
                name="contracts_templateversion_one_published",
            ),
        )
    ]
