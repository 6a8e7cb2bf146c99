"""An index of the contracts whose time to sign is running, for the minute's sweep."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contracts", "0010_seed_sign_reminder")]
    operations = [
        migrations.AddIndex(
            model_name="contract",
            index=models.Index(
                condition=models.Q(
                    ("status__in", ["draft", "frozen", "sent", "viewed", "consented"])
                ),
                fields=["expires_at"],
                name="contracts_contract_to_sign",
            ),
        )
    ]
