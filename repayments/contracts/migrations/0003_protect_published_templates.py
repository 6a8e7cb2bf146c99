"""The database itself refuses to change a published template; it can only be retired."""

from django.db import migrations

from repayments.append_only import protect


class Migration(migrations.Migration):
    dependencies = [("contracts", "0002_let_a_challenge_be_passed")]
    operations = [protect("contracts_templateversion")]
