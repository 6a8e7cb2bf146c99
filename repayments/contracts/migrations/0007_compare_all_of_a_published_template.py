"""The database refuses any change of published words but their retirement, to NULL as well."""

from django.db import migrations

from repayments.append_only import protect_anew


class Migration(migrations.Migration):
    dependencies = [("contracts", "0006_seed_settlement_letter_message")]
    operations = [protect_anew("contracts_templateversion")]
