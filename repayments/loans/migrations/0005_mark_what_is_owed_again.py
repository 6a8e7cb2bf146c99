"""Mark rows that hold what money had covered before it went back; the release before runs on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loans", "0004_seed_stages_product_and_workdays")]
    operations = [
        migrations.AddField(
            "installment",
            "owed_again",
            models.BooleanField(
                "owed again",
                default=False,
                db_default=False,
                help_text="No installment as agreed: money that had covered this much went back.",
            ),
        ),
    ]
