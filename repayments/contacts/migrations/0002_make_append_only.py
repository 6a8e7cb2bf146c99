"""The database itself refuses to change or delete these rows."""

from django.db import migrations

from repayments.append_only import protect


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]
    operations = [protect("contacts_decision"), protect("contacts_contactattempt")]
