"""The database itself refuses to change or delete daily heads, their leaves and time stamps."""

from django.db import migrations

from repayments.append_only import protect


class Migration(migrations.Migration):
    dependencies = [("contracts", "0008_keep_evidence_and_daily_heads")]
    operations = [
        protect("contracts_dailyhead"),
        protect("contracts_headleaf"),
        protect("contracts_headstamp"),
    ]
