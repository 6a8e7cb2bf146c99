"""The database refuses any change of published words but their retirement, to NULL as well."""

from django.db import migrations

from repayments.append_only import protect_anew


class Migration(migrations.Migration):
    dependencies = [("contacts", "0007_seed_help_answered")]
    operations = [protect_anew("contacts_messagetemplateversion")]
