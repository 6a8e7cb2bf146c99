"""The database itself refuses to change or delete these rows."""

from django.db import migrations

from repayments.append_only import protect


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [protect("ledger_journalentry"), protect("ledger_posting")]
