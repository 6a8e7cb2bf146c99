"""The database itself refuses to change published words; they can only be retired."""

from django.db import migrations

from repayments.append_only import protect


class Migration(migrations.Migration):
    dependencies = [("contacts", "0004_seed_message_templates")]
    operations = [protect("contacts_messagetemplateversion")]
