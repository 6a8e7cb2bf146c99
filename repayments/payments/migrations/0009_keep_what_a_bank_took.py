"""Keep with a dispute what the bank truly took; the release before runs on."""

from django.db import migrations

import repayments.fields


class Migration(migrations.Migration):
    dependencies = [("payments", "0008_link_a_mandate_to_its_payment")]
    operations = [
        migrations.AddField(
            "dispute",
            "withdrawn",
            repayments.fields.MoneyField(
                "taken by the bank",
                db_default=0,
                default=0,
                help_text=(
                    "What truly moved, also where the books could not show all of it yet."
                ),
            ),
        ),
    ]
