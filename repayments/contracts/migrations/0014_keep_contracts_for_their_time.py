"""When a contract ended unsigned, until when it is kept, and what was found of stored files."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("contracts", "0013_let_one_version_be_published"),
        ("loans", "0005_mark_what_is_owed_again"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="contract",
            options={"permissions": [("hold_contract", "Can place and lift a legal hold on a contract")], "verbose_name": "contract", "verbose_name_plural": "contracts"},
        ),
        migrations.AddField(
            model_name="blob",
            name="checked_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last re-hashed"),
        ),
        migrations.AddField(
            model_name="blob",
            name="fault",
            field=models.CharField(blank=True, max_length=10, verbose_name="fault"),
        ),
        migrations.AddField(
            model_name="blob",
            name="fault_since",
            field=models.DateTimeField(blank=True, null=True, verbose_name="fault found"),
        ),
        migrations.AddField(
            model_name="blob",
            name="purged_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="bytes removed"),
        ),
        migrations.AddField(
            model_name="contract",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="ended unsigned at"),
        ),
        migrations.AddField(
            model_name="contract",
            name="keep_until",
            field=models.DateField(blank=True, null=True, verbose_name="kept until"),
        ),
        migrations.AddField(
            model_name="contract",
            name="purged_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="content removed at"),
        ),
        migrations.AddIndex(
            model_name="blob",
            index=models.Index(condition=models.Q(("purged_at__isnull", True)), fields=["checked_at"], name="contracts_blob_to_check"),
        ),
        migrations.AddIndex(
            model_name="blob",
            index=models.Index(condition=models.Q(("fault", ""), _negated=True), fields=["fault_since"], name="contracts_blob_with_fault"),
        ),
        migrations.AddIndex(
            model_name="contract",
            index=models.Index(condition=models.Q(("purged_at__isnull", True), ("status__in", ["declined", "expired", "voided", "superseded"])), fields=["ended_at"], name="contracts_contract_to_purge"),
        ),
    ]
